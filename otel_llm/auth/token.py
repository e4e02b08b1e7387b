"""What a bearer token may look like: wider than RFC 6750, section 2.1, as the tokens of many issuers are."""

from __future__ import annotations

import re
from typing import Final

__all__ = ["RULE", "is_token"]

RULE: Final = "must be visible ASCII without spaces, of one character at least"

_FORM: Final = re.compile(r"[\x21-\x7e]+")


def is_token(text: str) -> bool:
    """Tell whether a header can carry *text* as a token."""
    return _FORM.fullmatch(text) is not None
