"""Reading the matches of a compiled pattern, RE2's and Python's alike."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, NamedTuple

from otel_llm.detection.extent import min_width
from otel_llm.detection.pattern import has_edges, separated

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

__all__ = ["Matcher", "compiled_twice", "iterate"]


class Matcher(NamedTuple):
    """A compiled pattern."""

    search: Callable[[bytes, int, int], Any]
    """Returns the first match between two offsets."""
    group: int
    """What of a match is looked for."""
    least: int
    """Bytes: there is no match in fewer."""


def compiled_twice(
    expressions: Sequence[str], compiled: Callable[[Sequence[str]], list[Any]]
) -> tuple[list[Matcher], list[Matcher]]:
    """Compile for texts joined by NUL, and for texts in quotes; what knows no edges is the same for both."""
    plain = [*map(_matcher, compiled([separated(each) for each in expressions]), expressions)]
    quoted = plain[:]
    edged = [place for place, each in enumerate(expressions) if has_edges(each)]
    again = compiled([separated(expressions[place], quoted=True) for place in edged])
    for place, pattern in zip(edged, again, strict=True):
        quoted[place] = _matcher(pattern, expressions[place])
    return plain, quoted


def _matcher(pattern: Any, expression: str) -> Matcher:
    return Matcher(pattern.search, 1 if pattern.groups else 0, min_width(expression))


def iterate(matcher: Matcher, data: bytes, begin: int = 0, end: int | None = None) -> Iterator[tuple[int, int]]:
    """Yield the span of the first group, or of the match where that took no part in it, between two offsets.

    What a pattern wants to stand behind its group may be what it wants before the next one: a search begins where
    the group ends.
    """
    search, group, least = matcher
    position = begin
    stop = len(data) if end is None else end
    while stop - position >= least and (match := search(data, position, stop)):
        first, last = match.span(group)
        if first < 0:
            first, last = match.span()
        if last > first:
            yield first, last
        position = max(last, position + 1)
