"""The cost processor."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from otel_llm import semconv
from otel_llm.component import Processor
from otel_llm.secret_file import check_readable
from otel_llm_processors.cost.attributes import (
    CACHED_NAMES,
    NAME_LENGTH,
    NAMES,
    is_cache_hit,
    read,
    reported_usd,
    service_tier,
)
from otel_llm_processors.cost.leaves import BILLABLE, NOTHING_REPEATED, find_repeats, key_of
from otel_llm_processors.cost.metrics import CostMetrics, Series
from otel_llm_processors.cost.plain import PlainCalls
from otel_llm_processors.cost.price_list import Reader, age_s
from otel_llm_processors.cost.rates import PARTS, PICO, Rates, Reason
from otel_llm_processors.cost.usage import UnusableUsage, carries_usage, read_usage

if TYPE_CHECKING:
    from collections.abc import Sequence

    from otel_llm.component import Settings
    from otel_llm.span import Span
    from otel_llm_processors.cost.attributes import Names
    from otel_llm_processors.cost.config import CostConfig
    from otel_llm_processors.cost.price_list import Read
    from otel_llm_processors.cost.usage import Usage

__all__ = ["CostProcessor"]

_CHARGED_AGENTS: Final = frozenset({"logfire.claude_agent_sdk", "openinference.instrumentation.claude_agent_sdk"})
"""Scopes of emitters that put the usage on the agent's span alone. It is charged when no call below it has any."""

_AMOUNTS: Final = tuple(
    {
        "input": semconv.COST_INPUT_USD,
        "cache_read": semconv.COST_CACHE_READ_USD,
        "cache_write": semconv.COST_CACHE_WRITE_USD,
        "output": semconv.COST_OUTPUT_USD,
        "request": semconv.COST_REQUEST_USD,
    }[part]
    for part in PARTS
)
"""What each of `PARTS` is written as."""


class _Kind(NamedTuple):
    """Calls with the same names: they have the same price for some time, and are counted together."""

    begin: int
    end: int
    rates: Rates | None
    reason: Reason
    provenance: Mapping[str, str]
    series: Series


