"""Which window an instant belongs to."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from otel_llm.budget.windows import TOTAL, Calendar, Rolling

HOUR_MS = 3_600_000


def ms(text: str, zone: str = "UTC") -> int:
    """Return the instant at which the clocks of a zone show that."""
    return int(datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(zone)).timestamp() * 1000)


@pytest.mark.parametrize(("day", "hours"), [("2026-03-29", 23), ("2026-10-25", 25), ("2026-06-01", 24)])
def test_a_day_is_as_long_as_the_clocks_say(day: str, hours: int) -> None:
    """Where clocks change, a day has 23 or 25 hours, all of them in one window, and the next begins right after."""
    window = Calendar("daily", "Europe/Berlin")
    first = ms(day, "Europe/Berlin")
    period = window.at(first)

    assert first + hours * HOUR_MS == period.resets_at_ms
    assert period == window.at(first + hours * HOUR_MS - 1)
    assert period.key != window.at(first + hours * HOUR_MS).key
    assert period.key != window.at(first - 1).key


@pytest.mark.parametrize(
    ("unit", "key", "resets"),
    [("daily", "2026-12-31", "2027-01-01"), ("weekly", "2026-W53", "2027-01-04"), ("monthly", "2026-12", "2027-01-01")],
)
def test_calendar_windows_end_where_the_calendar_says(unit: str, key: str, resets: str) -> None:
    """A week begins on Monday and belongs to the year that ISO 8601 gives it."""
    period = Calendar(unit, "UTC").at(ms("2026-12-31T23:59:59"))  # type: ignore[arg-type]  # one of three texts

    assert f"{key}@UTC" == period.key == period.first
    assert ms(resets) == period.resets_at_ms


def test_a_zone_is_part_of_the_window() -> None:
    """One instant is in different days of different zones, and a budget that changes its zone begins anew."""
    at = ms("2026-11-21T23:30:00")

    assert "2026-11-21@UTC" == Calendar("daily", "UTC").at(at).key
    assert "2026-11-22@Europe/Berlin" == Calendar("daily", "Europe/Berlin").at(at).key


@given(st.integers(0, 4 * 10**12), st.integers(0, 4 * 10**12), st.sampled_from([1000, 60_000, HOUR_MS, 24 * HOUR_MS]))
def test_a_rolling_window_is_never_shorter_than_it_says(spent: int, now: int, length: int) -> None:
    """What was spent within the window counts; what is older than the window and one part of it does not."""
    window = Rolling(length)
    counts = window.at(now).first <= window.at(spent).key <= window.at(now).key

    if 0 <= now - spent <= length:
        assert counts
    if counts:
        assert now - spent < length + 2 * (length // 24)
        assert now < (window.at(spent).resets_at_ms or 0)


def test_all_time_never_resets() -> None:
    """What a conversation has cost does not go away."""
    now = int(datetime.now(UTC).timestamp() * 1000)

    assert TOTAL.at(now) == TOTAL.at(now + int(timedelta(days=10_000).total_seconds() * 1000))
    assert TOTAL.at(now).resets_at_ms is None
