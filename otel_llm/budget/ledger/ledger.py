"""The ledger as others see it, and the one implementation of it, over any database that has its tables."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any, Final, Generic, Protocol, TypeVar

from otel_llm.budget.ledger import rules
from otel_llm.budget.ledger.crowd import MOST_SUBJECTS, Crowd, make_places
from otel_llm.budget.ledger.ingest import ingest
from otel_llm.budget.ledger.records import Denied, Granted, Line
from otel_llm.budget.ledger.tables import Rollback

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from otel_llm.budget.ledger.calls import Call, Ingested
    from otel_llm.budget.ledger.records import (
        Balance,
        Counter,
        Hold,
        HoldState,
        Posting,
        Reservation,
        Settled,
        Usage,
        Verdict,
    )
    from otel_llm.budget.ledger.tables import Tables
    from otel_llm.store.database import Database

__all__ = ["Ledger", "LedgerStore"]

C = TypeVar("C")
R = TypeVar("R")

_SWEEP: Final = 200
"""Holds that one transaction expires at most, so that none takes long."""


class LedgerStore(Protocol):
    """What has been spent and what is held. Every operation happens as a whole or not at all.

    Each raises `Retryable` when the store cannot be reached, and may then have happened: asked again, it changes
    nothing more. Other than `adjust`, which is an operator's, all are idempotent.
    """

    async def reserve(self, reservation: Reservation, *, hold_it: bool = True) -> Verdict:
        """Hold every amount, if each fits under its limit, or nothing. Without *hold_it*: only say whether they do.

        Asked again with an id that is held or settled, it grants again and does nothing; with one whose hold has
        expired or was released, it decides anew. What a denial reports is what it was denied for.
        """
        ...

    async def settle(self, reservation_id: str, usage: Usage, now_ms: int, identities: Iterable[bytes] = ()) -> Settled:
        """Take a client's word for what its call used, until the call's span comes. The first settlement stands.

        Args:
            reservation_id: Whose.
            usage: How much. Also charged when the hold has expired or was released: nothing that was spent is lost.
            now_ms: When.
            identities: Under which the call's span has come or will come (`Call.identity`, `response_identity`), should
                it not carry the reservation's id.
        """
        ...

    async def release(self, reservation_id: str, now_ms: int) -> HoldState | None:
        """Give back what is held; return the hold's state after that, None if there is no such hold."""
        ...

    async def expire(self, now_ms: int) -> int:
        """Give back what holds hold whose time has passed; return how many there were."""
        ...

    async def ingest(self, calls: Sequence[Call], now_ms: int) -> Ingested:
        """Store calls and charge each once. What they used is the truth: it replaces what a client has settled.

        Args:
            calls: In the order in which they came.
            now_ms: When.
        """
        ...

    async def adjust(self, line: Line, amount: int, reason: str, now_ms: int) -> Balance:
        """Add to what is settled, or with a negative amount take from it; return what the counter stands at then."""
        ...

    async def recost(self, costs: Mapping[bytes, int], now_ms: int) -> Mapping[bytes, int]:
        """Charge calls, by their identities, what they cost after all; return by how much that differs, where it does.

        Calls that it does not know, or that are not charged themselves, are left out.
        """
        ...

    async def balances(self, counters: Sequence[Counter]) -> dict[Counter, Balance]:
        """Return what counters stand at; those that nothing was ever counted on are left out."""
        ...

    async def subjects(self, budget: str, first: str, last: str, most: int) -> Mapping[str, Balance]:
        """Return what a budget stands at for each subject, over the periods from *first* to *last*.

        The *most* subjects that have spent most, in that order.
        """
        ...

    async def hold(self, reservation_id: str) -> Hold | None:
        """Return a hold."""
        ...

    async def postings(self, reservation_id: str) -> Sequence[Posting]:
        """Return what was posted for a hold, in order."""
        ...

    async def drift(self) -> Mapping[Counter, int]:
        """Return the counters whose settled amount is not the sum of their postings, by how much: none should be."""
        ...


