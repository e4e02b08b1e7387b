"""Hyperscan tells which patterns may match, all in one pass; RE2 then tells where the few that fired do.

Block mode, each pattern once, no start of match: that compiles every pattern and calls back at most once for each,
where ends of matches would be one callback for each byte of a hostile text.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import hyperscan

from otel_llm.detection.engines.matches import iterate
from otel_llm.detection.engines.re2 import compile_re2
from otel_llm.detection.pattern import loosened, separated

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from otel_llm.detection.engines import Pattern

__all__ = ["HyperscanEngine", "HyperscanProgram"]


class HyperscanProgram:
    """A database and the patterns of RE2, both shared; scratch space is each thread's own."""

    def __init__(self, patterns: Sequence[Pattern]) -> None:
        expressions = [expression for expression, _ in patterns]
        self._patterns = compile_re2([separated(expression) for expression in expressions])
        self._database = hyperscan.Database(mode=hyperscan.HS_MODE_BLOCK)
        flags = hyperscan.HS_FLAG_SINGLEMATCH | hyperscan.HS_FLAG_DOTALL
        loose = [loosened(expression).encode() for expression in expressions]
        try:
            self._database.compile(expressions=loose, ids=list(range(len(loose))), flags=[flags] * len(loose))
        except hyperscan.error:
            raise ValueError(_culprit(loose)) from None

    def __call__(self) -> HyperscanEngine:
        """Make an engine for a thread."""
        return HyperscanEngine(self._database, self._patterns)


class HyperscanEngine:
    """One thread's."""

    def __init__(self, database: Any, patterns: Sequence[Any]) -> None:
        self._scan = database.scan
        self._scratch = hyperscan.Scratch(database)
        self._patterns = patterns

    def fired(self, data: bytes) -> Sequence[int]:
        """Return the patterns that may match."""
        found: list[int] = []
        add = found.append

        def on_match(place: int, *_: object) -> None:
            add(place)

        self._scan(data, match_event_handler=on_match, scratch=self._scratch)
        return found

    def fired_only(self, data: bytes, tolerated: frozenset[int]) -> Sequence[int] | None:
        """Return the tolerated ones that may match; None where another one may."""
        found: list[int] = []

        def on_match(place: int, *_: object) -> bool:
            found.append(place)
            return place not in tolerated

        try:
            self._scan(data, match_event_handler=on_match, scratch=self._scratch)
        except hyperscan.ScanTerminated:
            return None
        return found

    def spans(self, pattern: int, data: bytes) -> Iterator[tuple[int, int]]:
        """Yield where one pattern matches."""
        return iterate(self._patterns[pattern], data)


def _culprit(expressions: Sequence[bytes]) -> int:
    """Return the place of the pattern that does not compile; of the last one where only all together are too much."""
    for place, expression in enumerate(expressions):
        try:
            hyperscan.Database(mode=hyperscan.HS_MODE_BLOCK).compile(expressions=[expression], ids=[0], flags=[0])
        except hyperscan.error:
            return place
    return len(expressions) - 1
