"""The ledger's tables in PostgreSQL: a statement for each step, however many rows it is about.

Rows are written in the order of their keys, and a transaction takes sightings, holds and counters in this order, so
that two transactions never wait for each other.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import orjson

from otel_llm.budget.ledger.crowd import Member
from otel_llm.budget.ledger.packing import (
    HOLD_COLUMNS,
    SIGHTING_COLUMNS,
    TRACE_COLUMNS,
    pack_hold,
    pack_sighting,
    unpack_hold,
    unpack_posting,
    unpack_sighting,
)
from otel_llm.budget.ledger.records import CEILING, Balance, Counter, saturated
from otel_llm.budget.ledger.tables import Tables

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    import psycopg

    from otel_llm.budget.ledger.calls import Fate, Sighting, TraceRow
    from otel_llm.budget.ledger.records import Hold, Line, Move, Posting

__all__ = ["PostgresTables"]

_BYTES: Final = frozenset({"identity", "digest", "original", "call", "trace_id", "span_id", "parent_span_id"})
_NUMBERS: Final = frozenset({"cost", "requests", "settled", "held", "counter_id", "amount", "cost_pico"})


def _type(column: str) -> str:
    if column in _BYTES:
        return "bytea"
    return "bigint" if column in _NUMBERS or column.endswith(("_ms", "_tokens")) else "text"


def _rows(name: str, columns: Sequence[str]) -> str:
    """Return what a statement calls rows that come as one JSON text: psycopg takes four times as long for arrays."""
    return f"json_to_recordset(%s::json) AS {name} ({', '.join(f'{column} {_type(column)}' for column in columns)})"


def _insert(table: str, columns: Sequence[str]) -> str:
    return f"INSERT INTO {table} ({', '.join(columns)}) SELECT * FROM {_rows('new', columns)}"  # noqa: S608 - names of ours


def _update(table: str, columns: Sequence[str]) -> str:
    key, *others = columns
    values = ", ".join(f"{column} = new.{column}" for column in others)
    return f"UPDATE {table} SET {values} FROM {_rows('new', columns)} WHERE {table}.{key} = new.{key}"  # noqa: S608 - as above


_SIGHTING: Final = ", ".join(SIGHTING_COLUMNS)
_HOLD: Final = ", ".join(HOLD_COLUMNS)
_COUNTER: Final = ("budget", "subject", "period", "unit", "settled", "held")
_LEDGER: Final = ("at_ms", "kind", "counter_id", "amount", "reservation_id", "call", "reason")

_CLAIM: Final = f"""
WITH claimed AS (
    {_insert("sightings", SIGHTING_COLUMNS)}
    ON CONFLICT (identity) DO UPDATE SET identity = excluded.identity RETURNING xmax = 0 AS is_new, {_SIGHTING}
)
SELECT {_SIGHTING} FROM claimed WHERE NOT is_new
"""  # noqa: S608 - as above
"""A row that was just inserted was never updated: its xmax is 0. The update changes nothing, but locks the row."""
_SIGHTINGS: Final = f"SELECT {_SIGHTING} FROM sightings WHERE identity = ANY(%s) ORDER BY identity FOR UPDATE"  # noqa: S608 - as above
_SAVE_SIGHTINGS: Final = _update("sightings", SIGHTING_COLUMNS)
_ADD_HOLDS: Final = f"{_insert('holds', HOLD_COLUMNS)} ON CONFLICT (id) DO NOTHING RETURNING id"
_HOLDS: Final = f"SELECT {_HOLD} FROM holds WHERE id = ANY(%s) ORDER BY id FOR UPDATE"  # noqa: S608 - as above
_PEEK: Final = f"SELECT {_HOLD} FROM holds WHERE id = %s"  # noqa: S608 - as above
_EXPIRED: Final = f"""
SELECT {_HOLD} FROM holds WHERE state = 'held' AND expires_at_ms <= %s
ORDER BY expires_at_ms LIMIT %s FOR UPDATE SKIP LOCKED
"""  # noqa: S608 - as above
_SAVE_HOLDS: Final = _update("holds", HOLD_COLUMNS)
_HELD: Final = f"SELECT {_HOLD} FROM holds WHERE state = 'held'"  # noqa: S608 - as above
_MOVE: Final = f"""
{_insert("counters AS old", _COUNTER)}
ON CONFLICT (budget, subject, period) DO UPDATE SET
    settled = greatest(-{CEILING}, least(old.settled::numeric + excluded.settled, {CEILING})),
    held = greatest(0, least(old.held::numeric + excluded.held, {CEILING})),
    version = old.version + 1
