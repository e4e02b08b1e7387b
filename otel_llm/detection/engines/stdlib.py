"""Python's own `re`, for platforms without wheels of the others. It may take exponential time: bundled rules only."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from otel_llm.detection.engines.keywords import KeywordEngine, Keywords
from otel_llm.detection.engines.matches import compiled_twice

if TYPE_CHECKING:
    from collections.abc import Sequence

    from otel_llm.detection.engines import Pattern

__all__ = ["StdlibProgram"]


class StdlibProgram:
    """Compiled patterns, which threads may share."""

    def __init__(self, patterns: Sequence[Pattern], disguises: Sequence[str]) -> None:
        self._engine = KeywordEngine(
            compiled_twice([pattern.expression for pattern in patterns], _compile),
            [re.compile(loose.encode(), re.DOTALL) for loose in (*(pattern.loose for pattern in patterns), *disguises)],
            Keywords([pattern.keywords for pattern in patterns]),
        )

    def __call__(self) -> KeywordEngine:
        """Return the engine, which is every thread's."""
        return self._engine


def _compile(expressions: Sequence[str]) -> list[re.Pattern[bytes]]:
    return [re.compile(each.encode()) for each in expressions]
