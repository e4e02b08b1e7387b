"""The bad input and bad price tables that the processor must withstand, by their numbers in the fault catalogue."""

from __future__ import annotations

import math
import os
import time
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from otel_llm import semconv
from otel_llm.component import Settings
from otel_llm.errors import ConfigError
from otel_llm.telemetry import Meter
from otel_llm.testing import make_span
from otel_llm_processors.cost import CostConfig, CostProcessor, factory
from otel_llm_processors.cost.attributes import CACHED_NAMES
from tests.model_call import CALL

if TYPE_CHECKING:
    from pathlib import Path

    from otel_llm.span import Span

processor = factory.build()


def priced(attributes: dict[str, Any]) -> Span:
    """Return a span after the processor."""
    span = make_span(attributes)
    processor.process_span(span)
    return span


@pytest.mark.parametrize("tokens", [12, 12.0, "12"])
def test_i32_a_count_is_priced_however_it_is_written(tokens: Any) -> None:
    """I32: an int, an integral double and up to 15 ASCII digits are counts."""
    span = priced({**CALL, "gen_ai.usage.input_tokens": tokens})

    assert ("priced", 0.00103) == (span.get(semconv.COST_STATUS), span.get(semconv.COST_TOTAL_USD))


@pytest.mark.parametrize(
    "tokens",
    [-1, 2**63 - 1, 12.5, math.nan, math.inf, "１２", "1_000", " 12\n", "9" * 16, True, [12]],  # noqa: RUF001 - full-width digits are the case
)
def test_i32_anything_else_leaves_no_cost(tokens: Any) -> None:
    """I32: the span goes on with `invalid_usage` and no amount, what it carried untouched."""
    call = {**CALL, "gen_ai.usage.input_tokens": tokens}
    span = priced(call)

    assert {semconv.COST_STATUS: "invalid_usage"} == {key: span.get(key) for key in span.keys("otel_llm.")}
    assert call.keys() <= set(span.keys())


def test_i32_missing_counts_are_not_zero() -> None:
    """I32: a call without usage is unpriced, and says why."""
    span = priced({key: value for key, value in CALL.items() if "usage" not in key})

    assert ("unpriced", "no_usage") == (span.get(semconv.COST_STATUS), span.get(semconv.COST_UNPRICED_REASON))


@pytest.mark.parametrize(
    ("changes", "status", "reason"),
    [
        ({"gen_ai.usage.cache_read.input_tokens": 1001}, "invalid_usage", "inconsistent_usage"),
        ({"gen_ai.request.model": "made-up"}, "unpriced", "unknown_model"),
        ({"gen_ai.request.model": "whisper-1"}, "unpriced", "no_price"),
        ({"gen_ai.usage.input_tokens": 10**15}, "invalid_usage", None),
    ],
)
def test_i33_what_cannot_be_right_is_flagged(changes: dict[str, Any], status: str, reason: str | None) -> None:
    """I33: more cached than there is, an unknown model, a missing price, an absurd total: a flag and no amount."""
    span = priced({**CALL, **changes})

    assert (status, reason) == (span.get(semconv.COST_STATUS), span.get(semconv.COST_UNPRICED_REASON))
    assert [] == [key for key in span.keys("otel_llm.cost.") if key.endswith("_usd")]


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        ("prices: [{model: a, usd_per_million: {input: -1}}]", "must be at least 0"),
        ("prices: [{model: a,", "not YAML"),
        ("prices: 3", "prices"),
        ("prices: [{model: a}]", "needs usd_per_million"),
    ],
)
def test_c13_a_malformed_or_negative_price_table_does_not_start(tmp_path: Path, content: str, problem: str) -> None:
    """C13: a config error, with the file and what is wrong with it; the command line exits with 2 for those."""
    path = tmp_path / "prices.yaml"
    path.write_text(content)
    with pytest.raises(ConfigError) as caught:
        factory.build({"prices": {"files": [str(path)]}})

    assert [True] == [str(path) in each and problem in each for each in caught.value.problems]


