"""Hyperscan tells which patterns may match and where such a match ends; RE2 then tells where it begins.

Block mode, no start of match: that compiles every pattern. Two sets of triggers: one for requests as they came, without
word boundaries, of which each is told once; one for texts, which tells every end, so that RE2 is sent over no more than
what a match that ends there can be wide.
"""

from __future__ import annotations

from bisect import bisect_right
from typing import TYPE_CHECKING, Any, Final

import hyperscan

from otel_llm.detection.engines.matches import compiled_twice, iterate
from otel_llm.detection.engines.re2 import compile_re2
from otel_llm.detection.pattern import max_width, shortened

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from otel_llm.detection.engines import Pattern

__all__ = ["HyperscanEngine", "HyperscanProgram"]

_EDGE: Final = 2
"""Of NUL, which stand for the edges of a text and are no part of a match's width."""
_MIN_ENDS: Final = 4096
"""Ends of matches that are taken in, besides one for each byte: each is a call of Python."""


class HyperscanProgram:
    """Databases and the patterns of RE2, shared; scratch space is each thread's own."""

    def __init__(self, patterns: Sequence[Pattern], disguises: Sequence[str]) -> None:
        self._patterns = compiled_twice([pattern.expression for pattern in patterns], compile_re2)
        # What begins a match stands so much before its end, and where another expression is its trigger, behind it too.
        self._reach = [
            (width, width if pattern.trigger else 0)
            for pattern, width in ((each, max_width(each.expression) + _EDGE) for each in patterns)
        ]
        self._loose = _database([*(pattern.loose for pattern in patterns), *disguises], hyperscan.HS_FLAG_SINGLEMATCH)
        self._exact = _database([shortened(pattern.trigger or pattern.expression) for pattern in patterns])

    def __call__(self) -> HyperscanEngine:
        """Make an engine for a thread."""
        return HyperscanEngine(self._loose, self._exact, self._patterns, self._reach)


class HyperscanEngine:
    """One thread's."""

    def __init__(
        self, loose: Any, exact: Any, patterns: Sequence[Sequence[Any]], reach: Sequence[tuple[int, int]]
    ) -> None:
        self._loose = loose.scan
        self._exact = exact.scan
        self._loose_scratch = hyperscan.Scratch(loose)
        self._exact_scratch = hyperscan.Scratch(exact)
        self._patterns = patterns
        self._reach = reach

    def found(self, data: bytes, starts: Sequence[int]) -> Iterator[tuple[int, int, int, int]]:
        """Yield the patterns that may match, each with a stretch that a match lies in."""
        ends: dict[int, list[int]] = {}
        left = _MIN_ENDS + len(data)

        def on_match(pattern: int, _start: int, end: int, *_: object) -> bool:
            nonlocal left
            left -= 1
            if pattern in ends:
                ends[pattern].append(end)
            else:
                ends[pattern] = [end]
            return left < 0

        try:
            self._exact(data, match_event_handler=on_match, scratch=self._exact_scratch)
        except hyperscan.ScanTerminated:
            raise OverflowError from None
        for pattern, found in ends.items():
            yield from self._stretches(pattern, found, starts)

    def _stretches(
        self, pattern: int, ends: Sequence[int], starts: Sequence[int]
    ) -> Iterator[tuple[int, int, int, int]]:
        """Yield where matches with these ends lie, neighbours as one, none over the edge of a text."""
        before, behind = self._reach[pattern]
        first = last = edge = -1
        for end in sorted(ends):
            if end > edge or end - before > last:
                if last >= 0:
                    yield pattern, first, last, last - first
                place = bisect_right(starts, end - 1)
                edge = starts[place]
                first = max(end - before, starts[place - 1] - 1, 0)
            last = min(end + behind, edge)
        if last >= 0:
            yield pattern, first, last, last - first

    def fired_only(self, data: bytes, tolerated: frozenset[int]) -> Sequence[int] | None:
        """Return the tolerated ones that may match; None where another one may."""
        fired: list[int] = []

        def on_match(pattern: int, *_: object) -> bool:
            fired.append(pattern)
            return pattern not in tolerated

        try:
            self._loose(data, match_event_handler=on_match, scratch=self._loose_scratch)
        except hyperscan.ScanTerminated:
            return None
        return fired

    def spans(
        self, pattern: int, data: bytes, begin: int = 0, end: int | None = None, *, quoted: bool = False
    ) -> Iterator[tuple[int, int]]:
        """Yield where one pattern matches."""
        # RE2's module copies whatever it is given at every call. A byte more on each side tells where words begin, and
        # that a stretch is not all there is.
        first = max(begin - 1, 0)
        part = data[first : None if end is None else end + 1]
        compiled = self._patterns[quoted][pattern]
        for start, stop in iterate(compiled, part, begin - first, None if end is None else end - first):
            yield first + start, first + stop


def _database(triggers: Sequence[str], flag: int = 0) -> Any:
    """Compile triggers by their places.

    Raises:
        ValueError: the place of one that does not compile; of the last one where only all together are too much.
    """
    database = hyperscan.Database(mode=hyperscan.HS_MODE_BLOCK)
    expressions = [trigger.encode() for trigger in triggers]
    flags = [flag | hyperscan.HS_FLAG_DOTALL] * len(expressions)
    try:
        database.compile(expressions=expressions, ids=[*range(len(expressions))], flags=flags)
    except hyperscan.error:
        places = range(len(expressions))
        raise ValueError(next((each for each in places if not _compiles(expressions[each])), places[-1])) from None
    return database


def _compiles(trigger: bytes) -> bool:
    try:
        hyperscan.Database(mode=hyperscan.HS_MODE_BLOCK).compile(expressions=[trigger], ids=[0], flags=[0])
    except hyperscan.error:
        return False
    return True
