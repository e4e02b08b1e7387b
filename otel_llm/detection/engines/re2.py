"""RE2 alone: linear time, and keywords in place of a trigger.

Not `re2.Set`: out of memory it reports that nothing matches, and it is slow on hostile texts.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import re2

from otel_llm.detection.engines.keywords import Keywords
from otel_llm.detection.engines.matches import iterate
from otel_llm.detection.pattern import separated

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from otel_llm.detection.engines import Pattern

__all__ = ["Re2Engine", "Re2Program", "compile_re2"]

_MEMORY: Final = 64 << 20
"""Bytes for the states of one pattern: with the default of 8 MiB large ones start over again and again."""


class Re2Program:
    """Compiled patterns. RE2's are safe to share among threads."""

    def __init__(self, patterns: Sequence[Pattern]) -> None:
        self._patterns = compile_re2([separated(pattern.expression) for pattern in patterns])
        self._loose = compile_re2([pattern.loose for pattern in patterns])
        self._keywords = Keywords([pattern.keywords for pattern in patterns])

    def __call__(self) -> Re2Engine:
        """Make an engine for a thread."""
        return Re2Engine(self._patterns, self._loose, self._keywords)


class Re2Engine:
    """Finds by keyword, then by pattern."""

    def __init__(self, patterns: Sequence[Any], loose: Sequence[Any], keywords: Keywords) -> None:
        self._patterns = patterns
        self._loose = loose
        self._candidates = keywords.candidates

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


def compile_re2(expressions: Sequence[str]) -> list[Any]:
    """Compile, or raise ValueError with the place of what RE2 does not read."""
    options = re2.Options()
    options.encoding = re2.Options.Encoding.LATIN1
    options.log_errors = False
    options.max_mem = _MEMORY
    compiled = []
    for place, expression in enumerate(expressions):
        try:
            compiled.append(re2.compile(expression.encode(), options=options))
        except re2.error:
            raise ValueError(place) from None
    return compiled
