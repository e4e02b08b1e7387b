"""The normaliser."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Any, ClassVar, Final, NamedTuple

from otel_llm import semconv
from otel_llm.component import Applies, Processor
from otel_llm_processors.gen_ai_normalizer.canonical import CONTENT, NAMES, VALUES
from otel_llm_processors.gen_ai_normalizer.dialects import DIALECTS
from otel_llm_processors.gen_ai_normalizer.dimensions import DimensionResolver, Said, digests_for, said
from otel_llm_processors.gen_ai_normalizer.events import events_among
from otel_llm_processors.gen_ai_normalizer.plan import Plan
from otel_llm_processors.gen_ai_normalizer.rules import Enabled

if TYPE_CHECKING:
    from otel_llm.component import Settings
    from otel_llm.item import Item
    from otel_llm.log_record import LogRecord
    from otel_llm.resource import Resource, Scope
    from otel_llm.span import Span
    from otel_llm_processors.gen_ai_normalizer.config import GenAiNormalizerConfig
    from otel_llm_processors.gen_ai_normalizer.draft import Draft
    from otel_llm_processors.gen_ai_normalizer.layout import Layout

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
        self._dimensions = DimensionResolver(config.dimensions, digests_for(config, settings))
        asked = self._dimensions.asked
        self._asked = tuple(asked & {semconv.DIALECT, *NAMES, *CONTENT, *VALUES})
        plan_of = lru_cache(maxsize=_PLANS)(
            lambda spoken, exclusive: Plan(sources, spoken, conflicts, exclusive, asked)
        )

        @lru_cache(maxsize=_SCOPES)
        def plan_for(scope: str, sdk: str) -> Plan:
            spoken = frozenset(each.name for each in dialects if scope.startswith(each.scopes) or sdk in each.sdks)
            return plan_of(spoken, next((each.label for each in dialects if scope.startswith(each.exclusive)), None))

        self._plan_for = plan_for
        self._origin: _Origin | None = None

    def process_resource(self, _resource: Resource, /) -> None:
        """Forget whose items came last: this may be what they belonged to, and written by now."""
        self._origin = None

    def process_span(self, span: Span, /) -> None:
        """Normalise a span, whose content may stand in its events."""
        self._normalise(span)

    def process_log(self, record: LogRecord, /) -> None:
        """Normalise a log record, whose content may stand in its body."""
        self._normalise(record)

    def _normalise(self, item: Item) -> None:
        origin = self._origin
        if origin is None or origin.scope is not item.scope.identity:
            origin = self._origin = self._origin_of(item.scope)
        plan = origin.plan
        layout = plan.layout(tuple(item.keys()))
        draft = plan.draft(item, layout, events_among(plan.events, item))
        if said := self._said(origin, layout, draft):
            is_gen_ai = draft.stays_gen_ai(layout)
            if not is_gen_ai:
                draft.write()
            if is_gen_ai or item.is_gen_ai:
                item.keep(self._dimensions.resolve(said, draft.written))
        draft.write()

    def _said(self, origin: _Origin, layout: Layout, draft: Draft) -> Said:
        """Return what is said of whom an item is for: by itself, as it will be, or by where it comes from."""
        asked, written = layout.asked, draft.written
        values = dict(zip(asked, draft.item.get_all(asked))) if asked else {}  # noqa: B905 - of one length, and short
        for key in draft.removed:
            values.pop(key, None)
        for key in self._asked:
            if key in written:
                values[key] = written[key]
        return said(values, origin.said) if values else origin.said

    def _origin_of(self, scope: Scope) -> _Origin:
        sdk = scope.resource.get_str(semconv.TELEMETRY_SDK_NAME) or ""
        said = {**self._dimensions.said(scope.resource), **self._dimensions.said(scope)}
        return _Origin(scope.identity, self._plan_for(scope.name[:_NAME_LENGTH], sdk[:_NAME_LENGTH]), said)


class _Origin(NamedTuple):
    """What all items of one scope in a batch have in common."""

    scope: Any
    """Which: its identity alone, or the batch would be kept alive."""
    plan: Plan
    """What is to be done to them."""
    said: Said
    """What it says, or its resource, of whom they are for."""
