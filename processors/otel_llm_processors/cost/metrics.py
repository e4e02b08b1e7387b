"""What calls cost and use, for Prometheus."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, Any, Final

from otel_llm import semconv

if TYPE_CHECKING:
    from collections.abc import Mapping

    from otel_llm.telemetry import BoundedCounter, Meter
    from otel_llm_processors.cost.rates import ModelPrices
    from otel_llm_processors.cost.usage import Usage

__all__ = ["CostMetrics"]

_LABELS: Final = ("provider", "model", "route", "environment")
_NOT_PRICED: Final = ("", "")
_CALLS: Final = "calls"
_USD: Final = "usd"
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
        self._priced = meter.counter("priced_spans", "Spans whose cost was computed.").inc
        self._pending: defaultdict[tuple[str, str, str, str], defaultdict[str, float]] = defaultdict(_nothing)
        self._pending_priced = 0

    def count_priced(self, attributes: Mapping[str, Any], usage: Usage, usd: float, prices: ModelPrices | None) -> None:
        """Count a call whose cost was computed, with the prices that were used if it needed any."""
        self._pending_priced += 1
        self.count(attributes, usage, usd, prices)

    def count(
        self, attributes: Mapping[str, Any], usage: Usage, usd: float, prices: ModelPrices | None = None
    ) -> None:
        """Count a call. It is shown by `flush`: to lock counters that all threads share takes longer than to price."""
        route, environment = _whom(attributes)
        provider, model = (prices.provider, prices.model) if prices else _NOT_PRICED
        pending = self._pending[provider, model, route, environment]
        pending[_CALLS] += 1
        pending[_USD] += usd
        for key, tokens in usage.items():
            pending[key] += tokens

    def flush(self) -> None:
        """Show what was counted."""
        for labels, pending in self._pending.items():
            self._calls(labels, pending[_CALLS])
            if pending[_USD]:
                self._cost(labels, pending[_USD])
            for key, type_ in _TYPES.items():
                if pending[key]:
                    self._tokens((*labels, type_), pending[key])
        self._pending.clear()
        self._priced(self._pending_priced)
        self._pending_priced = 0

    def count_unpriced(self, attributes: Mapping[str, Any]) -> None:
        """Count a call that has no price."""
        model = attributes.get(semconv.GEN_AI_RESPONSE_MODEL) or attributes.get(semconv.GEN_AI_REQUEST_MODEL, "")
        names = (attributes.get(semconv.GEN_AI_PROVIDER_NAME, "")[:_NAME_LENGTH], model[:_NAME_LENGTH])
        self._unpriced((*names, *_whom(attributes)))


def _whom(attributes: Mapping[str, Any]) -> tuple[str, str]:
    """Return route and environment."""
    get = attributes.get
    return get(semconv.ROUTE, "")[:_NAME_LENGTH], get(semconv.ENVIRONMENT, "")[:_NAME_LENGTH]


def _nothing() -> defaultdict[str, float]:
    return defaultdict(int)
