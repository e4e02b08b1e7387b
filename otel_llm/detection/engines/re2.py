"""RE2 alone: linear time, and keywords in place of a trigger.

Not `re2.Set`: out of memory it reports that nothing matches, and it is slow on hostile texts.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import re2

from otel_llm.detection.engines.keywords import KeywordEngine, Keywords
from otel_llm.detection.engines.matches import compiled_twice

if TYPE_CHECKING:
    from collections.abc import Sequence

    from otel_llm.detection.engines import Pattern

__all__ = ["Re2Program", "compile_re2"]

_MEMORY: Final = 64 << 20
"""Bytes for the states of one pattern: with the default of 8 MiB large ones start over again and again."""


class Re2Program:
    """Compiled patterns. RE2's are safe to share among threads."""

    def __init__(self, patterns: Sequence[Pattern], disguises: Sequence[str]) -> None:
        self._engine = KeywordEngine(
            compiled_twice([pattern.expression for pattern in patterns], compile_re2),
            compile_re2([*(pattern.loose for pattern in patterns), *disguises]),
            Keywords([pattern.keywords for pattern in patterns]),
        )

    def __call__(self) -> KeywordEngine:
        """Return the engine, which is every thread's."""
        return self._engine


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
