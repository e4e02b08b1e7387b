"""The cost processor."""

from __future__ import annotations

import math
from functools import cached_property
from typing import TYPE_CHECKING, Final

from otel_llm import semconv
from otel_llm.component import Processor
from otel_llm_processors.cost.rates import Cost, ModelPrices, Part, Reason, float_usd
from otel_llm_processors.cost.usage import UnusableUsage, carries_usage, read_usage

if TYPE_CHECKING:
    from otel_llm.component import Settings
    from otel_llm.span import Span
    from otel_llm_processors.cost.config import CostConfig
    from otel_llm_processors.cost.prices import PriceBook
    from otel_llm_processors.cost.usage import Usage

__all__ = ["CostProcessor"]

_BILLABLE: Final = frozenset({"chat", "text_completion", "generate_content", "embeddings", "rerank"})
"""Operations that a provider charges for. Agents and workflows repeat the usage of the calls below them."""

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
        self._clock = settings.clock
        self._priced = settings.meter.counter("priced_spans", "Spans whose cost was computed.").inc
        self._unpriced = settings.meter.counter("unpriced_spans", "Spans whose cost could not be.", ["reason"]).labels

    def start(self) -> None:
        """Load the prices, which takes half a second: now, and not while the first span waits."""
        _ = self._book

    def process_span(self, span: Span, /) -> None:
        """Price one span, unless that has been done."""
        if semconv.COST_STATUS in span:
            return
        operation = span.get_str(semconv.GEN_AI_OPERATION_NAME)
        if operation is not None and operation not in _BILLABLE:
            if carries_usage(span.get):
                span.set(semconv.COST_STATUS, "not_billable")
            return
        try:
            usage = read_usage(span.get)
        except UnusableUsage as unusable:
            self._write_invalid(span, unusable.reason)
            return
        if not usage and operation is None:
            return
        reported = _reported(span)
        if reported is not None:
            span.set(semconv.COST_REPORTED_USD, reported)
        cost = self._cost(span, usage)
        if isinstance(cost, Cost):
            self._write_priced(span, cost)
        else:
            self._write_unpriced(span, cost, reported)

    def _cost(self, span: Span, usage: Usage) -> Cost | Reason:
        if not usage:
            return "no_usage"
        prices = self._lookup(span)
        if not isinstance(prices, ModelPrices):
            return prices
        # A span without a start is priced as of now: 1970 would get the oldest price on record.
        rates = prices.at(span.start_time_unix_nano or int(self._clock() * 1e9))
        return rates.cost(usage) if rates.covers(usage) else "no_price"

    def _lookup(self, span: Span) -> ModelPrices | Reason:
        provider = span.get_str(semconv.GEN_AI_PROVIDER_NAME)
        found: ModelPrices | Reason = "no_model"
        for key in _MODELS:
            if model := span.get_str(key):
                found = self._book.lookup(provider, model)
                if isinstance(found, ModelPrices):
                    break
        return found

    @cached_property
    def _book(self) -> PriceBook:
        from otel_llm_processors.cost.prices import bundled_prices  # heavy: not for who only reads a config

        return bundled_prices()

    @cached_property
    def _provenance(self) -> dict[str, str]:
        return {
            semconv.COST_STATUS: "priced",
            semconv.COST_SOURCE: self._book.source,
            semconv.COST_PRICE_VERSION: self._book.version,
        }

    def _write_priced(self, span: Span, cost: Cost) -> None:
        usd = float_usd(cost.total)
        amounts = {_PARTS[part]: float_usd(pico) for part, pico in cost.parts}
        totals = dict.fromkeys((semconv.COST_TOTAL_USD, *self._aliases), usd)
        span.update({**self._provenance, **amounts, **totals})
        self._priced()

    def _write_unpriced(self, span: Span, reason: Reason, reported: float | None) -> None:
        """Fall back to what the emitter reported. Not to a zero: some write that for a model they do not know."""
        span.set(semconv.COST_UNPRICED_REASON, reason)
        if reported:
            span.set(semconv.COST_STATUS, "reported")
            span.set(semconv.COST_SOURCE, "emitter")
            self._write_total(span, reported)
        else:
            span.set(semconv.COST_STATUS, "unpriced")
        self._unpriced(reason).inc()

    def _write_invalid(self, span: Span, reason: Reason) -> None:
        """Write no cost at all, a reported one neither: who miscounts tokens miscounts money."""
        span.set(semconv.COST_STATUS, "invalid_usage")
        if reason == "inconsistent_usage":
            span.set(semconv.COST_UNPRICED_REASON, reason)
        self._unpriced(reason).inc()

    def _write_total(self, span: Span, usd: float) -> None:
        span.set(semconv.COST_TOTAL_USD, usd)
        for alias in self._aliases:
            span.set(alias, usd)


def _reported(span: Span) -> float | None:
    """Return the first cost on the span that is an amount of money."""
    for key in _REPORTED:
        usd = span.get_float(key)
        if usd is not None and 0 <= usd < math.inf:
            return usd
    return None
