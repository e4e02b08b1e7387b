"""Reading the matches of a compiled pattern, RE2's and Python's alike."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["iterate"]


def iterate(pattern: Any, data: bytes) -> Iterator[tuple[int, int]]:
    """Yield the span of the first group, or of the match where that took no part in it.

    What a pattern wants to stand behind its group may be what it wants before the next one: a search begins where
    the group ends.
    """
    group = 1 if pattern.groups else 0
    search = pattern.search
    position = 0
    while match := search(data, position):
        start, end = match.span(group)
        if start < 0:
            start, end = match.span()
        if end > start:
            yield start, end
        position = max(end, position + 1)
