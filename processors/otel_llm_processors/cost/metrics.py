"""What calls cost and use, for Prometheus."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, NamedTuple

from otel_llm import semconv
from otel_llm_processors.cost.usage import Usage

if TYPE_CHECKING:
    from collections.abc import Mapping

    from otel_llm.telemetry import BoundedCounter, Meter
    from otel_llm_processors.cost.rates import ModelPrices

__all__ = ["CostMetrics", "Series"]

_LABELS: Final = ("provider", "model", "route", "environment")
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


class Series(NamedTuple):
    """What was counted under some labels and is not shown yet."""

    labels: tuple[str, str, str, str]
    calls: list[tuple[Usage, float, bool]]
    """What each used and cost, and whether that was computed."""

    @classmethod
    def of(cls, attributes: Mapping[str, Any], prices: ModelPrices | None = None) -> Series:
        """Return a series for calls like one, with the prices that were used."""
        provider, model = (prices.provider, prices.model) if prices else (None, None)
        return cls(_labels(provider, model, attributes), [])


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
        self._counted: list[Series] = []

    def count(self, series: Series, usage: Usage, usd: float, *, priced: bool = False) -> None:
        """Count a call. `flush` shows it: to lock counters that all threads share takes longer than to price a call."""
        if not series.calls:
            self._counted.append(series)
        series.calls.append((usage, usd, priced))

    def flush(self) -> None:
        """Show what was counted."""
        for labels, calls in self._counted:
            usages, usd, priced = zip(*calls, strict=True)
            self._calls(labels, len(calls))
            self._priced(sum(priced))
            if total := sum(usd):
                self._cost(labels, total)
            for key, type_ in _TYPES.items():
                if tokens := sum([usage.get(key, 0) for usage in usages]):
                    self._tokens((*labels, type_), tokens)
            calls.clear()
        self._counted.clear()

    def count_unpriced(self, attributes: Mapping[str, Any]) -> None:
        """Count a call that has no price."""
        model = attributes.get(semconv.GEN_AI_RESPONSE_MODEL) or attributes.get(semconv.GEN_AI_REQUEST_MODEL)
        self._unpriced(_labels(attributes.get(semconv.GEN_AI_PROVIDER_NAME), model, attributes))


def _labels(provider: str | None, model: str | None, attributes: Mapping[str, Any]) -> tuple[str, str, str, str]:
    names = (provider, model, attributes.get(semconv.ROUTE), attributes.get(semconv.ENVIRONMENT))
    return tuple((name or "")[:_NAME_LENGTH] for name in names)  # type: ignore[return-value]  # four are four
