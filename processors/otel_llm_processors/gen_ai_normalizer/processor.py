"""The normaliser."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, ClassVar

from otel_llm.component import Applies, Processor
from otel_llm_processors.gen_ai_normalizer.dialects import DIALECTS
from otel_llm_processors.gen_ai_normalizer.events import events_among
from otel_llm_processors.gen_ai_normalizer.plan import Plan
from otel_llm_processors.gen_ai_normalizer.rules import Enabled

if TYPE_CHECKING:
    from otel_llm.component import Settings
    from otel_llm.log_record import LogRecord
    from otel_llm.span import Span
    from otel_llm_processors.gen_ai_normalizer.config import GenAiNormalizerConfig

__all__ = ["GenAiNormalizerProcessor"]


class GenAiNormalizerProcessor(Processor):
    """Writes what a span or log record says in any known dialect under the current names too."""

    markers: ClassVar[tuple[bytes, ...]] = tuple({m: None for d in DIALECTS.values() for m in d.markers})
    applies_to: ClassVar[Applies] = "all"

    def __init__(self, config: GenAiNormalizerConfig, settings: Settings) -> None:
        sources = [
            Enabled(
                DIALECTS[source.name],
                config.remove_originals if source.remove_originals is None else source.remove_originals,
                config.overwrite if source.overwrite is None else source.overwrite,
            )
            for source in config.sources
        ]
        conflicts = settings.meter.counter(
            "normalizer_conflicts", "Attributes whose spellings on one span contradict each other.", ["attribute"]
        )
        plan_of = lru_cache(maxsize=64)(lambda spoken: Plan(sources, spoken, conflicts))
        scopes = tuple((prefix, source.dialect.name) for source in sources for prefix in source.dialect.scopes)

        @lru_cache(maxsize=1024)
        def plan_for(scope: str) -> Plan:
            return plan_of(frozenset(name for prefix, name in scopes if scope.startswith(prefix)))

        self._plan_for = plan_for

    def process_span(self, span: Span, /) -> None:
        """Normalise a span, whose content may stand in its events."""
        plan = self._plan_for(span.scope.name)
        plan.apply(span, events_among(plan.events, span))

    def process_log(self, record: LogRecord, /) -> None:
        """Normalise a log record, whose content may stand in its body."""
        plan = self._plan_for(record.scope.name)
        plan.apply(record, events_among(plan.events, record))
