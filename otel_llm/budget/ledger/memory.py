"""The ledger's tables in memory."""

from __future__ import annotations

from collections import Counter as Sums
from heapq import nlargest
from typing import TYPE_CHECKING, Any, Final

from otel_llm.budget.ledger.records import Balance, HoldState
from otel_llm.budget.ledger.tables import Tables

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from otel_llm.budget.ledger.calls import Fate, Sighting, TraceRow
    from otel_llm.budget.ledger.crowd import Member
    from otel_llm.budget.ledger.records import Counter, Hold, Line, Move, Posting

__all__ = ["MemoryTables"]

_ABSENT: Final = object()


class MemoryTables(Tables):
    """Dicts, and a list of what they held before the transaction changed them."""

    def __init__(self) -> None:
        self.rows: dict[bytes, TraceRow] = {}
        self._sightings: dict[bytes, Sighting] = {}
        self._holds: dict[str, Hold] = {}
        self._members: dict[Member, int] = {}
        self._crowds: dict[tuple[str, str], int] = {}
        self._counters: dict[Counter, Balance] = {}
        self._postings: list[Posting] = []
        self._committed_postings = 0
        self._before: list[tuple[dict[Any, Any], Any, Any]] = []

    def commit(self) -> None:
        """Keep what was done."""
        self._before.clear()
        self._committed_postings = len(self._postings)

    def rollback(self) -> None:
        """Take it back."""
        for table, key, value in reversed(self._before):
            if value is _ABSENT:
                del table[key]
            else:
                table[key] = value
        del self._postings[self._committed_postings :]
        self._before.clear()

    def claim(self, sightings: Sequence[Sighting], /) -> dict[bytes, Sighting]:
        """See `Tables`."""
        known = self.sightings(sighting.identity for sighting in sightings)
        self.save_sightings([sighting for sighting in sightings if sighting.identity not in known])
        return known

    def sightings(self, identities: Iterable[bytes], /) -> dict[bytes, Sighting]:
        """See `Tables`."""
        return {each: self._sightings[each] for each in identities if each in self._sightings}

    def save_sightings(self, sightings: Sequence[Sighting], /) -> None:
        """See `Tables`."""
        for sighting in sightings:
            self._put(self._sightings, sighting.identity, sighting)

    def add_holds(self, holds: Sequence[Hold], /) -> set[str]:
        """See `Tables`."""
        new = [hold for hold in holds if hold.id not in self._holds]
        self.save_holds(new)
        return {hold.id for hold in new}

    def holds(self, ids: Iterable[str], /) -> dict[str, Hold]:
        """See `Tables`."""
        return {each: self._holds[each] for each in ids if each in self._holds}

    def expired(self, now_ms: int, most: int, /) -> list[Hold]:
        """See `Tables`."""
        late = (hold for hold in self._holds.values() if hold.state is HoldState.HELD and hold.expires_at_ms <= now_ms)
        return sorted(late, key=lambda hold: hold.expires_at_ms)[:most]

    def save_holds(self, holds: Sequence[Hold], /) -> None:
        """See `Tables`."""
        for hold in holds:
            self._put(self._holds, hold.id, hold)

    def move(self, moves: Mapping[Line, Move], /) -> dict[Counter, Balance]:
        """See `Tables`."""
        for line, move in moves.items():
            self._put(self._counters, line.counter, self._counters.get(line.counter, Balance()).moved(move))
        return self.balances([line.counter for line in moves])

    def parts(self, counter: Counter, first: str, /) -> dict[str, Balance]:
        """See `Tables`."""
        return {
            each.period: balance
            for each, balance in self._counters.items()
            if each[:2] == counter[:2] and first <= each.period <= counter.period
        }

    def post(self, postings: Sequence[Posting], /) -> None:
        """See `Tables`."""
        self._postings += postings

    def add_rows(self, rows: Sequence[TraceRow], /) -> None:
        """See `Tables`."""
        for row in rows:
            self._put(self.rows, row.trace_id + row.span_id, row)

    def set_fate(self, identity: bytes, start_ms: int, fate: Fate, /) -> None:  # noqa: ARG002 - for partitions
        """See `Tables`."""
        if identity in self.rows:
            self._put(self.rows, identity, self.rows[identity]._replace(fate=fate))

    def members(self, wanted: Sequence[Member], /) -> set[Member]:
        """See `Tables`."""
        return {each for each in wanted if each in self._members}

    def crowd(self, budget: str, span: str, more: int, /) -> int:
        """See `Tables`."""
        before = self._crowds.get((budget, span), 0)
        self._put(self._crowds, (budget, span), before + more)
        return before

    def add_members(self, members: Sequence[Member], now_ms: int, /) -> None:
        """See `Tables`."""
        for each in members:
            self._put(self._members, each, now_ms)

    def peek(self, reservation_id: str, /) -> Hold | None:
        """See `Tables`."""
        return self._holds.get(reservation_id)

    def held(self) -> list[Hold]:
        """See `Tables`."""
        return [hold for hold in self._holds.values() if hold.state is HoldState.HELD]

    def balances(self, counters: Sequence[Counter], /) -> dict[Counter, Balance]:
        """See `Tables`."""
        return {each: self._counters[each] for each in counters if each in self._counters}

    def subjects(self, budget: str, first: str, last: str, most: int, /) -> dict[str, Balance]:
        """See `Tables`."""
        sums: dict[str, Balance] = {}
        for counter, balance in self._counters.items():
            if counter.budget == budget and first <= counter.period <= last:
                sums[counter.subject] = sums.get(counter.subject, Balance()).plus(balance)
        largest = nlargest(most, sums.items(), key=lambda item: (item[1].settled, item[0]))
        return dict(largest)

    def postings(self, reservation_id: str, /) -> list[Posting]:
        """See `Tables`."""
        return [posting for posting in self._postings if posting.reservation_id == reservation_id]

    def drift(self) -> dict[Counter, int]:
        """See `Tables`."""
        sums: Sums[Counter] = Sums()
        for posting in self._postings:
            sums[posting.counter] += posting.amount
        off = {counter: balance.settled - sums[counter] for counter, balance in self._counters.items()}
        return {counter: difference for counter, difference in off.items() if difference}

    def _put(self, table: dict[Any, Any], key: object, value: object) -> None:
        self._before.append((table, key, table.get(key, _ABSENT)))
        table[key] = value
