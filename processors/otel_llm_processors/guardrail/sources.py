"""Where context comes from."""

from __future__ import annotations

from typing import TYPE_CHECKING

from otel_llm import semconv
from otel_llm_processors.guardrail.finding import Finding

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from otel_llm_processors.guardrail.content import Call

__all__ = ["AllowedSources"]


class AllowedSources:
    """Compares the data source that a retrieval asks with those that may be."""

    def __init__(self, sources: Iterable[str]) -> None:
        self._sources = frozenset(sources)

    def __call__(self, call: Call, /) -> Iterator[Finding]:
        """Yield that it is another."""
        source = call.item.get_str(semconv.GEN_AI_DATA_SOURCE_ID)
        if source and source not in self._sources:
            yield Finding("source.not_allowed", "call")
