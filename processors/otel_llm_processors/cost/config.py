"""Settings of the cost processor."""

from __future__ import annotations

from typing import Literal

from pydantic import field_validator

from otel_llm import semconv
from otel_llm.component import Config, Count
from otel_llm_processors.cost.price_list import PriceSources

__all__ = ["CostConfig"]


class CostConfig(Config):
    """Settings of `processors.cost`."""

    aliases: tuple[str, ...] = (semconv.GEN_AI_USAGE_COST,)
    """Attributes that the total is written to as well, for backends that do not read `otel_llm.cost.total_usd`. Of the
    names under `gen_ai.usage.` only `gen_ai.usage.cost` is accepted: Langfuse counts all others as tokens."""

    prices: PriceSources = PriceSources()
    """Prices besides those of genai-prices."""
    prefer: Literal["computed", "reported"] = "computed"
    """Which cost is taken where both are known: ours, or the one that the emitter reported."""
    metrics_max_series: Count = 1000
    """How many combinations of provider, model, route and environment each metric keeps apart. All others are counted
    together, as `other`."""

    @field_validator("aliases")
    @classmethod
    def _is_no_usage(cls, aliases: tuple[str, ...]) -> tuple[str, ...]:
        for alias in aliases:
            if not alias:
                raise ValueError("an alias must not be empty")
            if alias.startswith(semconv.OTEL_LLM_PREFIX):
                raise ValueError("an alias must not start with otel_llm., where the cost is written anyway")
            if alias.startswith(semconv.GEN_AI_USAGE_PREFIX) and alias != semconv.GEN_AI_USAGE_COST:
                raise ValueError("an alias must not start with gen_ai.usage., other than gen_ai.usage.cost")
        return aliases
