"""Prices of one's own, entered as a user does: YAML in the config, files beside it."""

from __future__ import annotations

from decimal import Decimal
from hashlib import sha256
from typing import TYPE_CHECKING, Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from otel_llm import semconv
from otel_llm.component import Settings
from otel_llm.config.strict_yaml import load
from otel_llm.errors import ConfigError
from otel_llm.reload.files import Files
from otel_llm.telemetry import Meter
from otel_llm.testing import check_processor, make_span
from otel_llm_processors.cost import factory
from otel_llm_processors.cost.prices import bundled_prices
from tests.model_call import CALL

if TYPE_CHECKING:
    from pathlib import Path

DAY_NS = 86_400 * 10**9
START_2026 = 20_454 * DAY_NS


def priced(config: str, call: dict[str, Any] = CALL, **fields: Any) -> dict[str, Any]:
    """Return what `otel_llm.cost.` attributes a span has after a processor with that config."""
    span = make_span(call, **fields)
    factory.build(load(config, {}).data).process_span(span)
    return {key.removeprefix("otel_llm.cost."): span.get(key) for key in span.keys("otel_llm.cost.")}


def inline(*lines: str) -> str:
    """Return a config with one override."""
    return "prices:\n  overrides:\n    - " + "\n      ".join(lines)


PRICES = "usd_per_million: {input: 1, output: 2, cache_read: 0.1}"


def test_an_override_wins() -> None:
    """A price in the config comes before the list's, and the span says where it is from."""
    cost = priced(inline("model: gpt-4o*", "provider: openai", PRICES))

    assert ("priced", 0.0012, 0.001, 0.0002, "config") == tuple(
        cost[key] for key in ("status", "total_usd", "input_usd", "output_usd", "source")
    )
    assert 8 == len(cost["price_version"])


@pytest.mark.parametrize(
    ("lines", "total"),
    [
        (("model: GPT-4O", PRICES), 0.0012),
        (("model: '*'", "provider: azure*", PRICES), 0.0035),
        (("model: gpt-4o-mini", PRICES), 0.0035),
        (("model: gpt-4o", "free: true"), 0.0),
        (("model: gpt-4o", "discount: 0.15"), 0.002975),
        (("model: gpt-4o", PRICES, "discount: 0.5"), 0.0006),
        (("model: gpt-4o", PRICES, "usd_per_request: 0.01"), 0.0112),
        (("model: gpt-4o", PRICES, "tiers: [{above_input_tokens: 999, usd_per_million: {input: 10}}]"), 0.0102),
        (("model: gpt-4o", PRICES, "tiers: [{above_input_tokens: 1000, usd_per_million: {input: 10}}]"), 0.0012),
        (("model: gpt-4o", "service_tier: batch", PRICES), 0.0035),
    ],
)
def test_an_entry_says_what_a_call_costs(lines: tuple[str, ...], total: float) -> None:
    """Globs, tiers, fees for a call, discounts, and what is free."""
    assert total == priced(inline(*lines))["total_usd"]


@pytest.mark.parametrize(
    ("bounds", "before", "first", "last", "after"),
    [
        ("valid_from: 2026-01-01", 0.0035, 0.0012, 0.0012, 0.0012),
        ("valid_to: 2026-01-02", 0.0012, 0.0012, 0.0012, 0.0035),
        ("{valid_from: 2026-01-01, valid_to: 2026-01-02}", 0.0035, 0.0012, 0.0012, 0.0035),
    ],
)
def test_an_entry_holds_from_its_first_day_to_its_last(
    bounds: str, before: float, first: float, last: float, after: float
) -> None:
    """Days are UTC, both are included, and it is the span's start that counts."""
    config = inline("model: gpt-4o", PRICES, *bounds.strip("{}").split(", "))
    moments = (START_2026 - 1, START_2026, START_2026 + 2 * DAY_NS - 1, START_2026 + 2 * DAY_NS)

    assert [before, first, last, after] == [
        priced(config, start_time_unix_nano=moment)["total_usd"] for moment in moments
    ]


def test_a_local_model_is_free_when_the_config_says_so() -> None:
    """Not known is not free, unless declared."""
    call = {**CALL, "gen_ai.provider.name": "ollama", "gen_ai.request.model": "deepseek-r1"}

    assert ("unpriced", None) == tuple(priced("{}", call).get(key) for key in ("status", "total_usd"))
    assert ("priced", 0.0) == tuple(
        priced(inline("model: '*'", "provider: ollama", "free: true"), call).get(key) for key in ("status", "total_usd")
    )


def test_tokens_that_an_entry_has_no_price_for_are_not_free() -> None:
    """An entry without a price for output prices no call that has some."""
    assert "no_price" == priced(inline("model: gpt-4o", "usd_per_million: {input: 1}"))["unpriced_reason"]


def test_a_discount_names_both_sources() -> None:
    """The list it is taken off, its version, and that of the config."""
    cost = priced(inline("model: gpt-4o", "discount: 0.15"))

    assert "genai-prices" == cost["source"]
    assert cost["price_version"].startswith(bundled_prices().version + "+")
    assert (
        "unknown_model"
        == priced(inline("model: '*'", "discount: 0.15"), {**CALL, "gen_ai.request.model": "made-up"})[
            "unpriced_reason"
        ]
    )


