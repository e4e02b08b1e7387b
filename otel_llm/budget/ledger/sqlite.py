"""The ledger's tables in SQLite. A transaction that writes is alone, so nothing here locks."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

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

    import apsw

    from otel_llm.budget.ledger.calls import Fate, Sighting, TraceRow
    from otel_llm.budget.ledger.records import Hold, Line, Move, Posting

__all__ = ["SqliteTables"]


def _insert(table: str, columns: Sequence[str]) -> str:
    return f"INSERT INTO {table} ({', '.join(columns)}) VALUES ({', '.join('?' * len(columns))})"  # noqa: S608 - names of ours


_ADD_SIGHTING: Final = _insert("sightings", SIGHTING_COLUMNS)
_SIGHTING: Final = f"SELECT {', '.join(SIGHTING_COLUMNS)} FROM sightings WHERE identity = ?"  # noqa: S608 - as above
_SAVE_SIGHTING: Final = _insert("sightings", SIGHTING_COLUMNS).replace("INSERT", "REPLACE", 1)
_ADD_HOLD: Final = _insert("holds", HOLD_COLUMNS) + " ON CONFLICT DO NOTHING RETURNING id"
_HOLD: Final = f"SELECT {', '.join(HOLD_COLUMNS)} FROM holds WHERE id = ?"  # noqa: S608 - as above
_NEW_HOLD: Final = ", ".join(f"{column} = ?{place}" for place, column in enumerate(HOLD_COLUMNS[1:], 2))
_SAVE_HOLD: Final = f"UPDATE holds SET {_NEW_HOLD} WHERE id = ?1"  # noqa: S608 - as above
_EXPIRED: Final = f"""
SELECT {", ".join(HOLD_COLUMNS)} FROM holds
WHERE state = 'held' AND expires_at_ms <= ? ORDER BY expires_at_ms LIMIT ?
"""  # noqa: S608 - as above
_HELD: Final = f"SELECT {', '.join(HOLD_COLUMNS)} FROM holds WHERE state = 'held'"  # noqa: S608 - as above
_MOVE: Final = f"""
INSERT INTO counters (budget, subject, period, unit, settled, held) VALUES (?1, ?2, ?3, ?4, ?5, max(?6, 0))
ON CONFLICT (budget, subject, period) DO UPDATE SET
    settled = max(-{CEILING}, min(settled + ?5, {CEILING})),
    held = max(0, min(held + ?6, {CEILING}))
RETURNING id, settled, held
"""  # noqa: S608 - as above
_PARTS: Final = "SELECT period, settled, held FROM counters WHERE budget = ? AND subject = ? AND period BETWEEN ? AND ?"
_POST: Final = _insert("ledger", ("at_ms", "kind", "counter_id", "amount", "reservation_id", "call", "reason"))
_ADD_ROW: Final = _insert("llm_traces", TRACE_COLUMNS) + " ON CONFLICT DO NOTHING"
_SET_FATE: Final = "UPDATE llm_traces SET fate = ? WHERE trace_id = ? AND span_id = ?"
_MEMBER: Final = "SELECT 1 FROM members WHERE budget = ? AND span = ? AND subject = ?"
_CROWD: Final = """
INSERT INTO crowds VALUES (?, ?, ?) ON CONFLICT DO UPDATE SET asked = asked + excluded.asked RETURNING asked
"""
_ADD_MEMBER: Final = _insert("members", (*Member._fields, "at_ms")) + " ON CONFLICT DO NOTHING"
_BALANCE: Final = "SELECT settled, held FROM counters WHERE budget = ? AND subject = ? AND period = ?"
_SUBJECTS: Final = """
SELECT subject, sum(settled >> 32), sum(settled & 0xFFFFFFFF), sum(held >> 32), sum(held & 0xFFFFFFFF) FROM counters
WHERE budget = ? AND period BETWEEN ? AND ? GROUP BY subject ORDER BY total(settled) DESC, subject DESC LIMIT ?
"""
"""In halves: SQLite's integer sum fails where it overflows, and its other one is a float."""
_POSTINGS: Final = """
SELECT at_ms, kind, budget, subject, period, unit, amount, reservation_id, call, reason
FROM ledger JOIN counters ON counters.id = counter_id WHERE reservation_id = ? ORDER BY ledger.id
"""
_DRIFT: Final = """
SELECT budget, subject, period, settled - coalesce(posted, 0) FROM counters
LEFT JOIN (SELECT counter_id, sum(amount) AS posted FROM ledger GROUP BY counter_id) ON counter_id = id
WHERE settled <> coalesce(posted, 0)
"""


