"""What changes a price besides the number of tokens, and what is counted of it."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from otel_llm import semconv
from otel_llm.component import Settings
from otel_llm.telemetry import Meter
from otel_llm.testing import make_span
from otel_llm_processors.cost import factory
from tests import model_call

CALL = {**model_call.CALL, "gen_ai.request.model": "gpt-5"}
CLAUDE = {**CALL, "gen_ai.provider.name": "anthropic", "gen_ai.request.model": "claude-opus-4-6"}
LATE = 1_795_000_000 * 10**9
"""In November 2026: the data has prices of service tiers since October."""


def cost(call: dict[str, Any], config: dict[str, Any] | None = None) -> dict[str, Any]:
    """Return the attributes under `otel_llm.cost.` of a span, without the prefix."""
    span = make_span(call, start_time_unix_nano=LATE)
    factory.build(config or {}).process_span(span)
    return {key.removeprefix("otel_llm.cost."): span.get(key) for key in span.keys("otel_llm.cost.")}


@pytest.mark.parametrize(
    ("asked", "served", "total"),
    [
        (None, None, 0.00225),
        ("flex", None, 0.001125),
        ("auto", "flex", 0.001125),
        ("flex", "default", 0.00225),
        (None, "priority", 0.0045),
        (None, "fast", 0.0045),
        ("batch", None, 0.001125),
        ("auto", None, 0.00225),
        (None, ["flex"], 0.00225),
    ],
)
def test_a_service_tier_has_its_price(asked: Any, served: Any, total: float) -> None:
    """How a call was served says what it costs; how it asked to be, only where nothing says that."""
    tiers = {"openai.request.service_tier": asked, "openai.response.service_tier": served}

    assert total == cost({**CALL, **{key: tier for key, tier in tiers.items() if tier}})["total_usd"]


def test_a_cache_that_keeps_for_an_hour_costs_more() -> None:
    """Tokens written for an hour have their own price, the others that of five minutes."""
    written = {**CLAUDE, "gen_ai.usage.cache_write.input_tokens": 1000}
    hour = {**written, "gen_ai.usage.details.cache_write_1h_tokens": 400}

    assert 0.00625 == cost(written)["cache_write_usd"]
    assert 0.00775 == cost(hour)["cache_write_usd"]
    assert "invalid_usage" == cost({**hour, "gen_ai.usage.cache_write.input_tokens": 399})["status"]


AUDIO = {
    "prices": {
        "overrides": [
            {"model": "*", "usd_per_million": {"input": 1, "output": 2, "input_audio": 10, "output_audio": 20}},
        ]
    }
}
CACHED_AUDIO = {
    "prices": {
        "overrides": [
            {"model": "*", "usd_per_million": {"input": 1, "output": 2, "cache_read": 0.1, "input_audio": 10}}
        ]
    }
}


def test_modalities_have_their_prices() -> None:
    """Audio is charged as audio, and what is not audio as text."""
    call = {**CALL, "gen_ai.usage.audio.input_tokens": 400, "gen_ai.usage.audio.output_tokens": 50}

    assert (0.0046, 0.0011) == tuple(cost(call, AUDIO)[key] for key in ("input_usd", "output_usd"))
    assert "invalid_usage" == cost({**call, "gen_ai.usage.audio.output_tokens": 101}, AUDIO)["status"]


def test_cached_audio_without_a_split_has_no_price() -> None:
    """Where some tokens must be both cached and audio, but not how many, the price would be a guess."""
    call = {**CALL, "gen_ai.usage.audio.input_tokens": 900, "gen_ai.usage.cache_read.input_tokens": 500}
    split = {**call, "gen_ai.usage.audio.cache_read.input_tokens": 450}

    assert "no_price" == cost(call, CACHED_AUDIO)["unpriced_reason"]
    assert "priced" == cost(call)["status"]
    assert (0.00455, 5e-05) == tuple(cost(split, CACHED_AUDIO)[key] for key in ("input_usd", "cache_read_usd"))


@given(st.tuples(*[st.integers(0, 60)] * 6))
def test_no_part_is_ever_negative(counts: tuple[int, ...]) -> None:
    """Whatever kinds of tokens there are, and however they overlap."""
    audio, image, read, write, both, reasoning = counts
    call = {
        **CALL,
        "gen_ai.usage.input_tokens": 100,
        "gen_ai.usage.audio.input_tokens": audio,
        "gen_ai.usage.image.input_tokens": image,
        "gen_ai.usage.cache_read.input_tokens": read,
        "gen_ai.usage.cache_write.input_tokens": write,
        "gen_ai.usage.audio.cache_read.input_tokens": both,
        "gen_ai.usage.audio.output_tokens": audio,
        "gen_ai.usage.reasoning.output_tokens": reasoning,
    }
    kinds = ("input", "output", "cache_read", "cache_write", "input_audio", "input_image", "output_audio")
    prices = dict.fromkeys((*kinds, "output_reasoning"), 0.5)
    found = cost(call, {"prices": {"overrides": [{"model": "*", "usd_per_million": prices}]}})
    amounts = [value for key, value in found.items() if key.endswith("_usd")]

    assert all(amount >= 0 for amount in amounts)
    assert found["status"] in {"priced", "unpriced", "invalid_usage"}
    if found["status"] == "priced":
        assert 0.0001 == found["total_usd"]


@pytest.mark.parametrize("hit", [True, "true", "True"])
def test_an_answer_out_of_a_cache_is_free(hit: Any) -> None:
    """LiteLLM's cache answers without the provider: the cost is known, and nothing."""
    assert {"status": "priced", "source": "cache", "total_usd": 0.0} == cost({**CALL, "litellm.cache_hit": hit})