RETURNING id, budget, subject, period, settled, held, version
"""
_PARTS: Final = """
SELECT period, settled, held, version FROM counters
WHERE budget = %s AND subject = %s AND period BETWEEN %s AND %s
"""
_POST: Final = _insert("ledger", _LEDGER)
_ADD_ROWS: Final = f"{_insert('llm_traces', TRACE_COLUMNS)} ON CONFLICT DO NOTHING"
_SET_FATE: Final = "UPDATE llm_traces SET fate = %s WHERE trace_id = %s AND span_id = %s AND start_ms = %s"
_MEMBERS: Final = f"""
SELECT budget, span, subject FROM members
JOIN {_rows("wanted", Member._fields)} USING (budget, span, subject)
"""  # noqa: S608 - as above
_CROWD: Final = """
INSERT INTO crowds AS old VALUES (%s, %s, %s)
ON CONFLICT (budget, span) DO UPDATE SET asked = old.asked + excluded.asked RETURNING asked
"""
_MEMBER: Final = (*Member._fields, "at_ms")
_ADD_MEMBERS: Final = f"{_insert('members', _MEMBER)} ON CONFLICT DO NOTHING"
_BALANCES: Final = f"""
SELECT budget, subject, period, settled, held, version FROM counters
JOIN {_rows("wanted", Counter._fields)} USING (budget, subject, period)
"""  # noqa: S608 - as above
_SUBJECTS: Final = """
SELECT subject, sum(settled), sum(held) FROM counters
WHERE budget = %s AND period BETWEEN %s AND %s GROUP BY subject ORDER BY sum(settled) DESC, subject DESC LIMIT %s
"""
_POSTINGS: Final = """
SELECT at_ms, kind, budget, subject, period, unit, amount, reservation_id, call, reason
FROM ledger JOIN counters ON counters.id = counter_id WHERE reservation_id = %s ORDER BY ledger.id
"""
_DRIFT: Final = """
SELECT budget, subject, period, settled - coalesce(posted, 0) FROM counters
LEFT JOIN (SELECT counter_id, sum(amount) AS posted FROM ledger GROUP BY counter_id) AS sums ON counter_id = id
WHERE settled <> coalesce(posted, 0)
"""


class PostgresTables(Tables):
    """One transaction of a connection."""

    def __init__(self, connection: psycopg.Connection) -> None:
        self._execute = connection.execute
        self._counter_ids: dict[Counter, int] = {}

    def claim(self, sightings: Sequence[Sighting], /) -> dict[bytes, Sighting]:
        """See `Tables`."""
        if not sightings:
            return {}
        rows = self._execute(_CLAIM, _json(SIGHTING_COLUMNS, sorted(map(pack_sighting, sightings), key=_key)))
        return {sighting.identity: sighting for sighting in map(unpack_sighting, rows)}

    def sightings(self, identities: Iterable[bytes], /) -> dict[bytes, Sighting]:
        """See `Tables`."""
        rows = self._execute(_SIGHTINGS, (list(identities),))
        return {sighting.identity: sighting for sighting in map(unpack_sighting, rows)}

    def save_sightings(self, sightings: Sequence[Sighting], /) -> None:
        """See `Tables`."""
        self._execute(_SAVE_SIGHTINGS, _json(SIGHTING_COLUMNS, map(pack_sighting, sightings)))

    def add_holds(self, holds: Sequence[Hold], /) -> set[str]:
        """See `Tables`."""
        rows = sorted(map(pack_hold, holds), key=_key)
        return {id_ for (id_,) in self._execute(_ADD_HOLDS, _json(HOLD_COLUMNS, rows))}

    def holds(self, ids: Iterable[str], /) -> dict[str, Hold]:
        """See `Tables`."""
        rows = self._execute(_HOLDS, (list(ids),))
        return {hold.id: hold for hold in map(unpack_hold, rows)}

    def expired(self, now_ms: int, most: int, /) -> list[Hold]:
        """See `Tables`."""
        return [unpack_hold(row) for row in self._execute(_EXPIRED, (now_ms, most))]

    def save_holds(self, holds: Sequence[Hold], /) -> None:
        """See `Tables`."""
        self._execute(_SAVE_HOLDS, _json(HOLD_COLUMNS, map(pack_hold, holds)))

    def move(self, moves: Mapping[Line, Move], /) -> dict[Counter, Balance]:
        """See `Tables`."""
        wanted = ((*line.counter, line.unit, *moves[line]) for line in sorted(moves))
        rows = self._execute(_MOVE, _json(_COUNTER, wanted))
        balances = {}
        for id_, budget, subject, period, *balance in rows:
            counter = Counter(budget, subject, period)
            self._counter_ids[counter] = id_
            balances[counter] = Balance(*balance)
        return balances

    def parts(self, counter: Counter, first: str, /) -> dict[str, Balance]:
        """See `Tables`."""
        rows = self._execute(_PARTS, (counter.budget, counter.subject, first, counter.period))
        return {period: Balance(*row) for period, *row in rows}

    def post(self, postings: Sequence[Posting], /) -> None:
        """See `Tables`."""
        ids = self._counter_ids
        rows = ((each.at_ms, each.kind, ids[each.counter], each.amount, *each[5:]) for each in postings)
        self._execute(_POST, _json(_LEDGER, rows))

    def add_rows(self, rows: Sequence[TraceRow], /) -> None:
        """See `Tables`."""
        self._execute(_ADD_ROWS, _json(TRACE_COLUMNS, rows))

    def set_fate(self, identity: bytes, start_ms: int, fate: Fate, /) -> None:
        """See `Tables`."""
        self._execute(_SET_FATE, (fate, identity[:16], identity[16:], start_ms))

    def members(self, wanted: Sequence[Member], /) -> set[Member]:
        """See `Tables`."""
        return {Member(*row) for row in self._execute(_MEMBERS, _json(Member._fields, wanted))} if wanted else set()

    def crowd(self, budget: str, span: str, more: int, /) -> int:
        """See `Tables`."""
        row = self._execute(_CROWD, (budget, span, more)).fetchone()
        return row[0] - more if row else 0

    def add_members(self, members: Sequence[Member], now_ms: int, /) -> None:
        """See `Tables`."""
        if members:
            self._execute(_ADD_MEMBERS, _json(_MEMBER, ((*each, now_ms) for each in members)))

    def peek(self, reservation_id: str, /) -> Hold | None:
        """See `Tables`."""
        row = self._execute(_PEEK, (reservation_id,)).fetchone()
        return unpack_hold(row) if row else None

    def held(self) -> list[Hold]:
        """See `Tables`."""
        return [unpack_hold(row) for row in self._execute(_HELD)]

    def balances(self, counters: Sequence[Counter], /) -> dict[Counter, Balance]:
        """See `Tables`."""
        if not counters:
            return {}
        rows = self._execute(_BALANCES, _json(Counter._fields, counters))
        return {Counter(*row[:3]): Balance(*row[3:]) for row in rows}

    def subjects(self, budget: str, first: str, last: str, most: int, /) -> dict[str, Balance]:
        """See `Tables`."""
        rows = self._execute(_SUBJECTS, (budget, first, last, most))
        return {subject: Balance(saturated(int(settled)), saturated(int(held))) for subject, settled, held in rows}

    def postings(self, reservation_id: str, /) -> list[Posting]:
        """See `Tables`."""
        return [unpack_posting(row) for row in self._execute(_POSTINGS, (reservation_id,))]

    def drift(self) -> dict[Counter, int]:
        """See `Tables`."""
        return {Counter(*row[:3]): int(row[3]) for row in self._execute(_DRIFT)}


def _json(columns: Sequence[str], rows: Iterable[Sequence[Any]]) -> tuple[str]:
    named = [{key: value for key, value in zip(columns, row, strict=True) if value is not None} for row in rows]
    return (orjson.dumps(named, default=_hexadecimal).decode(),)


def _hexadecimal(value: bytes) -> str:
    return f"\\x{value.hex()}"


def _key(row: Sequence[Any]) -> Any:
    return row[0]
