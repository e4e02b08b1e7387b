"""Python's own `re`, for platforms without wheels of the others. It may take exponential time: bundled rules only."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from otel_llm.detection.engines.keywords import KeywordEngine, Keywords
from otel_llm.detection.pattern import separated

if TYPE_CHECKING:
    from collections.abc import Sequence

    from otel_llm.detection.engines import Pattern

__all__ = ["StdlibProgram"]


class StdlibProgram:
    """Compiled patterns, which threads may share."""

    def __init__(self, patterns: Sequence[Pattern], disguises: Sequence[str]) -> None:
        self._engine = KeywordEngine(
            [re.compile(separated(pattern.expression).encode()) for pattern in patterns],
            [re.compile(loose.encode(), re.DOTALL) for loose in (*(pattern.loose for pattern in patterns), *disguises)],
            Keywords([pattern.keywords for pattern in patterns]),
        )

    def __call__(self) -> KeywordEngine:
        """Return the engine, which is every thread's."""
        return self._engine