class CostProcessor(Processor):
    """Writes on every inference span what the call cost, or why that is not known."""

    def __init__(self, config: CostConfig, settings: Settings) -> None:
        self._aliases = config.aliases
        self._prefer_reported = config.prefer == "reported"
        self._clock = settings.clock
        self._unpriced = settings.meter.counter("unpriced_spans", "Spans whose cost could not be.", ["reason"]).labels
        self._metrics = CostMetrics(settings.meter, config.metrics_max_series)
        reader = Reader(config.prices.files, config.prices.litellm)
        check_readable({f"processors.{settings.name}.prices: {path}": path for path in reader.paths})
        self._read = settings.watch(reader, *reader.paths)
        age = settings.meter.gauge("price_file_age_seconds", "For how long a file of prices has not changed.", ["file"])
        for path in reader.paths:
            age.labels(str(path)).set_function(partial(age_s, path, settings.clock))
        self._overrides = config.prices.overrides
        self._used: Read | None = None
        self._repeats = NOTHING_REPEATED
        self._last: Span | None = None
        self._kinds: dict[Names, _Kind] = {}
        self._plain = PlainCalls()

    def start(self) -> None:
        """Load the prices, which takes half a second: now, and not while the first span waits."""
        self._refresh()

    def shutdown(self) -> None:
        """Show what was counted."""
        self._metrics.flush()

    def begin_batch(self, spans: Sequence[Span], /) -> None:
        """Find the spans that repeat each other."""
        self._repeats = find_repeats(spans)
        self._last = spans[-1] if spans else None

    def process_span(self, span: Span, /) -> None:
        """Price one span, unless that has been done."""
        written = self._price_plain(span)
        if written is None:
            attributes = read(span)
            written = {} if semconv.COST_STATUS in attributes else self._price(span, attributes)
        if written:
            span.update(written)
        if span is self._last or self._last is None:  # the batch ends, or this one came alone
            self._last = None
            self._metrics.flush()

    def _price_plain(self, span: Span) -> Mapping[str, str | float] | None:
        """Return what to write on a plain call; None for all others, and for those that take a closer look."""
        repeated = self._repeats.repeated
        if repeated and key_of(span) in repeated:
            return None
        call = self._plain.read(span)
        if call is None:
            return None
        kind = self._kind(span, call.names)
        if kind.rates is None or not kind.rates.complete:
            return None
        return self._known(kind, kind.rates, call.usage, None)

    def _price(self, span: Span, attributes: Mapping[str, Any]) -> Mapping[str, str | float]:
        """Return what to write."""
        operation = attributes.get(semconv.GEN_AI_OPERATION_NAME)
        if self._is_charged_elsewhere(span, operation):
            return {semconv.COST_STATUS: "not_billable"} if carries_usage(attributes) else {}
        try:
            usage = read_usage(attributes)
        except UnusableUsage as unusable:
            return self._invalid(attributes, unusable.reason)
        if not usage:
            return {} if operation is None else self._unknown(attributes, "no_usage", usage)
        if is_cache_hit(attributes):
            return self._cache_hit(attributes, usage)
        kind = self._kind(span, tuple(map(attributes.get, NAMES)))
        rates = kind.rates
        if rates is None or not (rates.complete or rates.covers(usage)):
            return self._unknown(attributes, kind.reason, usage)
        return self._known(kind, rates, usage, reported_usd(attributes))

    def _is_charged_elsewhere(self, span: Span, operation: str | None) -> bool:
        repeats = self._repeats
        if operation is None or operation in BILLABLE:
            return bool(repeats.repeated) and key_of(span) in repeats.repeated
        if operation == "invoke_agent" and span.scope.name in _CHARGED_AGENTS:
            return key_of(span) in repeats.above
        return True

    def _kind(self, span: Span, names: Names) -> _Kind:
        if self._used is not self._read.value:
            self._refresh()
        # A span without a start is priced as of now: 1970 would get the oldest price on record.
        start = span.start_time_unix_nano or int(self._clock() * 1e9)
        kind = self._kinds.get(names)
        if kind is None or not kind.begin <= start < kind.end:
            kind = self._look_up(names, start)
            if len(self._kinds) >= CACHED_NAMES:
                self._kinds.clear()
            if all(len(name) <= NAME_LENGTH for name in names if name):
                self._kinds[names] = kind
        return kind

    def _look_up(self, names: Names, start: int) -> _Kind:
        from otel_llm_processors.cost.catalogue import Call  # as in `_refresh`

        attributes = dict(zip(NAMES, names, strict=True))
        provider, answered, asked, server = names[:4]
        quote = self._catalogue.quote(Call(provider, (answered, asked), server, service_tier(attributes)), start)
        prices, provenance = (quote.offer.prices, quote.offer.provenance) if quote.offer else (None, {})
        return _Kind(quote.begin, quote.end, quote.rates, quote.reason, provenance, Series.of(attributes, prices))

    def _refresh(self) -> None:
        """Take what was read from the files last. Seldom: the rest of the time it is one comparison."""
        from otel_llm_processors.cost.catalogue import Catalogue  # heavy: not for who only reads a config

        self._used = self._read.value
        self._catalogue = Catalogue.of(self._overrides, self._used)
        self._kinds.clear()

    def _known(self, kind: _Kind, rates: Rates, usage: Usage, reported: float | None) -> Mapping[str, str | float]:
        if self._prefer_reported and reported:
            self._metrics.count(kind.series, usage, reported)
            return self._reported(reported)
        amounts = rates.amounts(usage)
        usd = sum(amounts) / PICO
        written: dict[str, str | float] = {**kind.provenance, semconv.COST_TOTAL_USD: usd}
        for alias in self._aliases:
            written[alias] = usd
        for key, pico in zip(_AMOUNTS, amounts):  # noqa: B905 - of one length
            if pico:
                written[key] = pico / PICO
        if reported is not None:
            written[semconv.COST_REPORTED_USD] = reported
        self._metrics.count(kind.series, usage, usd, priced=True)
        return written

    def _cache_hit(self, attributes: Mapping[str, Any], usage: Usage) -> Mapping[str, str | float]:
        """Return that the call never reached a provider."""
        self._metrics.count(Series.of(attributes), usage, 0.0, priced=True)
        reported = reported_usd(attributes)
        kept = {} if reported is None else {semconv.COST_REPORTED_USD: reported}
        return {semconv.COST_STATUS: "priced", semconv.COST_SOURCE: "cache", **self._total(0.0), **kept}

    def _unknown(self, attributes: Mapping[str, Any], reason: Reason, usage: Usage) -> Mapping[str, str | float]:
        """Fall back to what the emitter reported. Not to a zero: some write that for a model they do not know."""
        reported = reported_usd(attributes)
        self._unpriced(reason).inc()
        self._metrics.count(Series.of(attributes), usage, reported or 0.0)
        self._metrics.count_unpriced(attributes)
        why = {semconv.COST_UNPRICED_REASON: reason}
        if reported:
            return {**self._reported(reported), **why}
        kept = {} if reported is None else {semconv.COST_REPORTED_USD: reported}
        return {semconv.COST_STATUS: "unpriced", **why, **kept}

    def _invalid(self, attributes: Mapping[str, Any], reason: Reason) -> Mapping[str, str | float]:
        """Return no cost at all, a reported one neither: who miscounts tokens miscounts money."""
        self._unpriced(reason).inc()
        self._metrics.count_unpriced(attributes)
        why = {semconv.COST_UNPRICED_REASON: reason} if reason == "inconsistent_usage" else {}
        return {semconv.COST_STATUS: "invalid_usage", **why}

    def _reported(self, reported: float) -> Mapping[str, str | float]:
        return {
            semconv.COST_STATUS: "reported",
            semconv.COST_SOURCE: "emitter",
            semconv.COST_REPORTED_USD: reported,
            **self._total(reported),
        }

    def _total(self, usd: float) -> Mapping[str, float]:
        return dict.fromkeys((semconv.COST_TOTAL_USD, *self._aliases), usd)
