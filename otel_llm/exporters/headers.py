"""Headers that a config adds to every request: kept from logs and dumps, checked before anything starts."""

from __future__ import annotations

import re
from typing import Annotated, Final

from pydantic import AfterValidator, SecretStr

__all__ = ["Headers", "plain"]

_NAME: Final = re.compile(r"[0-9A-Za-z!#$%&'*+.^_`|~-]+")  # RFC 9110, section 5.6.2: token
_VALUE: Final = re.compile(r"[\x20-\x7e]*")


def _checked(headers: dict[str, SecretStr]) -> dict[str, SecretStr]:
    for name, value in headers.items():
        if not _NAME.fullmatch(name):
            raise ValueError("has a name that no header can have")
        if not _VALUE.fullmatch(value.get_secret_value()):
            raise ValueError("has a value that is not printable ASCII")
    return headers


Headers = Annotated[dict[str, SecretStr], AfterValidator(_checked)]
"""Header names and values. The values are secrets: they never show in a dump of the config."""


def plain(headers: dict[str, SecretStr]) -> dict[str, str]:
    """Return *headers* as they are sent, with names in lower case as HTTP/2 and gRPC want them."""
    return {name.lower(): value.get_secret_value() for name, value in headers.items()}
