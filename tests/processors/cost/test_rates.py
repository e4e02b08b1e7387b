from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from otel_llm_processors.cost.rates import PICO, ModelPrices, Part, Rates, Tier, decimal_usd

DAY_NS = 86_400 * 10**9

terms = st.dictionaries(st.sampled_from(["input_tokens", "output_tokens"]), st.integers(0, 10**9), max_size=2)
parts = st.dictionaries(st.sampled_from(["input", "cache_read", "output", "request"]), terms)
usages = st.fixed_dictionaries({"input_tokens": st.integers(0, 10**6), "output_tokens": st.integers(0, 10**6)})


def rates_of(parts: dict[Part, dict[str, int]], denominator: int = 1) -> Rates:
    """Return rates with one tier."""
    tier = Tier(-1, tuple((part, tuple(terms.items())) for part, terms in parts.items()))
    return Rates((tier,), denominator, frozenset({"input_tokens", "output_tokens"}))


@given(parts, st.integers(1, 10**6), usages)
def test_parts_add_up_to_the_exact_total_rounded_once(
    parts: dict[Part, dict[str, int]], denominator: int, usage: dict[str, int]
) -> None:
    """However much each part had to be rounded, their sum is the total, which is the nearest to the exact amount."""
    cost = rates_of(parts, denominator).cost(usage)

    exact = sum(rate * usage[key] for terms in parts.values() for key, rate in terms.items())
    assert cost.total == sum(pico for _, pico in cost.parts)
    assert 2 * abs(cost.total * denominator - exact) <= denominator
    assert all(pico >= 0 for _, pico in cost.parts)


@pytest.mark.parametrize(("thirds", "pico"), [(1, 0), (2, 1), (3, 1), (4, 1), (5, 2)])
def test_an_amount_is_rounded_to_the_nearest(thirds: int, pico: int) -> None:
    """A third of a pico-USD is nothing, two thirds are one."""
    assert pico == rates_of({"input": {"input_tokens": 1}}, 3).cost({"input_tokens": thirds}).total


@pytest.mark.parametrize(("halves", "pico"), [(1, 0), (3, 2), (5, 2), (7, 4)])
def test_a_half_is_rounded_to_even(halves: int, pico: int) -> None:
    """Halves go to the even neighbour, as `Decimal.quantize` has it."""
    assert pico == rates_of({"input": {"input_tokens": 1}}, 2).cost({"input_tokens": halves}).total


@pytest.mark.parametrize(("tokens", "total"), [(0, 0), (200_000, 200_000), (200_001, 400_002)])
def test_a_tier_holds_for_all_tokens_of_a_call(tokens: int, total: int) -> None:
    """One token above a tier's start makes every token cost what the tier says; at its start none does."""
    low, high = (Tier(above, (("input", (("input_tokens", rate),)),)) for above, rate in ((-1, 1), (200_000, 2)))
    rates = Rates((high, low), 1, frozenset({"input_tokens"}))

    assert total == rates.cost({"input_tokens": tokens}).total


def test_a_part_that_costs_nothing_is_left_out() -> None:
    """A call without cached tokens has no cost of cached tokens."""
    rates = rates_of({"input": {"input_tokens": 3}, "cache_read": {"cache_read_tokens": 1}})

    assert (("input", 30),) == rates.cost({"input_tokens": 10}).parts


@pytest.mark.parametrize(
    ("priced", "usage", "covered"),
    [
        ({"input_tokens", "output_tokens"}, {"input_tokens": 1, "output_tokens": 1}, True),
        ({"input_tokens"}, {"input_tokens": 1}, True),
        ({"input_tokens"}, {"input_tokens": 1, "output_tokens": 0}, True),
        ({"input_tokens"}, {"input_tokens": 1, "output_tokens": 1}, False),
        ({"audio_seconds"}, {"input_tokens": 0}, False),
        (set(), {"output_tokens": 1}, False),
    ],
)
def test_tokens_without_a_price_are_not_covered(priced: set[str], usage: dict[str, int], covered: bool) -> None:
    """Output that has no price is no matter as long as there is none; a list without tokens covers nothing."""
    assert covered is Rates((Tier(-1, ()),), 1, frozenset(priced)).covers(usage)


@pytest.mark.parametrize(
    ("time_ns", "name"),
    [
        (0, "old night"),
        (12 * 3600 * 10**9 - 1, "old night"),
        (12 * 3600 * 10**9, "old noon"),
        (10 * DAY_NS - 1, "old noon"),
        (10 * DAY_NS, "new night"),
        (10 * DAY_NS + 12 * 3600 * 10**9, "new noon"),
        (2**63, "new noon"),
    ],
)
def test_rates_are_those_of_the_moment(time_ns: int, name: str) -> None:
    """The day and the time of day, UTC, at which a call began say what it costs."""
    rates = {
        name: rates_of({"input": {"input_tokens": rate}})
        for rate, name in enumerate(["old night", "old noon", "new night", "new noon"], start=1)
    }
    grid = ((rates["old night"], rates["old noon"]), (rates["new night"], rates["new noon"]))
    prices = ModelPrices("p", "m", days=(10,), clock=(12 * 3600 * 10**9,), rates=grid)

    assert rates[name] == prices.at(time_ns)


@given(st.integers(0, 10**15))
def test_a_double_gives_the_amount_back(pico: int) -> None:
    """Up to 1,000 USD, an amount written as a double and read by its shortest decimal form is the same pico-USD."""
    assert decimal_usd(pico) == Decimal(repr(pico / PICO)).quantize(Decimal("1e-12"))
