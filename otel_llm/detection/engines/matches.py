"""Reading the matches of a compiled pattern, RE2's and Python's alike."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from otel_llm.detection.pattern import has_edges, separated

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

__all__ = ["compiled_twice", "iterate"]


def compiled_twice(expressions: Sequence[str], compiled: Callable[[Sequence[str]], list[Any]]) -> tuple[list[Any], ...]:
    """Compile for texts joined by NUL, and for texts in quotes; what knows no edges is the same for both."""
    plain = compiled([separated(each) for each in expressions])
    quoted = plain[:]
    edged = [place for place, each in enumerate(expressions) if has_edges(each)]
    again = compiled([separated(expressions[place], quoted=True) for place in edged])
    for place, pattern in zip(edged, again, strict=True):
        quoted[place] = pattern
    return plain, quoted


def iterate(pattern: Any, data: bytes, begin: int = 0, end: int | None = None) -> Iterator[tuple[int, int]]:
    """Yield the span of the first group, or of the match where that took no part in it, between two offsets.

    What a pattern wants to stand behind its group may be what it wants before the next one: a search begins where
    the group ends.
    """
    group = 1 if pattern.groups else 0
    search = pattern.search
    position = begin
    stop = len(data) if end is None else end
    while match := search(data, position, stop):
        first, last = match.span(group)
        if first < 0:
            first, last = match.span()
        if last > first:
            yield first, last
        position = max(last, position + 1)
