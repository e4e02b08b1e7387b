"""Hyperscan tells which patterns may match, all in one pass; RE2 then tells where the few that fired do.

Block mode, each pattern once, no start of match: that compiles every pattern and calls back at most once for each,
where ends of matches would be one callback for each byte of a hostile text. So that one match in a long text does not
send RE2 over all of it, a long text is scanned in windows. They overlap by as much as a match can be wide; the few
patterns that can match more are scanned for in the whole.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import hyperscan

from otel_llm.detection.engines.matches import iterate
from otel_llm.detection.engines.re2 import compile_re2
from otel_llm.detection.pattern import max_width, separated

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from otel_llm.detection.engines import Pattern

__all__ = ["HyperscanEngine", "HyperscanProgram"]

_WINDOW: Final = 4096
_OVERLAP: Final = 640
"""Bytes."""
_EDGE: Final = 2
"""Of NUL, which stand for the edges of a text and are no part of a match's width."""


class HyperscanProgram:
    """Databases and the patterns of RE2, shared; scratch space is each thread's own."""

    def __init__(self, patterns: Sequence[Pattern]) -> None:
        self._patterns = compile_re2([separated(pattern.expression) for pattern in patterns])
        triggers = {place: pattern.loose.encode() for place, pattern in enumerate(patterns)}
        self._widths = [max_width(pattern.expression) for pattern in patterns]
        self._near = _database(
            {place: trigger for place, trigger in triggers.items() if self._widths[place] <= _OVERLAP}
        )
        self._far = _database({place: trigger for place, trigger in triggers.items() if self._widths[place] > _OVERLAP})

    def __call__(self) -> HyperscanEngine:
        """Make an engine for a thread."""
        return HyperscanEngine(_Trigger(self._near), _Trigger(self._far), self._patterns, self._widths)


class HyperscanEngine:
    """One thread's."""

    def __init__(self, near: _Trigger, far: _Trigger, patterns: Sequence[Any], widths: Sequence[int]) -> None:
        self._near = near
        self._far = far
        self._patterns = patterns
        self._widths = widths

    def found(self, data: bytes) -> Iterator[tuple[int, Iterator[tuple[int, int]]]]:
        """Yield the patterns that may match, each with where it does."""
        for pattern, _ in self._far.fired(data):
            yield pattern, self.spans(pattern, data)
        stretches: dict[int, list[tuple[int, int]]] = {}
        for begin in range(0, len(data), _WINDOW):
            # What is short is scanned whole, not cut for a rest that all windows cover.
            window = data[begin : begin + _WINDOW + _OVERLAP] if len(data) > _WINDOW + _OVERLAP else data
            for pattern, end in self._near.fired(window):
                before = stretches.setdefault(pattern, [])
                start = max(begin + end - self._widths[pattern] - _EDGE, begin)
                # Neighbours are searched as one: what begins in the first may go on into the second.
                start = before.pop()[0] if before and before[-1][1] >= start else start
                before.append((start, begin + len(window)))
            if len(window) == len(data):
                break
        for pattern, parts in stretches.items():
            yield pattern, (span for part in parts for span in iterate(self._patterns[pattern], data, *part))

    def fired_only(self, data: bytes, tolerated: frozenset[int]) -> Sequence[int] | None:
        """Return the tolerated ones that may match; None where another one may."""
        near = self._near.fired_only(data, tolerated)
        far = None if near is None else self._far.fired_only(data, tolerated)
        return None if near is None or far is None else [*near, *far]

    def spans(self, pattern: int, data: bytes) -> Iterator[tuple[int, int]]:
        """Yield where one pattern matches."""
        return iterate(self._patterns[pattern], data)


class _Trigger:
    """Tells which patterns may match."""

    def __init__(self, database: Any) -> None:
        self._scan = database.scan if database else None
        self._scratch = hyperscan.Scratch(database) if database else None

    def fired(self, data: bytes) -> Sequence[tuple[int, int]]:
        """Return the patterns that may match, each with where the first match that may be one ends."""
        found: list[tuple[int, int]] = []
        add = found.append

        def on_match(pattern: int, _start: int, end: int, *_: object) -> None:
            add((pattern, end))

        if self._scan:
            self._scan(data, match_event_handler=on_match, scratch=self._scratch)
        return found

    def fired_only(self, data: bytes, tolerated: frozenset[int]) -> Sequence[int] | None:
        found: list[int] = []

        def on_match(pattern: int, *_: object) -> bool:
            found.append(pattern)
            return pattern not in tolerated

        try:
            if self._scan:
                self._scan(data, match_event_handler=on_match, scratch=self._scratch)
        except hyperscan.ScanTerminated:
            return None
        return found


def _database(triggers: dict[int, bytes]) -> Any:
    """Compile triggers by their places.

    Raises:
        ValueError: the place of one that does not compile; of the last one where only all together are too much.
    """
    if not triggers:
        return None
    flags = hyperscan.HS_FLAG_SINGLEMATCH | hyperscan.HS_FLAG_DOTALL
    database = hyperscan.Database(mode=hyperscan.HS_MODE_BLOCK)
    try:
        database.compile(expressions=[*triggers.values()], ids=[*triggers], flags=[flags] * len(triggers))
    except hyperscan.error:
        raise ValueError(next(filter(lambda place: not _compiles(triggers[place]), triggers), max(triggers))) from None
    return database


def _compiles(trigger: bytes) -> bool:
    try:
        hyperscan.Database(mode=hyperscan.HS_MODE_BLOCK).compile(expressions=[trigger], ids=[0], flags=[0])
    except hyperscan.error:
        return False
    return True
