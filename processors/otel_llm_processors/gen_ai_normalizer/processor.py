"""The normaliser."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from otel_llm import semconv
from otel_llm.component import Applies, Processor
from otel_llm_processors.gen_ai_normalizer.canonical import CONTENT, VALUES
from otel_llm_processors.gen_ai_normalizer.dialects import DIALECTS
from otel_llm_processors.gen_ai_normalizer.rules import Enabled, compile_rules

if TYPE_CHECKING:
    from otel_llm.component import Settings
    from otel_llm.item import Item
    from otel_llm.log_record import LogRecord
    from otel_llm.span import Span
    from otel_llm_processors.gen_ai_normalizer.config import GenAiNormalizerConfig
    from otel_llm_processors.gen_ai_normalizer.dialects.dialect import Dialect

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
        self._rules = (*compile_rules(CONTENT, sources), *compile_rules(VALUES, sources, conflicts))
        self._keys = frozenset[str]().union(*(rule.keys for rule in self._rules))
        self._events = frozenset(name for source in sources for name in source.dialect.events)
        self._labels = [(source.dialect.label, _signs(source.dialect)) for source in reversed(sources)]

    def process_span(self, span: Span, /) -> None:
        """Normalise a span, whose content may stand in its events."""
        present = set(self._keys.intersection(span.keys()))
        present.update([event.name for event in span.events if event.name in self._events])
        self._normalise(span, present)

    def process_log(self, record: LogRecord, /) -> None:
        """Normalise a log record's attributes. Its body stays."""
        self._normalise(record, set(self._keys.intersection(record.keys())))

    def _normalise(self, item: Item, present: set[str]) -> None:
        if not present:
            return
        for rule in self._rules:
            if not rule.triggers.isdisjoint(present):
                rule.apply(item, present)
        for label, signs in self._labels:
            if not signs.isdisjoint(present):
                if semconv.DIALECT not in item:
                    item.set(semconv.DIALECT, label)
                break


def _signs(dialect: Dialect) -> frozenset[str]:
    """Return the spellings and events that only this dialect has: where they stand, it is spoken."""
    spellings = (each for field in dialect.fields.values() for each in field)
    keys = (each if isinstance(each, str) else each.key for each in spellings)
    return frozenset({*keys, *dialect.events}) - CONTENT.keys() - VALUES.keys()
