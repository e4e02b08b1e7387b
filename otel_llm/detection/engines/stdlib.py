"""Python's own `re`, for platforms without wheels of the others. It may take exponential time: bundled rules only."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from otel_llm.detection.engines.keywords import Keywords
from otel_llm.detection.engines.matches import iterate
from otel_llm.detection.pattern import separated

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from otel_llm.detection.engines import Pattern

__all__ = ["StdlibEngine", "StdlibProgram"]


class StdlibProgram:
    """Compiled patterns, which threads may share."""

    def __init__(self, patterns: Sequence[Pattern]) -> None:
        self._engine = StdlibEngine(patterns)

    def __call__(self) -> StdlibEngine:
        """Make an engine for a thread."""
        return self._engine


class StdlibEngine:
    """Finds by keyword, then by pattern."""

    def __init__(self, patterns: Sequence[Pattern]) -> None:
        self._patterns = [re.compile(separated(pattern.expression).encode()) for pattern in patterns]
        self._loose = [re.compile(pattern.loose.encode(), re.DOTALL) for pattern in patterns]
        self._candidates = Keywords([pattern.keywords for pattern in patterns]).candidates

    def found(self, data: bytes) -> Iterator[tuple[int, Iterator[tuple[int, int]]]]:
        """Yield the patterns that may match, each with where it does."""
        for place in self._candidates(data):
            yield place, self.spans(place, data)

    def fired_only(self, data: bytes, tolerated: frozenset[int]) -> Sequence[int] | None:
        """Return the tolerated ones that may match; None where another one may."""
        fired = []
        for place in self._candidates(data):
            if self._loose[place].search(data):
                if place not in tolerated:
                    return None
                fired.append(place)
        return fired

    def spans(self, pattern: int, data: bytes) -> Iterator[tuple[int, int]]:
        """Yield where one pattern matches."""
        return iterate(self._patterns[pattern], data)