def test_c13_an_old_price_table_is_a_warning_and_a_metric(tmp_path: Path) -> None:
    """C13: after 30 days without a change the config has a weakness; the metric tells the age while it runs."""
    path = tmp_path / "prices.yaml"
    path.write_text("prices: []")
    os.utime(path, (0, time.time() - 29.5 * 86_400))
    config = CostConfig.model_validate({"prices": {"files": [str(path)]}})

    assert [] == list(config.prices.weaknesses())

    os.utime(path, (0, time.time() - 41.5 * 86_400))
    meter = Meter()
    factory.create(config, Settings("cost", meter=meter, clock=lambda: path.stat().st_mtime + 100))

    assert [f"{path} has not changed for 41 days: its prices may be out of date"] == list(config.prices.weaknesses())
    assert 100 == meter.value("price_file_age_seconds", file=str(path))


def test_ever_new_names_use_bounded_memory() -> None:
    """However many models, routes and long names a client makes up, what is remembered of them has a limit."""
    meter = Meter()
    bounded = CostProcessor(CostConfig(metrics_max_series=10), Settings("cost", meter=meter))
    bounded.start()
    for number in range(CACHED_NAMES + 100):
        bounded.process_span(
            make_span({**CALL, "gen_ai.request.model": f"m-{number}", "otel_llm.route": f"r-{number}"})
        )
    kept = len(bounded._kinds)
    bounded.process_span(make_span({**CALL, "gen_ai.request.model": "m" * 10_000}))
    samples = [line for line in meter.text().decode().splitlines() if line.startswith("otel_llm_unpriced_calls_total")]

    assert 0 < kept <= CACHED_NAMES
    assert len(bounded._kinds) <= kept
    assert bounded._catalogue._cached.cache_info().currsize <= CACHED_NAMES
    assert 11 == len(samples)


VALUE = st.one_of(
    st.integers(-(2**63), 2**63 - 1),
    st.integers(0, 10**6),
    st.floats(),
    st.booleans(),
    st.text(max_size=8),
    st.from_regex("[0-9]{1,16}", fullmatch=True),
    st.binary(max_size=3),
    st.none(),
    st.lists(st.integers(0, 9), max_size=2),
)
READ = [
    *(f"gen_ai.usage.{kind}_tokens" for kind in ("input", "output", "details.cache_write_1h")),
    *(f"gen_ai.usage.{kind}.input_tokens" for kind in ("cache_read", "cache_write", "audio", "image", "video")),
    *(f"gen_ai.usage.{kind}.output_tokens" for kind in ("reasoning", "audio", "image", "video")),
    *("gen_ai.usage.cost", "operation.cost", "llm.cost.total", "litellm.cost.total", "litellm.cache_hit"),
    *("gen_ai.response.model", "openai.request.service_tier", "openai.response.service_tier", "server.address"),
    *("gen_ai.response.id", semconv.ROUTE, semconv.ENVIRONMENT),
]


@given(st.dictionaries(st.sampled_from(READ), VALUE, max_size=6), st.sampled_from(["gpt-4o", "gemini-2.5-pro", "?"]))
@settings(deadline=None)
def test_no_value_of_any_attribute_raises_or_gives_a_cost_that_is_none(call: dict[str, Any], model: str) -> None:
    """Every attribute that is read, with any value: nothing raised, no amount negative or NaN, parts add up."""
    span = priced({**CALL, "gen_ai.request.model": model, **call})
    amounts = {key: span.get(key) for key in span.keys("otel_llm.cost.") if key.endswith("_usd")}

    assert all(type(amount) is float and 0 <= amount < math.inf for amount in amounts.values())
    total, _ = amounts.pop(semconv.COST_TOTAL_USD, None), amounts.pop(semconv.COST_REPORTED_USD, None)
    if total is not None and amounts:
        assert Decimal(repr(total)) == sum(Decimal(repr(amount)) for amount in amounts.values())


@given(st.integers(0, 10**6), st.integers(0, 10**6), st.integers(0, 10**6))
@settings(deadline=None)
def test_more_tokens_on_a_span_never_cost_less(tokens: int, more_input: int, more_output: int) -> None:
    """Price is monotone in tokens, tiers included, to the amount that is written."""
    call = {**CALL, "gen_ai.provider.name": "gcp.gemini", "gen_ai.request.model": "gemini-2.5-pro"}
    less, more = (
        priced({**call, "gen_ai.usage.input_tokens": read, "gen_ai.usage.output_tokens": written})
        for read, written in ((tokens, tokens), (tokens + more_input, tokens + more_output))
    )

    assert less.get(semconv.COST_TOTAL_USD) <= more.get(semconv.COST_TOTAL_USD)
