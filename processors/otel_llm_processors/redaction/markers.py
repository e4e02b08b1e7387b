"""What stands where something was removed.

A marker is ASCII without quotes or backslashes: it can be put into JSON at any depth by offset.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from typing import Final

__all__ = ["Markers", "marker", "unscanned"]

_MARKER: Final = re.compile(
    r"\[(?:REDACTED:([a-z0-9._-]{1,64})(?::[a-z0-9]{1,8}:(?:[0-9a-f]{1,16}|siv\.[A-Za-z0-9_-]{22,8192}))?(?:\*{4}\d{4})?|UNSCANNED:[a-z]{1,16})\]"
)

_BEGINS: Final = ("[REDACTED:", "[UNSCANNED:")
"""To look for these first is many times faster: brackets are everywhere in JSON."""


def marker(label: str, detail: str = "") -> str:
    """Return the marker of a type, with a digest where one is wanted."""
    return f"[REDACTED:{label}{detail}]"


def unscanned(reason: str) -> str:
    """Return what stands for a text that was not looked at."""
    return f"[UNSCANNED:{reason}]"


class Markers:
    """The markers in one text. They are never matched again: neither they nor a part of them is a secret."""

    def __init__(self, text: str, labels: frozenset[str]) -> None:
        """Find them. What names no type that is known may be anybody's, and is not one."""
        all_markers = _MARKER.finditer(text) if any(begin in text for begin in _BEGINS) else ()
        found = [match for match in all_markers if match[1] is None or match[1] in labels]
        self._starts = [match.start() for match in found]
        self._ends = [match.end() for match in found]

    def __contains__(self, span: tuple[int, int]) -> bool:
        start, end = span
        place = bisect_right(self._starts, start) - 1
        return place >= 0 and end <= self._ends[place]
