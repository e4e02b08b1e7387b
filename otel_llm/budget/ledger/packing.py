"""Between the ledger's records and the columns in which SQL keeps them."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Any, Final

import orjson

from otel_llm.budget.ledger.calls import Sighting, TraceRow
from otel_llm.budget.ledger.records import Counter, HeldLine, Hold, HoldState, Line, Posting, PostingKind, Unit, Usage

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = [
    "HOLD_COLUMNS",
    "SIGHTING_COLUMNS",
    "TRACE_COLUMNS",
    "pack_hold",
    "pack_sighting",
    "unpack_hold",
    "unpack_posting",
    "unpack_sighting",
]

HOLD_COLUMNS: Final = (
    "id", "state", "at_ms", "expires_at_ms", "lines", "cost", "input_tokens", "output_tokens", "requests", "provider",
    "model",
)  # fmt: skip
SIGHTING_COLUMNS: Final = (
    "identity", "at_ms", "start_ms", "digest", "cost", "input_tokens", "output_tokens", "requests", "lines",
    "original", "reservation_id",
)  # fmt: skip
TRACE_COLUMNS: Final = TraceRow._fields

_NO_USAGE: Final = (None, None, None, None)


def pack_hold(hold: Hold) -> tuple[Any, ...]:
    """Return a hold as its columns."""
    lines = _pack([(*line.counter, line.unit, line.amount) for line in hold.lines])
    return (hold.id, hold.state, hold.at_ms, hold.expires_at_ms, lines, *hold.usage, hold.provider, hold.model)


def unpack_hold(row: Sequence[Any]) -> Hold:
    """Return the hold that a row is."""
    id_, state, at_ms, expires_at_ms, lines, cost, input_tokens, output_tokens, requests, provider, model = row
    held = tuple(
        HeldLine(Counter(budget, subject, period), Unit(unit), amount)
        for budget, subject, period, unit, amount in orjson.loads(lines)
    )
    usage = Usage(cost, input_tokens, output_tokens, requests)
    return Hold(id_, HoldState(state), at_ms, expires_at_ms, held, usage, provider, model)


def unpack_posting(row: Sequence[Any]) -> Posting:
    """Return the posting that a row is."""
    at_ms, kind, budget, subject, period, unit, amount, *rest = row
    return Posting(at_ms, PostingKind(kind), Counter(budget, subject, period), Unit(unit), amount, *rest)


def pack_sighting(sighting: Sighting) -> tuple[Any, ...]:
    """Return a sighting as its columns."""
    identity, at_ms, start_ms, digest, usage, lines, original, reservation_id = sighting
    return (
        identity, at_ms, start_ms, digest, *(usage or _NO_USAGE), _pack_lines(lines), original, reservation_id,
    )  # fmt: skip


def unpack_sighting(row: Sequence[Any]) -> Sighting:
    """Return the sighting that a row is."""
    identity, at_ms, start_ms, digest, cost, input_tokens, output_tokens, requests, lines, original, reservation = row
    usage = None if cost is None else Usage(cost, input_tokens, output_tokens, requests)
    charged = tuple(
        Line(Counter(budget, subject, period), Unit(unit)) for budget, subject, period, unit in orjson.loads(lines)
    )
    return Sighting(identity, at_ms, start_ms, digest, usage, charged, original, reservation)


@lru_cache(4096)
def _pack_lines(lines: tuple[Line, ...]) -> str:
    return _pack([(*line.counter, line.unit) for line in lines])


def _pack(lines: list[tuple[Any, ...]]) -> str:
    return orjson.dumps(lines).decode()
