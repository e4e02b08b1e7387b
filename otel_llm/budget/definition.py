"""What a budget is: whom it is for, how much of what, and what happens when it is used up."""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum
from typing import Final, Literal, NamedTuple

from otel_llm.budget.ledger.records import Counter, Unit
from otel_llm.budget.windows import TOTAL, Calendar, Rolling, Window
from otel_llm.units import format_duration, parse_duration

__all__ = ["Budget", "LimitName", "OnExceed", "OnStoreError", "Per", "Section"]

OnExceed = Literal["deny", "fallback", "warn", "throttle"]
OnStoreError = Literal["open", "closed", "share"]
Per = Literal["user", "conversation", "tenant"]

_MINUTE_MS: Final = 60_000
_PER: Final[dict[str, Per]] = {
    "user": "user",
    "conv": "conversation",
    "conversation": "conversation",
    "tenant": "tenant",
}
_NAME: Final = re.compile(
    r"(?:per_(?P<per>user|conversation|conv|tenant)_)?"
    r"(?:(?P<window>daily|weekly|monthly|cap|rolling_(?P<length>[0-9][0-9a-z.]*))_(?P<unit>usd|tokens|requests)"
    r"|(?P<rate>tpm|rpm)|(?P<slots>max_concurrency))"
)


class Section(StrEnum):
    """What a budget is for: a key of budgets.yml, and the dimension that its entries' keys are values of."""

    MODELS = "models"
    ROUTES = "routes"
    TENANTS = "tenants"
    ENVIRONMENTS = "environments"
    PROMPTS = "prompts"
    APP_VERSIONS = "app_versions"
    USERS = "users"


class LimitName(NamedTuple):
    """A limit's name, such as `per_user_daily_usd`, taken apart."""

    unit: Unit
    per: Per | None
    """Counted for each of these apart."""
    calendar: Literal["daily", "weekly", "monthly"] | None = None
    rolling_ms: int | None = None

    @classmethod
    def parse(cls, name: str) -> LimitName | None:
        """Return what a name says; None if it is no limit's."""
        found = _NAME.fullmatch(name)
        if found is None:
            return None
        per = _PER.get(found["per"] or "")
        if found["slots"]:
            return cls(Unit.CONCURRENCY, per)
        if found["rate"]:
            return cls(Unit.TOKENS if found["rate"] == "tpm" else Unit.REQUESTS, per, rolling_ms=_MINUTE_MS)
        unit = Unit(found["unit"])
        match found["window"]:
            case "cap":
                return cls(unit, per)
            case "daily" | "weekly" | "monthly" as calendar:
                return cls(unit, per, calendar)
            case _:
                return cls._rolling(unit, per, found["length"])

    @classmethod
    def _rolling(cls, unit: Unit, per: Per | None, length: str) -> LimitName | None:
        try:
            length_ms = round(parse_duration(length) * 1000)
        except ValueError:
            return None
        return cls(unit, per, rolling_ms=length_ms) if length_ms >= 1000 else None  # noqa: PLR2004 - a second

    @property
    def title(self) -> str:
        """The window in words."""
        if self.calendar is not None:
            return self.calendar
        if self.rolling_ms is None:
            return "in all"
        return "per minute" if self.rolling_ms == _MINUTE_MS else f"rolling {format_duration(self.rolling_ms / 1000)}"

    def window(self, timezone: str) -> Window:
        """Return what it is counted over."""
        if self.calendar is not None:
            return Calendar(self.calendar, timezone)
        return TOTAL if self.rolling_ms is None else Rolling(self.rolling_ms)


@dataclass(frozen=True, slots=True)
class Budget:
    """One limit of one entry of budgets.yml."""

    id: str
    """`<section>/<key>/<limit>`."""
    section: Section
    key: str
    unit: Unit
    window: Window
    window_name: str
    """`daily`, `rolling_24h`, `per minute`, ...: for people."""
    limit: int
    """In pico-USD, tokens, requests or calls under way."""
    per: Per | None = None
    on_exceed: OnExceed = "deny"
    fallback_model: str | None = None
    on_store_error: OnStoreError = "open"
    hold_ttl_ms: int = 120_000
    hold_cap: int | None = None
    """Pico-USD that one call holds at most, however much it may cost."""
    unpriced: Literal["deny", "allow"] = "deny"
    """What happens to calls of unknown price. Asked of dollar budgets only."""
    thresholds: tuple[int, ...] = (80, 100)
    """Per cent of the limit at which somebody is told."""
    environments: frozenset[str] | None = None
    """Only calls from these count. None: from all but those that are kept separate."""

    def counter(self, subject: str, time_ms: int) -> Counter:
        """Return where it counts what is spent at that time."""
        return Counter(self.id, subject, self.window.at(time_ms).key)

    @property
    def scope(self) -> str:
        """Whom it is for, such as `routes/support_bot`."""
        return f"{self.section}/{self.key}"
