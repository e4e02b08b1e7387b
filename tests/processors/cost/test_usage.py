from __future__ import annotations

import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from otel_llm import semconv
from otel_llm_processors.cost.usage import UnusableUsage, carries_usage, read_usage

INPUT, OUTPUT = semconv.GEN_AI_USAGE_INPUT_TOKENS, semconv.GEN_AI_USAGE_OUTPUT_TOKENS
CACHE_READ, CACHE_WRITE = semconv.GEN_AI_USAGE_CACHE_READ_INPUT_TOKENS, semconv.GEN_AI_USAGE_CACHE_WRITE_INPUT_TOKENS
REASONING = semconv.GEN_AI_USAGE_REASONING_OUTPUT_TOKENS


@pytest.mark.parametrize(
    ("value", "tokens"),
    [
        (0, 0),
        (12, 12),
        (10**15 - 1, 10**15 - 1),
        (12.0, 12),
        (-0.0, 0),
        ("12", 12),
        ("012", 12),
        ("9" * 15, 10**15 - 1),
    ],
)
def test_a_count_is_a_whole_number_however_it_is_written(value: Any, tokens: int) -> None:
    """Integers, integral doubles and up to 15 ASCII digits are counts."""
    assert {"input_tokens": tokens, "requests": 1} == read_usage({INPUT: value})


@pytest.mark.parametrize("key", [INPUT, OUTPUT, CACHE_READ, CACHE_WRITE, REASONING])
@pytest.mark.parametrize(
    "value",
    [
        *(-1, -1.0, 2**63 - 1, -(2**63), 10**15, 1e15, 12.5, math.nan, math.inf, -math.inf),
        *("１２", "1_000", " 12\n", "12\n", "", "-1", "+1", "12.0", "1e3", "0x10", "9" * 16),  # noqa: RUF001 - full-width digits are the case
        *(True, False, b"12", [12], {"value": 12}),
    ],
)
def test_anything_else_is_no_count(key: str, value: Any) -> None:
    """One wrong count makes the usage invalid, whichever it is and whatever the others say."""
    attributes = {INPUT: 100, OUTPUT: 100, key: value}

    with pytest.raises(UnusableUsage) as caught:
        read_usage(attributes)
    assert "invalid_usage" == caught.value.reason


@pytest.mark.parametrize(
    "attributes",
    [
        {INPUT: 10, CACHE_READ: 11},
        {INPUT: 10, CACHE_WRITE: 11},
        {INPUT: 10, CACHE_READ: 6, CACHE_WRITE: 5},
        {OUTPUT: 10, CACHE_READ: 1},
        {OUTPUT: 10, REASONING: 11},
        {INPUT: 10, REASONING: 1},
    ],
)
def test_a_part_greater_than_the_whole_is_inconsistent(attributes: dict[str, int]) -> None:
    """Input includes what was cached, output includes reasoning: so neither part can exceed its whole."""
    with pytest.raises(UnusableUsage) as caught:
        read_usage(attributes)
    assert "inconsistent_usage" == caught.value.reason


def test_all_of_the_input_may_be_cached() -> None:
    """Parts as great as the whole are consistent."""
    attributes = {INPUT: 10, CACHE_READ: 6, CACHE_WRITE: 4, OUTPUT: 3, REASONING: 3}

    assert {
        "input_tokens": 10,
        "cache_read_tokens": 6,
        "cache_write_tokens": 4,
        "output_tokens": 3,
        "output_reasoning_tokens": 3,
        "requests": 1,
    } == read_usage(attributes)


@pytest.mark.parametrize("attributes", [{}, {CACHE_READ: 0}, {INPUT: None}])
def test_without_input_and_output_there_is_no_usage(attributes: dict[str, Any]) -> None:
    """Neither count there, or only without a value: nothing was used as far as is known, not zero tokens."""
    assert {} == read_usage(attributes)


@given(st.permutations([(INPUT, 10), (OUTPUT, "7"), (CACHE_READ, 3.0), (CACHE_WRITE, 1), (REASONING, 2)]))
def test_the_order_of_attributes_does_not_matter(pairs: list[tuple[str, Any]]) -> None:
    """Any permutation of a span's attributes is the same usage."""
    assert read_usage(dict(sorted(pairs))) == read_usage(dict(pairs))


@pytest.mark.parametrize(("attributes", "carries"), [({REASONING: "?"}, True), ({INPUT: None}, False), ({}, False)])
def test_a_wrong_count_is_usage_too(attributes: dict[str, Any], carries: bool) -> None:
    """Whether there is usage does not depend on whether it is right."""
    assert carries is carries_usage(attributes)
