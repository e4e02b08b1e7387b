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

__all__ = ["ROLLING_PARTS", "TOTAL", "Calendar", "Period", "Rolling", "Total", "Window", "span_of"]

_ROLLING: Final = "rolling "
_DAY_MS: Final = 86_400_000

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
    began_at_ms: int | None = None
    """Of a day, a week or a month: when it began."""


@dataclass(frozen=True, slots=True)
class Calendar:
    """A day, a week from Monday or a month, as the clocks of a time zone have it: a day may last 23 or 25 hours."""

    unit: Literal["daily", "weekly", "monthly"]
    zone: str
    """IANA name, such as `Europe/Berlin`."""

    def at(self, time_ms: int) -> Period:
        """Return the period that *time_ms* is in."""
        zone = _zone(self.zone)
        key, first, following = _CALENDAR[self.unit](datetime.fromtimestamp(time_ms // 1000, zone).date())
        name = f"{key}@{self.zone}"
        return Period(name, name, _midnight(following, zone), _midnight(first, zone))


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
        return f"{_ROLLING}{self.length_ms}ms/{index:014d}"


@dataclass(frozen=True, slots=True)
class Total:
    """All time: what one conversation may cost, or how many calls may be under way."""

    def at(self, time_ms: int) -> Period:  # noqa: ARG002 - every instant is in it
        """Return the one period that there is."""
        return Period("total", "total", None)


Window = Calendar | Rolling | Total


def span_of(key: str) -> str:
    """Return what a period's key belongs to: itself, or of a window that rolls the day that its part is in."""
    if not key.startswith(_ROLLING):
        return key
    name, _, index = key.rpartition("/")
    length_ms = int(name.removeprefix(_ROLLING).removesuffix("ms"))
    return f"{name}/{int(index) * Rolling(length_ms).part_ms // _DAY_MS}"


TOTAL: Final = Total()


def _day(day: date) -> tuple[str, date, date]:
    return day.isoformat(), day, day + timedelta(days=1)


def _week(day: date) -> tuple[str, date, date]:
    year, week, weekday = day.isocalendar()
    return f"{year}-W{week:02d}", day - timedelta(days=weekday - 1), day + timedelta(days=8 - weekday)


def _month(day: date) -> tuple[str, date, date]:
    first = day.replace(day=1)
    return f"{day:%Y-%m}", first, (first + timedelta(days=32)).replace(day=1)


_CALENDAR: Final[dict[str, Callable[[date], tuple[str, date, date]]]] = {
    "daily": _day,
    "weekly": _week,
    "monthly": _month,
}


@lru_cache(4096)
def _midnight(day: date, zone: ZoneInfo) -> int:
    """Return the first instant of a day. Where the clocks skip midnight, that is when they do."""
    return int(datetime(day.year, day.month, day.day, tzinfo=zone).timestamp()) * 1000


@lru_cache(128)
def _zone(name: str) -> ZoneInfo:
    return ZoneInfo(name)
