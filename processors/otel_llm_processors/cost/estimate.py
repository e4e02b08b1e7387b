"""What a call may cost before it is made: by the same prices, tiers and rounding as what it turns out to have cost."""

from __future__ import annotations

from otel_llm_processors.cost.prices import bundled_prices
from otel_llm_processors.cost.rates import ModelPrices

__all__ = ["estimate"]


def estimate(
    provider: str | None, model: str, input_tokens: int, output_tokens: int, time_unix_nano: int, /
) -> int | None:
    """Return what a call with so many tokens costs, in pico-USD; None for a model without a price.

    Args:
        provider: Who sells it; None to infer that from the model.
        model: As on a span.
        input_tokens: All of them, none read from a cache.
        output_tokens: All of them.
        time_unix_nano: When.
    """
    prices = bundled_prices().lookup(provider, model)
    if not isinstance(prices, ModelPrices):
        return None
    rates = prices.at(time_unix_nano)
    usage = {"input_tokens": input_tokens, "output_tokens": output_tokens, "requests": 1}
    return rates.cost(usage).total if rates.covers(usage) else None
