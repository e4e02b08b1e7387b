"""The compiled prices against `calc_price` of genai-prices, on everything that it prices."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING

import pytest
from genai_prices import Usage, calc_price
from genai_prices.data import providers
from genai_prices.data_snapshot import get_snapshot
from genai_prices.types import ModelInfo, ModelPrice, Provider, StartDateConstraint, TimeOfDateConstraint
from hypothesis import given
from hypothesis import strategies as st

from otel_llm_processors.cost.attributes import CACHED_NAMES
from otel_llm_processors.cost.prices import PriceBook, bundled_prices, compile_prices
from otel_llm_processors.cost.rates import ModelPrices, decimal_usd

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

MODELS = [(provider, model) for provider in providers for model in provider.models]
USAGES: list[dict[str, int]] = [
    {"input_tokens": 1000, "output_tokens": 500},
    {"input_tokens": 8191},
    {"input_tokens": 123_457, "output_tokens": 7, "cache_read_tokens": 100_001, "cache_write_tokens": 1003},
    {"input_tokens": 200_000, "output_tokens": 1, "cache_write_tokens": 777, "cache_write_1h_tokens": 77},
    {"input_tokens": 1_000_001, "output_tokens": 999, "cache_read_tokens": 3, "output_reasoning_tokens": 500},
    {"input_tokens": 1000, "output_tokens": 100, "input_audio_tokens": 400, "output_audio_tokens": 50},
    {"input_tokens": 1000, "output_tokens": 100, "input_image_tokens": 300, "input_video_tokens": 7},
    {
        "input_tokens": 9000,
        "output_tokens": 100,
        "input_audio_tokens": 400,
        "cache_read_tokens": 300,
        "cache_audio_read_tokens": 200,
        "output_image_tokens": 90,
    },
]
CONTEXTS: list[dict[str, str]] = [
    {"processing": "batch"},
    {"service_tier": "flex"},
    {"service_tier": "priority"},
    {"speed": "fast"},
]


def instants(model: ModelInfo) -> Iterator[datetime]:
    """Return two moments, and those just before and at each change of the model's prices."""
    yield datetime(2024, 5, 5, 13, 13, tzinfo=UTC)
    yield datetime(2026, 10, 1, tzinfo=UTC)
    conditional = [] if isinstance(model.prices, ModelPrice) else model.prices
    for constraint in [each.constraint for each in (*conditional, *(model.price_variants or ()))]:
        if isinstance(constraint, StartDateConstraint):
            change = datetime.combine(constraint.start_date, time(), UTC)
            yield from (change, change - timedelta(microseconds=1))
        elif isinstance(constraint, TimeOfDateConstraint):
            for edge in (constraint.start_time, constraint.end_time):
                change = datetime.combine(date(2026, 11, 11), edge, edge.tzinfo or UTC)
                yield from (change, change - timedelta(microseconds=1))


