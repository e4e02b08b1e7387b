"""The cost processor."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Final

from otel_llm import semconv
from otel_llm.component import Processor
from otel_llm.secret_file import check_readable
from otel_llm_processors.cost.leaves import BILLABLE, NOTHING_REPEATED, find_repeats, key_of
from otel_llm_processors.cost.metrics import CostMetrics
from otel_llm_processors.cost.price_list import Reader, Sheet, digest
from otel_llm_processors.cost.rates import Part, Reason, ServiceTier, float_usd
from otel_llm_processors.cost.usage import USAGE_NAMES, UnusableUsage, carries_usage, read_usage

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from otel_llm.component import Settings
    from otel_llm.span import Span
    from otel_llm_processors.cost.catalogue import Offer
    from otel_llm_processors.cost.config import CostConfig
    from otel_llm_processors.cost.price_list import PriceEntry, Read
    from otel_llm_processors.cost.rates import Rates
    from otel_llm_processors.cost.usage import Usage

__all__ = ["CostProcessor"]

_CHARGED_AGENTS: Final = frozenset({"logfire.claude_agent_sdk"})
"""Scopes of emitters that put the usage on the agent's span alone. It is charged when no call below it has any."""

_SERVICE_TIERS: Final[dict[str | None, ServiceTier]] = {
    "flex": "flex",
    "priority": "priority",
    "fast": "fast",
    "batch": "batch",
}
"""Those with prices of their own. All other names, `default` and `auto` among them, are the standard tier."""

_PARTS: Final[dict[Part, str]] = {
    "input": semconv.COST_INPUT_USD,
    "cache_read": semconv.COST_CACHE_READ_USD,
    "cache_write": semconv.COST_CACHE_WRITE_USD,
    "output": semconv.COST_OUTPUT_USD,
    "request": semconv.COST_REQUEST_USD,
}
_MODELS: Final = (semconv.GEN_AI_RESPONSE_MODEL, semconv.GEN_AI_REQUEST_MODEL)
"""The model that answered is the one that is charged for; what was asked for may be an alias or a deployment."""

_REPORTED: Final = (
    semconv.GEN_AI_USAGE_COST,
    semconv.OPERATION_COST,
    semconv.LLM_COST_TOTAL,
    semconv.GEN_AI_COST_TOTAL_COST,
    semconv.LITELLM_COST_TOTAL,
    semconv.GEN_AI_USAGE_TOTAL_COST,
)
"""Where emitters put what they think a call cost."""