def test_a_file_is_named_by_its_content(tmp_path: Path) -> None:
    """The span says which file, by a digest, and not where it is."""
    path = tmp_path / "prices.yaml"
    path.write_text(f"prices: [{{model: gpt-4o, {PRICES}}}]")
    cost = priced(f"prices: {{files: ['{path}']}}")

    assert ("file", sha256(path.read_bytes()).hexdigest()[:8], 0.0012) == (
        cost["source"],
        cost["price_version"],
        cost["total_usd"],
    )


def test_overrides_come_before_files_and_the_first_file_before_the_second(tmp_path: Path) -> None:
    """What stands first is taken."""
    one, two = tmp_path / "1.yaml", tmp_path / "2.yaml"
    one.write_text("prices: [{model: gpt-4o, free: true}]")
    two.write_text(f"prices: [{{model: 'gpt*', {PRICES}}}]")

    assert 0.0 == priced(f"prices: {{files: ['{one}', '{two}']}}")["total_usd"]
    assert 0.0012 == priced(f"prices: {{files: ['{two}', '{one}']}}")["total_usd"]
    assert 0.0012 == priced(f"{inline('model: gpt-4o', PRICES)}\n  files: ['{one}']")["total_usd"]


async def test_a_file_is_read_again_when_it_changes(tmp_path: Path) -> None:
    """Prices change over without a restart; a file that cannot be used changes nothing."""
    path = tmp_path / "prices.yaml"
    path.write_text(f"prices: [{{model: gpt-4o, {PRICES}}}]")
    files = Files(Meter())
    processor = factory.build({"prices": {"files": [str(path)]}}, Settings("cost", watch=files.watch))
    totals = []
    for content in (None, "prices: [{model: gpt-4o, free: true}]", "prices: [{model: gpt-4o, free: false}]"):
        if content:
            path.write_text(content)
            await files.poll()
            await files.poll()
        span = make_span(CALL)
        processor.process_span(span)
        totals.append(span.get(semconv.COST_TOTAL_USD))

    assert [0.0012, 0.0, 0.0] == totals


def test_everything_wrong_with_files_is_said_with_its_line(tmp_path: Path) -> None:
    """Every problem of every file, each with path and line, and without the values."""
    one, two, three = tmp_path / "1.yaml", tmp_path / "2.yaml", tmp_path / "3.json"
    one.write_text("prices:\n- model: a\n  usd_per_million: {input: -1, ouput: 2}\n- model: b\n")
    two.write_text("prices:\n- model: c\n  free: true\n  discount: 0.1\n")
    three.write_text("[]")
    with pytest.raises(ConfigError) as caught:
        factory.build({"prices": {"files": [str(one), str(two)], "litellm": str(three)}})

    assert [
        f"{one}:3: prices.0.usd_per_million.input: must be at least 0",
        f"{one}:3: prices.0.usd_per_million.ouput: unknown key (did you mean output?)",
        f"{one}:4: prices.1: needs usd_per_million, same_as, discount, surcharge or free",
        f"{two}:2: prices.0: what is free has neither prices nor a discount",
        f"{three}: must hold an object with a model's name for each key",
    ] == list(caught.value.problems)


def test_files_that_are_not_there_are_all_named(tmp_path: Path) -> None:
    """One look at the errors is enough."""
    with pytest.raises(ConfigError) as caught:
        factory.build({"prices": {"files": [str(tmp_path / "a"), str(tmp_path / "b")]}})

    assert 2 == len(caught.value.problems)


@pytest.mark.parametrize(
    "entry",
    [
        {"model": "", "free": True},
        {"model": "a", "usd_per_million": {"output": 1}},
        {"model": "a", "usd_per_million": {"input": True}},
        {"model": "a", "usd_per_million": {"input": float("nan")}},
        {"model": "a", "usd_per_million": {"input": 1, "cache_write_1h": 1}},
        {"model": "a", "usd_per_million": {"input": 1}, "discount": 1.5},
        {"model": "a", "usd_per_million": {"input": 1}, "tiers": [{"above_input_tokens": 0, "usd_per_million": {}}]},
        {
            "model": "a",
            "usd_per_million": {"input": 1},
            "tiers": [{"above_input_tokens": 1, "usd_per_million": {"output": 1}}],
        },
        {
            "model": "a",
            "usd_per_million": {"input": 1},
            "tiers": [{"above_input_tokens": 1, "usd_per_million": {}}] * 2,
        },
        {"model": "a", "usd_per_request": 1},
        {"model": "a", "free": True, "valid_from": 20260101},
        {"model": "a", "free": True, "valid_from": "2026-02-01", "valid_to": "2026-01-01"},
    ],
)
def test_an_entry_that_makes_no_sense_is_refused(entry: dict[str, Any]) -> None:
    """What could only be a mistake does not start."""
    with pytest.raises(ValueError, match="overrides"):
        factory.build({"prices": {"overrides": [entry]}})


usd = st.decimals(0, 1000, places=6)