class SqliteTables(Tables):
    """One transaction of a connection."""

    def __init__(self, connection: apsw.Connection) -> None:
        self._execute = connection.execute
        self._execute_many = connection.executemany
        self._counter_ids: dict[Counter, int] = {}

    def claim(self, sightings: Sequence[Sighting], /) -> dict[bytes, Sighting]:
        """See `Tables`."""
        known = self.sightings(each.identity for each in sightings)
        self._execute_many(_ADD_SIGHTING, (pack_sighting(each) for each in sightings if each.identity not in known))
        return known

    def sightings(self, identities: Iterable[bytes], /) -> dict[bytes, Sighting]:
        """See `Tables`."""
        rows = self._execute_many(_SIGHTING, ((each,) for each in identities))
        return {sighting.identity: sighting for sighting in map(unpack_sighting, rows)}

    def save_sightings(self, sightings: Sequence[Sighting], /) -> None:
        """See `Tables`."""
        self._execute_many(_SAVE_SIGHTING, map(pack_sighting, sightings))

    def add_holds(self, holds: Sequence[Hold], /) -> set[str]:
        """See `Tables`."""
        return {id_ for (id_,) in self._execute_many(_ADD_HOLD, map(pack_hold, holds))}

    def holds(self, ids: Iterable[str], /) -> dict[str, Hold]:
        """See `Tables`."""
        rows = self._execute_many(_HOLD, ((each,) for each in ids))
        return {hold.id: hold for hold in map(unpack_hold, rows)}

    def expired(self, now_ms: int, most: int, /) -> list[Hold]:
        """See `Tables`."""
        return [unpack_hold(row) for row in self._execute(_EXPIRED, (now_ms, most))]

    def save_holds(self, holds: Sequence[Hold], /) -> None:
        """See `Tables`."""
        self._execute_many(_SAVE_HOLD, map(pack_hold, holds))

    def move(self, moves: Mapping[Line, Move], /) -> dict[Counter, Balance]:
        """See `Tables`."""
        rows = self._execute_many(_MOVE, ((*counter, unit, *move) for (counter, unit), move in moves.items()))
        balances = {}
        for (counter, _), (id_, settled, held) in zip(moves, rows, strict=True):
            self._counter_ids[counter] = id_
            balances[counter] = Balance(settled, held)
        return balances

    def parts(self, counter: Counter, first: str, /) -> dict[str, Balance]:
        """See `Tables`."""
        rows = self._execute(_PARTS, (counter.budget, counter.subject, first, counter.period))
        return {period: Balance(*row) for period, *row in rows}

    def post(self, postings: Sequence[Posting], /) -> None:
        """See `Tables`."""
        ids = self._counter_ids
        self._execute_many(
            _POST, ((each.at_ms, each.kind, ids[each.counter], each.amount, *each[5:]) for each in postings)
        )

    def add_rows(self, rows: Sequence[TraceRow], /) -> None:
        """See `Tables`."""
        self._execute_many(_ADD_ROW, rows)

    def set_fate(self, identity: bytes, start_ms: int, fate: Fate, /) -> None:  # noqa: ARG002 - for partitions
        """See `Tables`."""
        self._execute(_SET_FATE, (fate, *_split(identity)))

    def members(self, wanted: Sequence[Member], /) -> set[Member]:
        """See `Tables`."""
        return {each for each in wanted if self._execute(_MEMBER, each).get is not None}

    def crowd(self, budget: str, span: str, more: int, /) -> int:
        """See `Tables`."""
        asked: int = self._execute(_CROWD, (budget, span, more)).get
        return asked - more

    def add_members(self, members: Sequence[Member], now_ms: int, /) -> None:
        """See `Tables`."""
        self._execute_many(_ADD_MEMBER, ((*each, now_ms) for each in members))

    def peek(self, reservation_id: str, /) -> Hold | None:
        """See `Tables`."""
        return self.holds((reservation_id,)).get(reservation_id)

    def held(self) -> list[Hold]:
        """See `Tables`."""
        return [unpack_hold(row) for row in self._execute(_HELD)]

    def balances(self, counters: Sequence[Counter], /) -> dict[Counter, Balance]:
        """See `Tables`."""
        found = ((counter, self._execute(_BALANCE, counter).get) for counter in counters)
        return {counter: Balance(*row) for counter, row in found if row is not None}

    def subjects(self, budget: str, first: str, last: str, most: int, /) -> dict[str, Balance]:
        """See `Tables`."""
        rows = self._execute(_SUBJECTS, (budget, first, last, most))
        return {
            subject: Balance(saturated((settled << 32) + low), saturated((held << 32) + held_low))
            for subject, settled, low, held, held_low in rows
        }

    def postings(self, reservation_id: str, /) -> list[Posting]:
        """See `Tables`."""
        return [unpack_posting(row) for row in self._execute(_POSTINGS, (reservation_id,))]

    def drift(self) -> dict[Counter, int]:
        """See `Tables`."""
        return {Counter(*row[:3]): row[3] for row in self._execute(_DRIFT)}


def _split(identity: bytes) -> tuple[bytes, bytes]:
    return identity[:16], identity[16:]