class CostProcessor(Processor):
    """Writes on every inference span what the call cost, or why that is not known."""

    def __init__(self, config: CostConfig, settings: Settings) -> None:
        self._aliases = config.aliases
        self._prefer_reported = config.prefer == "reported"
        self._clock = settings.clock
        self._priced = settings.meter.counter("priced_spans", "Spans whose cost was computed.").inc
        self._unpriced = settings.meter.counter("unpriced_spans", "Spans whose cost could not be.", ["reason"]).labels
        self._metrics = CostMetrics(settings.meter, config.metrics_max_series)
        reader = Reader(config.prices.files, config.prices.litellm)
        check_readable({f"processors.{settings.name}.prices: {path}": path for path in reader.paths})
        self._read = settings.watch(reader, *reader.paths)
        self._overrides = tuple(_inline(config.prices.overrides))
        self._used: Read | None = None
        self._repeats = NOTHING_REPEATED

    def start(self) -> None:
        """Load the prices, which takes half a second: now, and not while the first span waits."""
        self._refresh()

    def begin_batch(self, spans: Sequence[Span], /) -> None:
        """Find the spans that repeat each other."""
        self._repeats = find_repeats(spans)

    def process_span(self, span: Span, /) -> None:
        """Price one span, unless that has been done."""
        if semconv.COST_STATUS in span:
            return
        operation = span.get_str(semconv.GEN_AI_OPERATION_NAME)
        if self._is_charged_elsewhere(span, operation):
            if carries_usage(span.get):
                span.set(semconv.COST_STATUS, "not_billable")
            return
        try:
            usage = read_usage(span.get, USAGE_NAMES.intersection(span.keys()))
        except UnusableUsage as unusable:
            self._write_invalid(span, unusable.reason)
            return
        if not usage and operation is None:
            return
        reported = _reported(span)
        if reported is not None:
            span.set(semconv.COST_REPORTED_USD, reported)
        if usage and _is_cache_hit(span):
            self._write_cache_hit(span, usage)
            return
        offer = self._offer(span, usage)
        if isinstance(offer, str):
            self._write_unpriced(span, offer, reported, usage)
        elif self._prefer_reported and reported:
            self._write_reported(span, reported)
            self._metrics.count(span, offer[0].prices, usage, reported)
        else:
            self._write_priced(span, *offer, usage)

    def _is_charged_elsewhere(self, span: Span, operation: str | None) -> bool:
        repeats = self._repeats
        if operation is None or operation in BILLABLE:
            return bool(repeats.repeated) and key_of(span) in repeats.repeated
        if operation == "invoke_agent" and span.scope.name in _CHARGED_AGENTS:
            return key_of(span) in repeats.above
        return True

    def _offer(self, span: Span, usage: Usage) -> tuple[Offer, Rates] | Reason:
        if not usage:
            return "no_usage"
        # A span without a start is priced as of now: 1970 would get the oldest price on record.
        start = span.start_time_unix_nano or int(self._clock() * 1e9)
        offer = self._lookup(span, start)
        if isinstance(offer, str):
            return offer
        rates = offer.prices.at(start)
        return (offer, rates) if rates.covers(usage) else "no_price"

    def _lookup(self, span: Span, start: int) -> Offer | Reason:
        if self._used is not self._read.value:
            self._refresh()
        provider = span.get_str(semconv.GEN_AI_PROVIDER_NAME)
        tier = _service_tier(span)
        found: Offer | Reason = "no_model"
        for key in _MODELS:
            if model := span.get_str(key):
                found = self._catalogue.lookup(provider, model, tier, start)
                if not isinstance(found, str):
                    break
        return found

    def _refresh(self) -> None:
        """Take what was read from the files last. Seldom: the rest of the time it is one comparison."""
        from otel_llm_processors.cost.catalogue import Catalogue  # heavy: not for who only reads a config
        from otel_llm_processors.cost.prices import bundled_prices

        self._used = self._read.value
        sheets, overlay = self._used
        self._catalogue = Catalogue((*self._overrides, *sheets), bundled_prices(), overlay)

    def _write_priced(self, span: Span, offer: Offer, rates: Rates, usage: Usage) -> None:
        cost = rates.cost(usage)
        usd = float_usd(cost.total)
        amounts = {_PARTS[part]: float_usd(pico) for part, pico in cost.parts}
        totals = dict.fromkeys((semconv.COST_TOTAL_USD, *self._aliases), usd)
        span.update({**offer.provenance, **amounts, **totals})
        self._priced()
        self._metrics.count(span, offer.prices, usage, usd)

    def _write_cache_hit(self, span: Span, usage: Usage) -> None:
        """Write that the call never reached a provider."""
        span.set(semconv.COST_STATUS, "priced")
        span.set(semconv.COST_SOURCE, "cache")
        self._write_total(span, 0.0)
        self._priced()
        self._metrics.count(span, None, usage, 0.0)

    def _write_unpriced(self, span: Span, reason: Reason, reported: float | None, usage: Usage) -> None:
        """Fall back to what the emitter reported. Not to a zero: some write that for a model they do not know."""
        span.set(semconv.COST_UNPRICED_REASON, reason)
        if reported:
            self._write_reported(span, reported)
        else:
            span.set(semconv.COST_STATUS, "unpriced")
        self._unpriced(reason).inc()
        self._metrics.count(span, None, usage, reported or 0.0)
        self._metrics.count_unpriced(span)

    def _write_reported(self, span: Span, reported: float) -> None:
        span.set(semconv.COST_STATUS, "reported")
        span.set(semconv.COST_SOURCE, "emitter")
        self._write_total(span, reported)

    def _write_invalid(self, span: Span, reason: Reason) -> None:
        """Write no cost at all, a reported one neither: who miscounts tokens miscounts money."""
        span.set(semconv.COST_STATUS, "invalid_usage")
        if reason == "inconsistent_usage":
            span.set(semconv.COST_UNPRICED_REASON, reason)
        self._unpriced(reason).inc()
        self._metrics.count_unpriced(span)

    def _write_total(self, span: Span, usd: float) -> None:
        span.set(semconv.COST_TOTAL_USD, usd)
        for alias in self._aliases:
            span.set(alias, usd)


def _inline(entries: tuple[PriceEntry, ...]) -> Iterator[Sheet]:
    """Return the entries of the config itself as a sheet, if there are any."""
    if entries:
        yield Sheet("config", digest("\n".join(entry.model_dump_json() for entry in entries).encode()), entries)


def _is_cache_hit(span: Span) -> bool:
    """Tell whether LiteLLM says that the answer came out of its own cache."""
    hit = span.get(semconv.LITELLM_CACHE_HIT)
    return hit is True or (type(hit) is str and hit.lower() == "true")


def _service_tier(span: Span) -> ServiceTier | None:
    """Return how the call was served, or else how it asked to be."""
    tier = span.get_str(semconv.OPENAI_RESPONSE_SERVICE_TIER) or span.get_str(semconv.OPENAI_REQUEST_SERVICE_TIER)
    return _SERVICE_TIERS.get(tier) if tier else None


def _reported(span: Span) -> float | None:
    """Return the first cost on the span that is an amount of money."""
    for key in _REPORTED:
        usd = span.get_float(key)
        if usd is not None and 0 <= usd < math.inf:
            return usd
    return None
