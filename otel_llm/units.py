"""Quantities as people write them in a config."""

from __future__ import annotations

import re
from typing import Any, Final

__all__ = ["format_duration", "parse_duration", "parse_integer"]

_SECONDS: Final = {
    "ns": 1e-9,
    "us": 1e-6,
    "µs": 1e-6,
    "ms": 1e-3,
    "s": 1.0,
    "m": 60.0,
    "h": 3600.0,
    "d": 86_400.0,
}
_PART: Final = re.compile(r"(\d+(?:\.\d+)?)(ns|us|µs|ms|s|m|h|d)")


def parse_duration(value: Any) -> float:
    """Return seconds for a duration with its unit, as the Collector writes it: `200ms`, `1m30s`, `0`; also `30d`."""
    if value == 0 and not isinstance(value, bool):
        return 0.0
    if not isinstance(value, str):
        msg = "must be a duration with a unit, such as 200ms, 5s or 1m30s"
        raise ValueError(msg)  # noqa: TRY004 - pydantic reports ValueError with its place; TypeError would escape it
    text = value.strip()
    parts = _PART.findall(text)
    if text == "0":
        return 0.0
    if not parts or "".join(number + unit for number, unit in parts) != text:
        msg = "must be a duration with a unit, such as 200ms, 5s or 1m30s"
        raise ValueError(msg)
    return sum(float(number) * _SECONDS[unit] for number, unit in parts)


def parse_integer(value: Any) -> Any:
    """Return *value* for pydantic to read as an integer, unless it is a boolean or a fraction."""
    if isinstance(value, bool | float):
        msg = "must be a whole number"
        raise ValueError(msg)  # noqa: TRY004 - as above
    return value


def format_duration(seconds: float) -> str:
    """Return a short text for people: `0.2s`, `90s`."""
    return f"{seconds:g}s"
