"""When a batch is tried again."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from otel_llm.retry import RetryPolicy


def policy(**config: object) -> RetryPolicy:
    """Return a policy from what stands in YAML."""
    return RetryPolicy.model_validate(config)


def test_intervals_grow_to_the_longest() -> None:
    """Without jitter the waits are the Collector's: each longer by the multiplier, until the longest."""
    steady = policy(initial_interval="1s", multiplier=2, max_interval="5s", randomization_factor=0)

    assert [1, 2, 4, 5, 5] == [steady.delay(attempt) for attempt in range(5)]


@settings(deadline=None)
@given(attempt=st.integers(0, 10**9), factor=st.floats(0, 1), multiplier=st.floats(1, 10))
def test_waits_stay_in_their_bounds(attempt: int, factor: float, multiplier: float) -> None:
    """However long an outage lasts, a wait is never longer than the longest interval, nor negative."""
    wait = policy(randomization_factor=factor, multiplier=multiplier).delay(attempt)

    assert 0 <= wait <= 30


def test_waits_differ_at_the_longest_interval() -> None:
    """Jitter is there at the end of the growth too, where an outage has brought all senders."""
    waits = {policy().delay(1000) for _ in range(20)}

    assert 1 < len(waits)
    assert all(15 <= wait <= 30 for wait in waits)


@pytest.mark.parametrize(("asked", "expected"), [(7.0, 7.0), (60.0, 60.0), (0.5, 1.0)])
def test_what_the_destination_asks_for_is_a_minimum(asked: float, expected: float) -> None:
    """A wait is at least what was asked for, and never shorter than the back-off."""
    assert expected == policy(randomization_factor=0).delay(0, asked)


@pytest.mark.parametrize("asked", [None, 0.0, -1.0, 60.1, 86400.0, float("inf"), float("nan")])
def test_nonsense_falls_back_to_the_back_off(asked: float | None) -> None:
    """A wait that is absent, negative or longer than a minute is not honoured."""
    assert 1.0 == policy(randomization_factor=0).delay(0, asked)


def test_gives_up() -> None:
    """A time limit is kept where there is one; without retries there is no second attempt; the default has no limit."""
    assert [False, False, True] == [policy(max_elapsed_time="10s").gives_up(elapsed) for elapsed in (0, 10, 11)]
    assert policy(enabled=False).gives_up(0)
    assert not policy().gives_up(1e9)


@pytest.mark.parametrize("wrong", [{"multiplier": 0.5}, {"randomization_factor": 2}, {"initial_interval": 1}, {"x": 1}])
def test_bad_settings_are_refused(wrong: dict[str, object]) -> None:
    """Settings that make no sense, and unknown ones, are errors."""
    with pytest.raises(ValidationError):
        policy(**wrong)