def differences(provider: Provider, model: ModelInfo, context: Mapping[str, str]) -> Iterator[str]:
    """Return where the compiled prices of a model and its own differ."""
    compiled = compile_prices(provider.id, model, context)
    for moment in instants(model):
        rates = compiled.at((moment - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(microseconds=1) * 1000)
        for usage in USAGES:
            if not rates.covers(usage):
                continue
            theirs = model.calc_price(usage, provider, genai_request_timestamp=moment, price_context=context)
            ours = rates.cost({**usage, "requests": 1})
            paid = dict(ours.parts)
            same = (
                theirs.total_price.quantize(Decimal("1e-12")) == decimal_usd(ours.total)
                and abs(theirs.output_price - decimal_usd(paid.get("output", 0))) <= Decimal("1e-12")
                and ours.total == sum(paid.values())
            )
            if not same:
                yield f"{provider.id} {model.id} {dict(context)} {moment} {usage}: {theirs.total_price} is not {ours}"


def test_every_model_costs_what_genai_prices_says() -> None:
    """To the last pico-USD, for every model, before and after every change of its prices, below and above its tiers."""
    assert [] == [line for provider, model in MODELS for line in differences(provider, model, {})]


@pytest.mark.parametrize("context", CONTEXTS, ids=str)
def test_every_variant_costs_what_genai_prices_says(context: dict[str, str]) -> None:
    """The same holds for the prices of a service tier or of batches."""
    variants = [(provider, model) for provider, model in MODELS if model.price_variants]

    assert [] == [line for provider, model in variants for line in differences(provider, model, context)]


def test_every_model_is_found_by_its_name() -> None:
    """A model asked for by provider and id costs what `calc_price` says, and is unknown where that knows none."""
    moment = datetime(2026, 10, 1, tzinfo=UTC)
    book, usage = bundled_prices(), {"input_tokens": 1000, "output_tokens": 500}
    different = []
    for provider, model in MODELS:
        ours = book.lookup(provider.id, model.id)
        try:
            theirs = calc_price(Usage(**usage), model.id, provider_id=provider.id, genai_request_timestamp=moment)
        except LookupError:  # an id such as regional.* that is no name of the model
            same = ours == "unknown_model"
        else:
            rates = ours.at(int(moment.timestamp()) * 10**9) if isinstance(ours, ModelPrices) else None
            cost = rates.cost({**usage, "requests": 1}).total if rates and rates.covers(usage) else None
            same = cost is None or theirs.total_price.quantize(Decimal("1e-12")) == decimal_usd(cost)
            same = same and isinstance(ours, ModelPrices) and theirs.model.id == ours.model
        if not same:
            different.append(f"{provider.id} {model.id}")

    assert [] == different


def test_what_is_not_covered_has_no_price_for_its_tokens() -> None:
    """The only calls that genai-prices puts a figure on and we do not are those of which some tokens are for nothing.

    It gives 0 for a model without prices, for text through a model priced by the hour, and for the output of a model
    of which only the input has a price. The data never says 0: so that is not known to be free.
    """
    for provider, model in MODELS:
        moment = datetime(2026, 10, 1, tzinfo=UTC)
        rates = compile_prices(provider.id, model).at(int(moment.timestamp()) * 10**9)
        price = model.get_prices(moment)
        if not rates.covers({"input_tokens": 1, "output_tokens": 1}):
            assert price.input_mtok is None or price.output_mtok is None, model.id


def test_a_model_without_any_price_is_not_free() -> None:
    """The data lists models without a price; none of their calls is covered."""
    bare = [(provider, model) for provider, model in MODELS if model.prices == ModelPrice()]

    assert bare
    for provider, model in bare:
        assert not compile_prices(provider.id, model).at(0).covers({"input_tokens": 1})


@given(st.sampled_from(MODELS), st.integers(0, 2 * 10**6), st.integers(0, 10**6), st.integers(0, 10**6))
def test_more_tokens_never_cost_less(pair: tuple[Provider, ModelInfo], tokens: int, more: int, cached: int) -> None:
    """Price is monotone in input and in output, across tiers and whatever is cached."""
    rates = compile_prices(pair[0].id, pair[1]).at(1_790_000_000 * 10**9)
    cached = min(cached, tokens)
    usage = {"input_tokens": tokens, "cache_read_tokens": cached, "output_tokens": tokens}
    total = rates.cost(usage).total

    assert 0 <= total
    assert total <= rates.cost({**usage, "input_tokens": tokens + more}).total
    assert total <= rates.cost({**usage, "output_tokens": tokens + more}).total


def test_a_price_has_its_history() -> None:
    """A call is charged what its model cost when it began: o3 became cheaper in June 2025."""
    prices = bundled_prices().lookup("openai", "o3")

    assert isinstance(prices, ModelPrices)
    costs = [
        prices.at(int(datetime(2025, 6, day, tzinfo=UTC).timestamp()) * 10**9).cost({"input_tokens": 10**6}).total
        for day in (1, 20)
    ]
    assert [Decimal(10), Decimal(2)] == [decimal_usd(cost) for cost in costs]


def test_many_names_use_no_more_memory_than_the_cache_may() -> None:
    """Ever new model names fill a cache of fixed size, and none of those that genai-prices keeps without bound."""
    book = PriceBook(providers, "test", "1")
    snapshot = get_snapshot()
    before = (len(snapshot._lookup_cache), len(snapshot._provider_cache), len(snapshot._provider_misses))
    for number in range(CACHED_NAMES + 100):
        assert "unknown_provider" == book.lookup(None, f"nobodys-{number}")
    for name in ("gpt-4o" + "x" * 300, "m" * 10**6):
        assert "unknown_model" == book.lookup("openai", name)
    assert "unknown_provider" == book.lookup("p" * 10**6, "gpt-4o")

    assert CACHED_NAMES == book._cached.cache_info().currsize
    assert before == (len(snapshot._lookup_cache), len(snapshot._provider_cache), len(snapshot._provider_misses))


def test_a_price_version_names_the_package_and_its_data() -> None:
    """Two installations that differ in the data, however that came about, differ in the version."""
    version, _, digest = bundled_prices().version.partition("+")

    assert version.startswith("0.2.")
    assert 8 == len(digest)
    assert "genai-prices" == bundled_prices().source
