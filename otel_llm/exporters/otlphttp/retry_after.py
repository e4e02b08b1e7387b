"""The header `Retry-After` (RFC 9110, section 10.2.3)."""

from __future__ import annotations

import re
from email.utils import parsedate_to_datetime
from typing import Final

__all__ = ["parse_retry_after"]

_SECONDS: Final = re.compile(r"[0-9]{1,9}")


def parse_retry_after(value: str | None, now: float) -> float | None:
    """Return seconds to wait, of either form of the header; None where it is absent or neither.

    *now* is in seconds since 1970. A date that has passed gives zero or less.
    """
    if value is None:
        return None
    if _SECONDS.fullmatch(value):
        return float(value)
    try:
        return parsedate_to_datetime(value).timestamp() - now
    except (ValueError, OverflowError):
        return None
