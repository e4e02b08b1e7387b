"""What calls cost and use, for Prometheus."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from otel_llm import semconv

if TYPE_CHECKING:
    from otel_llm.span import Span
    from otel_llm.telemetry import BoundedCounter, Meter
    from otel_llm_processors.cost.rates import ModelPrices
    from otel_llm_processors.cost.usage import Usage

__all__ = ["CostMetrics"]

_LABELS: Final = ("provider", "model", "route", "environment")
_NOT_PRICED: Final = ("", "")
_NAME_LENGTH: Final = 128
"""Longer names are cut: a label is no place to keep what a sender makes up."""
_TYPES: Final = {
    "input_tokens": "input",
    "output_tokens": "output",
    "cache_read_tokens": "cache_read",
    "cache_write_tokens": "cache_write",
    "output_reasoning_tokens": "reasoning",
}
"""Types of tokens; as in the conventions, `input` includes what was cached and `output` includes reasoning."""


class CostMetrics:
    """Counters by provider, model, route and environment.

    Provider and model are those of the price list that was used, empty where none was: so names that somebody makes up
    take no room from the real ones. Only `unpriced_calls` has names as they came, to show what a price is missing for.
    """

    def __init__(self, meter: Meter, max_series: int) -> None:
        def counter(name: str, description: str, kind: str | None = None) -> BoundedCounter:
            return meter.bounded_counter(name, description, _LABELS, max_series=max_series, kind=kind)

        self._cost = counter("cost_usd", "What calls cost, in USD, computed or reported.").add
        self._calls = counter("calls", "Inference calls.").add
        self._tokens = counter("usage_tokens", "Tokens, by type: input includes cached ones.", "type").add
        self._unpriced = counter("unpriced_calls", "Inference calls without a price, by what they are called.").add

    def count(self, span: Span, prices: ModelPrices | None, usage: Usage, usd: float) -> None:
        """Count a call, with the prices that were used."""
        provider, model = (prices.provider, prices.model) if prices else _NOT_PRICED
        labels = (provider, model, *_whom(span))
        self._calls(labels)
        if usd:
            self._cost(labels, usd)
        for key, type_ in _TYPES.items():
            if tokens := usage.get(key):
                self._tokens((*labels, type_), tokens)

    def count_unpriced(self, span: Span) -> None:
        """Count a call that has no price."""
        provider = span.get_str(semconv.GEN_AI_PROVIDER_NAME) or ""
        model = span.get_str(semconv.GEN_AI_RESPONSE_MODEL) or span.get_str(semconv.GEN_AI_REQUEST_MODEL) or ""
        self._unpriced((provider[:_NAME_LENGTH], model[:_NAME_LENGTH], *_whom(span)))


def _whom(span: Span) -> tuple[str, str]:
    """Return route and environment: `span.dimensions` would read six more."""
    route, environment = span.get_str(semconv.ROUTE) or "", span.get_str(semconv.ENVIRONMENT) or ""
    return route[:_NAME_LENGTH], environment[:_NAME_LENGTH]
