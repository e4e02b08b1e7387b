"""The stretch of time that a limit is counted over.

Which one an instant belongs to is a function of the instant, the window and its time zone, and its name is part of a
counter's key. So nothing is ever reset: when a new day begins, a new counter does.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from functools import lru_cache
from typing import TYPE_CHECKING, Final, Literal, NamedTuple
from zoneinfo import ZoneInfo

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["ROLLING_PARTS", "TOTAL", "Calendar", "Period", "Rolling", "Total", "Window"]

ROLLING_PARTS: Final = 24
"""A rolling window is counted in so many parts, and its oldest part counts as a whole: it is never shorter than it
says, and longer by one part at most."""


class Period(NamedTuple):
    """The part of a window that an instant is in. Times are milliseconds since 1970."""

    key: str
    """Names it. Within one rolling window, keys sort as time goes."""
    first: str
    """The earliest key that still counts: `key` itself, but for rolling windows."""
    resets_at_ms: int | None
    """When what is spent now counts no more; None if it always will."""


@dataclass(frozen=True, slots=True)
class Calendar:
    """A day, a week from Monday or a month, as the clocks of a time zone have it: a day may last 23 or 25 hours."""

    unit: Literal["daily", "weekly", "monthly"]
    zone: str
    """IANA name, such as `Europe/Berlin`."""

    def at(self, time_ms: int) -> Period:
        """Return the period that *time_ms* is in."""
        zone = _zone(self.zone)
        key, following = _CALENDAR[self.unit](datetime.fromtimestamp(time_ms // 1000, zone).date())
        return Period(f"{key}@{self.zone}", f"{key}@{self.zone}", _midnight(following, zone))


@dataclass(frozen=True, slots=True)
class Rolling:
    """The time that has just passed."""

    length_ms: int

    @property
    def part_ms(self) -> int:
        """How long one of its parts is."""
        return max(self.length_ms // ROLLING_PARTS, 1)

    def at(self, time_ms: int) -> Period:
        """Return the part that *time_ms* is in."""
        part_ms = self.part_ms
        parts = -(-self.length_ms // part_ms)
        index = time_ms // part_ms
        # What is spent in this part counts until the part after its last instant, moved by the window, begins.
        return Period(self._key(index), self._key(max(index - parts, 0)), (index + parts + 1) * part_ms)

    def _key(self, index: int) -> str:
        return f"rolling {self.length_ms}ms/{index:014d}"


@dataclass(frozen=True, slots=True)
class Total:
    """All time: what one conversation may cost, or how many calls may be under way."""

    def at(self, time_ms: int) -> Period:  # noqa: ARG002 - every instant is in it
        """Return the one period that there is."""
        return Period("total", "total", None)


Window = Calendar | Rolling | Total

TOTAL: Final = Total()


def _day(day: date) -> tuple[str, date]:
    return day.isoformat(), day + timedelta(days=1)


def _week(day: date) -> tuple[str, date]:
    year, week, weekday = day.isocalendar()
    return f"{year}-W{week:02d}", day + timedelta(days=8 - weekday)


def _month(day: date) -> tuple[str, date]:
    return f"{day:%Y-%m}", (day.replace(day=1) + timedelta(days=32)).replace(day=1)


_CALENDAR: Final[dict[str, Callable[[date], tuple[str, date]]]] = {"daily": _day, "weekly": _week, "monthly": _month}


@lru_cache(4096)
def _midnight(day: date, zone: ZoneInfo) -> int:
    """Return the first instant of a day. Where the clocks skip midnight, that is when they do."""
    return int(datetime(day.year, day.month, day.day, tzinfo=zone).timestamp()) * 1000


@lru_cache(128)
def _zone(name: str) -> ZoneInfo:
    return ZoneInfo(name)
