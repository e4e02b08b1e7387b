"""Reservations and calls under one budget on one day, in nano-USD, as that is what admission counts in."""

from __future__ import annotations

from typing import Final

from otel_llm.budget.ledger import Call, Counter, Limit, Line, Reservation, TraceRow, Unit, Usage

__all__ = ["DAY", "NANO", "NOW", "TTL", "call", "reservation", "used"]

NANO: Final = 1000
"""In pico-USD."""
NOW: Final = 1_790_000_000_000
TTL: Final = 60_000
DAY: Final = Counter("models/gpt-4o/daily_usd", "", "2026-09-21@UTC")


def reservation(id_: str, amount: int, most: int = 100, *counters: Counter, at: int = NOW) -> Reservation:
    """Return one that asks the same of each counter: of the day, unless others are named."""
    limits = tuple(Limit(each, Unit.USD, amount * NANO, most * NANO, each.period) for each in counters or (DAY,))
    return Reservation(id_, at, at + TTL, limits)


def used(cost: int) -> Usage:
    """Return what a call used that cost so much."""
    return Usage(cost * NANO, input_tokens=cost, requests=1)


def call(number: int, cost: int, *, reserved: str | None = None, **row: object) -> Call:
    """Return a call that is charged to the day."""
    defaults: dict[str, object] = {"trace_id": number.to_bytes(16, "big"), "span_id": b"span----", "start_ms": NOW}
    return Call(
        TraceRow(**{**defaults, "reservation_id": reserved, **row}),  # type: ignore[arg-type]  # columns by their names
        used(cost),
        (Line(DAY, Unit.USD),),
        str(cost).encode(),
    )
