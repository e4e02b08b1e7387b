"""Between the ledger's records and what `admission.lua` is told."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import orjson

from otel_llm.budget.admission.small import small
from otel_llm.budget.ledger.records import Counter, HeldLine, Hold, Unit

if TYPE_CHECKING:
    from otel_llm.budget.ledger.records import HoldState, Limit

__all__ = ["counter_name", "describe_hold", "describe_limit", "read_hold"]


def counter_name(counter: Counter) -> str:
    """Return what names a counter, together with its periods: those that follow each other have one name."""
    head, is_calendar, zone = counter.period.partition("@")
    return f"{counter.budget} {counter.subject} {zone if is_calendar else head.rpartition('/')[0]}"


def describe_limit(limit: Limit) -> dict[str, Any]:
    """Return what a reservation asks of one budget."""
    return {
        "name": counter_name(limit.counter),
        "period": limit.counter.period,
        "first": limit.first,
        "amount": small(limit.unit, limit.amount, up=True),
        "most": small(limit.unit, limit.most, up=False),
        "blocking": limit.blocking,
    }


def describe_hold(hold: Hold) -> dict[str, Any]:
    """Return a hold: what is counted of it, and a text from which it can be read again."""
    kept = ([(*line.counter, line.unit, line.amount) for line in hold.lines], hold.provider, hold.model)
    return {
        "id": hold.id,
        "at": hold.at_ms,
        "until": hold.expires_at_ms,
        "hold": orjson.dumps(kept).decode(),
        # Texts: numbers that a script writes as JSON lose their last digits.
        "lines": [
            (counter_name(line.counter), line.counter.period, str(small(line.unit, line.amount, up=True)))
            for line in hold.lines
        ],
    }


def read_hold(id_: str, state: HoldState, at_ms: bytes, expires_at_ms: bytes, text: bytes) -> Hold:
    """Return the hold that was described so."""
    lines, provider, model = orjson.loads(text)
    held = tuple(HeldLine(Counter(*counter), Unit(unit), amount) for *counter, unit, amount in lines)
    return Hold(id_, state, int(at_ms), int(expires_at_ms), held, provider=provider, model=model)