@pytest.mark.parametrize("hit", [False, "", "no", 1, ["true"]])
def test_what_is_no_cache_hit_is_charged(hit: Any) -> None:
    """Anything but a clear yes leaves the price as it is."""
    assert 0.00225 == cost({**CALL, "litellm.cache_hit": hit})["total_usd"]


def test_a_reported_cost_may_be_preferred() -> None:
    """With `prefer: reported` the emitter's amount is the total, unless it is none or zero."""
    config = {"prefer": "reported"}

    assert {"status": "reported", "source": "emitter", "total_usd": 0.5, "reported_usd": 0.5} == cost(
        {**CALL, "operation.cost": 0.5}, config
    )
    assert ("priced", 0.00225) == tuple(
        cost({**CALL, "operation.cost": 0}, config)[key] for key in ("status", "total_usd")
    )


def test_metrics_tell_what_calls_cost_and_use() -> None:
    """By the names of the price list, the route and the environment; tokens by type."""
    meter = Meter()
    processor = factory.build({}, Settings("cost", meter=meter))
    whom = {semconv.ROUTE: "support", semconv.ENVIRONMENT: "production"}
    for call in (CALL, {**CALL, "gen_ai.response.model": "gpt-5-2025-08-07"}):
        processor.process_span(make_span({**call, **whom}))
    labels = {"provider": "openai", "model": "gpt-5", "route": "support", "environment": "production"}

    assert 0.0045 == meter.value("cost_usd_total", **labels)
    assert 2 == meter.value("calls_total", **labels)
    assert (2000, 200) == tuple(
        meter.value("usage_tokens_total", **labels, type=type_) for type_ in ("input", "output")
    )


def test_made_up_names_fill_only_the_metric_that_shows_them() -> None:
    """What has no price is shown by its name up to the cap, and keeps no priced model out of the other metrics."""
    meter = Meter()
    processor = factory.build({"metrics_max_series": 2}, Settings("cost", meter=meter))
    for number in range(5):
        processor.process_span(make_span({**CALL, "gen_ai.request.model": f"made-up-{number}"}))
    processor.process_span(make_span(CALL))
    nobody = {"route": "", "environment": ""}
    other = {"provider": "other", "model": "other", "route": "other", "environment": "other"}

    assert 1 == meter.value("unpriced_calls_total", provider="openai", model="made-up-0", **nobody)
    assert 3 == meter.value("unpriced_calls_total", **other)
    assert 5 == meter.value("calls_total", provider="", model="", **nobody)
    assert 1 == meter.value("calls_total", provider="openai", model="gpt-5", **nobody)


@pytest.mark.parametrize(
    ("model", "total"),
    [
        ("global.anthropic.claude-sonnet-4-5-20250929-v1:0", 0.0045),
        ("eu.anthropic.claude-sonnet-4-5-20250929-v1:0", 0.00495),
        ("us.anthropic.claude-sonnet-4-5-20250929-v1:0", 0.00495),
        ("anthropic.claude-sonnet-4-5-20250929-v1:0", 0.00495),
        (
            "arn:aws:bedrock:eu-west-1:123456789012:inference-profile/eu.anthropic.claude-sonnet-4-5-20250929-v1:0",
            0.00495,
        ),
    ],
)
def test_a_bedrock_region_costs_a_tenth_more(model: str, total: float) -> None:
    """Global inference profiles have the plain price, those of a region its multiplier; ARNs are understood."""
    assert total == cost({**CALL, "gen_ai.provider.name": "aws.bedrock", "gen_ai.request.model": model})["total_usd"]