@given(st.tuples(usd, usd, usd, usd), st.tuples(*[st.integers(0, 10**6)] * 3))
def test_an_override_costs_what_decimal_arithmetic_says(
    prices: tuple[Decimal, Decimal, Decimal, Decimal], counts: tuple[int, ...]
) -> None:
    """Equal to the sum of the exact products, to the pico-USD."""
    (price, cached, output, fee), (fresh, read, out) = prices, counts
    entry = {
        "model": "m",
        "usd_per_million": {"input": price, "cache_read": cached, "output": output},
        "usd_per_request": fee,
    }
    processor = factory.build({"prices": {"overrides": [entry]}})
    span = make_span(
        {
            "gen_ai.request.model": "m",
            "gen_ai.usage.input_tokens": fresh + read,
            "gen_ai.usage.cache_read.input_tokens": read,
            "gen_ai.usage.output_tokens": out,
        }
    )
    processor.process_span(span)
    total = (price * fresh + cached * read + output * out) / 10**6 + fee

    assert float(total.quantize(Decimal("1e-12"))) == span.get(semconv.COST_TOTAL_USD)


LITELLM = {
    "sample_spec": {"input_cost_per_token": 0},
    "azure/house-model": {
        "litellm_provider": "azure",
        "input_cost_per_token": 1.5e-07,
        "output_cost_per_token": 6e-07,
        "input_cost_per_token_above_200k_tokens": 3e-07,
        "input_cost_per_token_batches": 7.5e-08,
    },
    "gpt-4o": {"litellm_provider": "openai", "input_cost_per_token": 1, "output_cost_per_token": 1},
    "azure/unknown-price": {"litellm_provider": "azure", "input_cost_per_token": 0, "output_cost_per_token": 0},
    "azure/odd": {"litellm_provider": "azure", "input_cost_per_token": "much"},
}


@pytest.mark.parametrize(
    ("model", "extra", "source", "total"),
    [
        ("house-model", {}, "litellm", 0.00021),
        ("house-model", {"gen_ai.usage.input_tokens": 200_001}, "litellm", 0.0600603),
        ("house-model", {"openai.response.service_tier": "batch"}, "litellm", 0.000135),
        ("gpt-4o", {}, "genai-prices", 0.0035),
        ("unknown-price", {}, None, None),
        ("odd", {}, None, None),
    ],
)
def test_a_litellm_file_fills_the_gaps(
    tmp_path: Path, model: str, extra: dict[str, Any], source: str | None, total: float | None
) -> None:
    """It is asked after genai-prices, its zeros are not believed, and the span says that the price is its."""
    path = tmp_path / "model_prices.json"
    path.write_bytes(orjson.dumps(LITELLM))
    call = {**CALL, "gen_ai.provider.name": "azure.ai.openai", "gen_ai.request.model": model, **extra}
    cost = priced(f"prices: {{litellm: '{path}'}}", call)

    assert (source, total) == (cost.get("source"), cost.get("total_usd"))


def test_it_complies_with_overrides_too() -> None:
    """Prices of one's own break no rule of processors."""
    check_processor(factory, load(inline("model: '*'", PRICES), {}).data)


@pytest.mark.parametrize(
    ("lines", "total"),
    [
        (("model: house-*", "provider: azure*", "same_as: gpt-4o"), 0.0035),
        (("model: house-*", "same_as: gpt-4o", "discount: 0.5"), 0.00175),
        (("model: house-*", "same_as: gpt-4o", "surcharge: 0.1"), 0.00385),
        (("model: house-*", "same_as: made-up"), None),
    ],
)
def test_a_deployment_costs_the_same_as_its_model(lines: tuple[str, ...], total: float | None) -> None:
    """Azure deployments have names of one's own: the config says which model of the list each is."""
    call = {**CALL, "gen_ai.provider.name": "azure.ai.openai", "gen_ai.request.model": "house-chat"}

    assert total == priced(inline(*lines), call).get("total_usd")


@pytest.mark.parametrize(
    ("server", "total"),
    [("eu.api.openai.com", 0.00385), ("EU.api.openai.com", 0.00385), ("api.openai.com", 0.0035), (None, 0.0035)],
)
def test_a_region_may_cost_more(server: str | None, total: float) -> None:
    """A surcharge for calls to a server: the regional multiplier that the list does not know."""
    config = inline("model: '*'", "server: eu.api.openai.com", "surcharge: 0.1")

    assert total == priced(config, {**CALL, "server.address": server})["total_usd"]


@pytest.mark.parametrize(
    "entry",
    [
        {"model": "a", "discount": 0.1, "surcharge": 0.1},
        {"model": "a", "same_as": "b", "usd_per_million": {"input": 1}},
        {"model": "a", "same_as": "b", "free": True},
        {"model": "a", "surcharge": 0.1, "tiers": [{"above_input_tokens": 1, "usd_per_million": {}}]},
        {"model": "a", "same_as": ""},
    ],
)
def test_contradictions_are_refused(entry: dict[str, Any]) -> None:
    """An entry says one thing."""
    with pytest.raises(ValueError, match="overrides"):
        factory.build({"prices": {"overrides": [entry]}})