class Ledger(LedgerStore, Generic[C]):
    """The rules of the ledger, in transactions of a database."""

    def __init__(
        self, database: Database[C], tables: Callable[[C], Tables], most_subjects: int = MOST_SUBJECTS
    ) -> None:
        """Take a database, and what makes tables of its transactions.

        Args:
            database: Where it is.
            tables: Makes them.
            most_subjects: How many of its subjects a budget counts one by one, in one window. Others share a counter.
        """
        self._database = database
        self._tables = tables
        self._most_subjects = most_subjects
        self._crowd = Crowd()

    async def start(self) -> None:
        """Get ready to decide. The database has started."""

    async def shutdown(self) -> None:
        """End. The database still runs."""

    async def reserve(self, reservation: Reservation, *, hold_it: bool = True) -> Verdict:
        """See `LedgerStore`. Nothing is denied for what holds that have expired still hold."""
        await self._make_places((limit.counter for limit in reservation.limits), reservation.at_ms)
        placed = tuple(replace(each, counter=self._crowd.place(each.counter)) for each in reservation.limits)
        verdict = await self._decide(replace(reservation, limits=placed), hold_it=hold_it)
        if isinstance(verdict, Granted):
            return verdict
        asked = dict(zip(placed, reservation.limits, strict=True))
        return Denied(tuple(each._replace(limit=asked[each.limit]) for each in verdict.exceeded))

    async def _decide(self, reservation: Reservation, *, hold_it: bool) -> Verdict:
        work = partial(rules.reserve, reservation=reservation, hold_it=hold_it)
        verdict: Verdict = await self._run(work)
        if isinstance(verdict, Denied) and await self.expire(reservation.at_ms):
            verdict = await self._run(work)
        return verdict

    async def settle(self, reservation_id: str, usage: Usage, now_ms: int, identities: Iterable[bytes] = ()) -> Settled:
        """See `LedgerStore`."""
        sought = tuple(sorted(set(identities)))
        work = partial(rules.settle, reservation_id=reservation_id, usage=usage, now_ms=now_ms, identities=sought)
        settled: Settled = await self._run(work)
        return settled

    async def release(self, reservation_id: str, now_ms: int) -> HoldState | None:
        """See `LedgerStore`."""
        return await self._transact(partial(rules.release, reservation_id=reservation_id, now_ms=now_ms))

    async def expire(self, now_ms: int) -> int:
        """See `LedgerStore`. Done in steps, so that no transaction takes long."""
        expired = 0
        while True:
            step = await self._transact(partial(rules.expire, now_ms=now_ms, most=_SWEEP))
            expired += step
            if step < _SWEEP:
                return expired

    async def ingest(self, calls: Sequence[Call], now_ms: int) -> Ingested:
        """See `LedgerStore`. Durable when it returns: the journal lets go of what was read."""
        await self._make_places((line.counter for call in calls for line in call.lines), now_ms)
        work = partial(ingest, calls=[self._placed(call) for call in calls], now_ms=now_ms)
        return await self._transact(work, durable=True)

    async def adjust(self, line: Line, amount: int, reason: str, now_ms: int) -> Balance:
        """See `LedgerStore`."""
        work = partial(rules.adjust, line=line, amount=amount, reason=reason, now_ms=now_ms)
        return await self._transact(work, durable=True)

    async def recost(self, costs: Mapping[bytes, int], now_ms: int) -> Mapping[bytes, int]:
        """See `LedgerStore`."""
        return await self._transact(partial(rules.recost, costs=costs, now_ms=now_ms), durable=True)

    async def balances(self, counters: Sequence[Counter]) -> dict[Counter, Balance]:
        """See `LedgerStore`."""
        return await self._read(lambda tables: tables.balances(counters))

    async def subjects(self, budget: str, first: str, last: str, most: int) -> Mapping[str, Balance]:
        """See `LedgerStore`."""
        return await self._read(lambda tables: tables.subjects(budget, first, last, most))

    async def hold(self, reservation_id: str) -> Hold | None:
        """See `LedgerStore`."""
        return await self._read(lambda tables: tables.peek(reservation_id))

    async def postings(self, reservation_id: str) -> Sequence[Posting]:
        """See `LedgerStore`."""
        return await self._read(lambda tables: tables.postings(reservation_id))

    async def drift(self) -> Mapping[Counter, int]:
        """See `LedgerStore`."""
        return await self._read(lambda tables: tables.drift())

    async def _make_places(self, counters: Iterable[Counter], now_ms: int) -> None:
        strangers = self._crowd.strangers(counters)
        if strangers:
            most = self._most_subjects
            self._crowd.admit(await self._transact(lambda tables: make_places(tables, strangers, most, now_ms)))

    def _placed(self, call: Call) -> Call:
        places = [self._crowd.place(line.counter) for line in call.lines]
        if all(place is line.counter for place, line in zip(places, call.lines, strict=True)):
            return call
        return replace(
            call, lines=tuple(Line(place, line.unit) for place, line in zip(places, call.lines, strict=True))
        )

    async def _run(self, work: Callable[[Tables], Any]) -> Any:
        try:
            return await self._transact(work)
        except Rollback as rollback:
            return rollback.answer

    async def _transact(self, work: Callable[[Tables], R], *, durable: bool = False) -> R:
        return await self._database.run(lambda connection: work(self._tables(connection)), durable=durable)

    async def _read(self, work: Callable[[Tables], R]) -> R:
        return await self._database.read(lambda connection: work(self._tables(connection)))
