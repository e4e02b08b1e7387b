"""The normaliser."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, ClassVar, Final

from otel_llm import semconv
from otel_llm.component import Applies, Processor
from otel_llm_processors.gen_ai_normalizer.dialects import DIALECTS
from otel_llm_processors.gen_ai_normalizer.dimensions import DimensionResolver, digests_for
from otel_llm_processors.gen_ai_normalizer.events import events_among
from otel_llm_processors.gen_ai_normalizer.plan import Plan
from otel_llm_processors.gen_ai_normalizer.rules import Enabled

if TYPE_CHECKING:
    from otel_llm.component import Settings
    from otel_llm.item import Item
    from otel_llm.log_record import LogRecord
    from otel_llm.span import Span
    from otel_llm_processors.gen_ai_normalizer.config import GenAiNormalizerConfig

__all__ = ["GenAiNormalizerProcessor"]

_PLANS: Final = 16
_SCOPES: Final = 1024
"""How many plans are kept, and for how many scopes it is known which is theirs: senders choose the names."""
_NAME_LENGTH: Final = 128
"""No dialect is known by a longer name."""


class GenAiNormalizerProcessor(Processor):
    """Writes what a span or log record says in any known dialect under the current names too, and whom it is for."""

    markers: ClassVar[tuple[bytes, ...]] = tuple({m: None for d in DIALECTS.values() for m in d.markers})
    applies_to: ClassVar[Applies] = "all"

    def __init__(self, config: GenAiNormalizerConfig, settings: Settings) -> None:
        sources = [
            Enabled(
                source.dialect,
                config.remove_originals if source.remove_originals is None else source.remove_originals,
                config.overwrite if source.overwrite is None else source.overwrite,
            )
            for source in config.sources
        ]
        conflicts = settings.meter.counter(
            "normalizer_conflicts", "Attributes whose spellings on one span contradict each other.", ["attribute"]
        )
        own = {marker: None for source in sources for marker in source.dialect.markers}
        self.markers = (*{**dict.fromkeys(self.markers), **own},)  # type: ignore[misc]  # a config may add some
        dialects = [source.dialect for source in sources]
        plan_of = lru_cache(maxsize=_PLANS)(lambda spoken, exclusive: Plan(sources, spoken, conflicts, exclusive))

        @lru_cache(maxsize=_SCOPES)
        def plan_for(scope: str, sdk: str) -> Plan:
            spoken = frozenset(each.name for each in dialects if scope.startswith(each.scopes) or sdk in each.sdks)
            return plan_of(spoken, next((each.label for each in dialects if scope.startswith(each.exclusive)), None))

        self._plan_for = plan_for
        self._resolve = DimensionResolver(config.dimensions, digests_for(config.digest, settings)).resolve

    def process_span(self, span: Span, /) -> None:
        """Normalise a span, whose content may stand in its events."""
        plan = self._plan(span)
        plan.apply(span, events_among(plan.events, span))
        self._resolve(span)

    def process_log(self, record: LogRecord, /) -> None:
        """Normalise a log record, whose content may stand in its body."""
        plan = self._plan(record)
        plan.apply(record, events_among(plan.events, record))
        self._resolve(record)

    def _plan(self, item: Item) -> Plan:
        sdk = item.resource.get_str(semconv.TELEMETRY_SDK_NAME) or ""
        return self._plan_for(item.scope.name[:_NAME_LENGTH], sdk[:_NAME_LENGTH])
