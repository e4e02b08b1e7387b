"""What a call is estimated at before it is made."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from otel_llm import semconv
from otel_llm.component import Settings
from otel_llm.testing import make_span
from otel_llm_processors.cost import factory
from otel_llm_processors.cost.estimate import Estimate

if TYPE_CHECKING:
    from collections.abc import Mapping

AT = 1_790_000_000_000_000_000
estimate = Estimate(Settings("budgets"))


@pytest.mark.parametrize(
    ("provider", "model", "input_tokens", "output_tokens"),
    [
        ("openai", "gpt-4o", 1000, 100),
        ("openai", "gpt-4o-mini", 7, 0),
        ("gcp.gemini", "gemini-2.5-pro", 200_000, 10),
        ("gcp.gemini", "gemini-2.5-pro", 200_001, 10),
        (None, "gpt-4o", 1, 1),
    ],
)
def test_it_is_what_the_span_then_costs(
    provider: str | None, model: str, input_tokens: int, output_tokens: int
) -> None:
    """By the same prices, and in the same tier: a call that uses what it held costs what it held (LiteLLM 40002)."""
    attributes: Mapping[str, str | int] = {
        "gen_ai.operation.name": "chat",
        "gen_ai.request.model": model,
        "gen_ai.usage.input_tokens": input_tokens,
        "gen_ai.usage.output_tokens": output_tokens,
        **({"gen_ai.provider.name": provider} if provider else {}),
    }
    span = make_span(attributes, start_time_unix_nano=AT)
    factory.build().process_span(span)

    assert round((span.get_float(semconv.COST_TOTAL_USD) or 0) * 10**12) == estimate(
        provider, model, input_tokens, output_tokens, AT
    )


def test_no_price_is_none() -> None:
    """It is not nothing."""
    assert estimate("openai", "made-up", 1, 1, AT) is None
