"""The normaliser."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from otel_llm import semconv
from otel_llm.component import Applies, Processor
from otel_llm_processors.gen_ai_normalizer.canonical import CONTENT, VALUES
from otel_llm_processors.gen_ai_normalizer.dialects import DIALECTS
from otel_llm_processors.gen_ai_normalizer.messages import to_json
from otel_llm_processors.gen_ai_normalizer.rules import Enabled, compile_rules

if TYPE_CHECKING:
    from collections.abc import Sequence

    from otel_llm.component import Settings
    from otel_llm.item import Item
    from otel_llm.log_record import LogRecord
    from otel_llm.span import Span
    from otel_llm_processors.gen_ai_normalizer.config import GenAiNormalizerConfig
    from otel_llm_processors.gen_ai_normalizer.dialects.dialect import Dialect
    from otel_llm_processors.gen_ai_normalizer.rules import Rule

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
        self._content = compile_rules(CONTENT, sources)
        self._values = compile_rules(VALUES, sources, conflicts)
        self._keys = frozenset[str]().union(*(rule.keys for rule in (*self._content, *self._values)))
        self._events = {name: event for source in reversed(sources) for name, event in source.dialect.events.items()}
        self._labels = [(source.dialect.label, _signs(source.dialect)) for source in reversed(sources)]

    def process_span(self, span: Span, /) -> None:
        """Normalise a span, whose content may stand in its events."""
        present = set(span.keys()) & self._keys
        self._apply(self._content, span, present)
        self._read_events(span, present)
        if present:
            self._apply(self._values, span, present)
            self._name_dialect(span, present)

    def process_log(self, record: LogRecord, /) -> None:
        """Normalise a log record's attributes. Its body stays."""
        present = set(record.keys()) & self._keys
        self._apply(self._content, record, present)
        self._apply(self._values, record, present)
        self._name_dialect(record, present)

    def _apply(self, rules: Sequence[Rule], item: Item, present: set[str]) -> None:
        for rule in rules:
            if not rule.triggers.isdisjoint(present):
                rule.apply(item, present)

    def _read_events(self, span: Span, present: set[str]) -> None:
        """Rebuild content from events where no attribute holds it."""
        pieces: dict[str, list[Any]] = {}
        for event in span.events:
            known = self._events.get(event.name)
            if known is not None:
                present.add(event.name)
                pieces.setdefault(known.attribute, []).append((known, event))
        for attribute, pairs in pieces.items():
            if CONTENT[attribute].read(span.get(attribute)) is None:
                written = to_json([part for known, event in pairs for part in known.read(event)])
                if written is not None:
                    span.set(attribute, written)
                    present.add(attribute)

    def _name_dialect(self, item: Item, present: set[str]) -> None:
        for label, signs in self._labels:
            if not signs.isdisjoint(present):
                item.set(semconv.DIALECT, label)
                return


def _signs(dialect: Dialect) -> frozenset[str]:
    """Return the spellings and events that only this dialect has: where they stand, it is spoken."""
    spellings = (each for field in dialect.fields.values() for each in field)
    keys = (each if isinstance(each, str) else each.key for each in spellings)
    return frozenset({*keys, *dialect.events}) - CONTENT.keys() - VALUES.keys()
