"""What an examination finds."""

from __future__ import annotations

from typing import Literal, NamedTuple

__all__ = ["Finding"]


class Finding(NamedTuple):
    """One thing that was looked at."""

    state: Literal["ok", "warning", "problem"]
    what: str
    """What was seen, with its place in the config."""
    advice: str = ""
    """What to do about it."""
