"""What clients are told, in the same words over HTTP and gRPC. Money is a decimal text, a time ISO 8601."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from datetime import UTC, datetime
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, Final

from otel_llm.budget.ledger.records import Unit
from otel_llm.budget.money import usd_text
from otel_llm.budget.snapshot import standing_of
from otel_llm.budget.windows import Rolling

if TYPE_CHECKING:
    from otel_llm.budget.book import Charge
    from otel_llm.budget.definition import Budget
    from otel_llm.budget.ledger.records import Balance, Exceeded

__all__ = ["Reply", "denial", "iso", "listed", "retry_after_s", "unknown_reservation"]

_SLOT_S: Final = 1
"""When a call under way may be over."""


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer: an HTTP status, and the fields of the message."""

    body: dict[str, Any]
    status: int = HTTPStatus.OK
    headers: dict[str, str] = field(default_factory=dict)


def iso(time_ms: int | None) -> str | None:
    """Return a time as `2026-11-21T23:00:00Z`."""
    if time_ms is None:
        return None
    return datetime.fromtimestamp(time_ms / 1000, UTC).isoformat(timespec="seconds").replace("+00:00", "Z")


def retry_after_s(budget: Budget, now_ms: int) -> int | None:
    """Return after how many seconds it may be worth asking again; None if time does not help."""
    if budget.unit is Unit.CONCURRENCY:
        return _SLOT_S
    resets_at = budget.window.at(now_ms).resets_at_ms
    if resets_at is None:
        return None
    if isinstance(budget.window, Rolling):  # its oldest part stops to count long before all of it has
        return max(math.ceil(budget.window.part_ms / 1000), 1)
    return max(math.ceil((resets_at - now_ms) / 1000), 1)


def denial(charge: Charge, exceeded: Exceeded | None, now_ms: int, **more: Any) -> Reply:
    """Return the refusal by one budget: 429, as clients of providers expect it."""
    budget = charge.budget
    after = retry_after_s(budget, now_ms)
    body = {
        "error": "throttled" if budget.on_exceed == "throttle" else "budget_exceeded",
        "budget": charge.id,
        "limit_source": budget.id,
        "resets_at": iso(budget.window.at(now_ms).resets_at_ms),
        "retry_after_s": after,
        "fallback_model": budget.fallback_model,
        **more,
    }
    if exceeded is not None:
        body |= amounts(budget, exceeded.balance)
    return Reply(body, HTTPStatus.TOO_MANY_REQUESTS, {} if after is None else {"Retry-After": str(after)})


def unknown_reservation() -> Reply:
    """Return the answer about a reservation that was never granted."""
    return Reply({"error": "unknown_reservation"}, HTTPStatus.NOT_FOUND)


def amounts(budget: Budget, balance: Balance) -> dict[str, Any]:
    """Return what a budget stands at."""
    numbers = {"limit": budget.limit, "settled": balance.settled, "held": balance.held}
    if budget.unit is Unit.USD:
        return {f"{name}_usd": usd_text(number) for name, number in numbers.items()}
    return numbers


def listed(charge: Charge, balance: Balance, now_ms: int) -> dict[str, Any]:
    """Return a budget as lists show it."""
    budget = charge.budget
    standing = standing_of(budget, balance)
    return {
        "id": charge.id,
        "scope": str(budget.section),
        "key": budget.key,
        "subject": charge.subject or None,
        "window": budget.window_name,
        "unit": str(budget.unit),
        **amounts(budget, balance),
        "utilization": standing.utilization,
        "state": standing.state,
        "resets_at": iso(budget.window.at(now_ms).resets_at_ms),
    }
