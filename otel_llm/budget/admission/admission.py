"""A ledger that decides in front of its database, in a Valkey or Redis server: for many gateways and hot budgets.

The database stays the truth. What is settled is a copy of it, by versions; what is held is counted in the server, which
forgets what it held with it, and is written down behind. What cannot be known for sure is read from the truth anew.
"""

from __future__ import annotations

import asyncio
import logging
from contextlib import suppress
from typing import TYPE_CHECKING, Final, Self, TypeVar, cast
from uuid import uuid4

from otel_llm.budget.admission.behind import Behind
from otel_llm.budget.admission.noting import Noting
from otel_llm.budget.admission.packing import counter_name, describe_hold, describe_limit, read_hold
from otel_llm.budget.admission.small import large, small
from otel_llm.budget.ledger import rules
from otel_llm.budget.ledger.ledger import Ledger
from otel_llm.budget.ledger.records import Balance, Denied, Exceeded, Granted, HoldState, SettleState
from otel_llm.budget.ledger.tables import Rollback
from otel_llm.budget.ledger.together import Settlement, record, settle_together
from otel_llm.errors import OtelLlmError, Retryable, StartError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from otel_llm.budget.admission.server import Server
    from otel_llm.budget.ledger.records import Hold, Reservation, Settled, Usage, Verdict
    from otel_llm.budget.ledger.tables import Tables
    from otel_llm.store.database import Database

__all__ = ["FRESH_MS", "Admission"]

FRESH_MS: Final = 10_000
"""After so long a copy is read anew: the longest time for which calls that were never held may be missing in one,
should the gateway that charged them have died before it could say so."""

_TRIES: Final = 20
_BUILD: Final = 500
"""Holds of one step of building."""
_PATIENCE_S: Final = 5.0
_STATES: Final = {
    HoldState.SETTLED: "done",
    HoldState.CHARGED: "done",
    HoldState.RELEASED: "free",
    HoldState.EXPIRED: "free",
}

_log = logging.getLogger(__name__)

C = TypeVar("C")
R = TypeVar("R")


class Admission(Ledger[C]):
    """A ledger with a server in front."""

    def __init__(
        self, database: Database[C], tables: Callable[[C], Tables], server: Server, *, grace_s: float = 1.0
    ) -> None:
        """Take a database, what makes tables of its transactions, and a server.

        Args:
            database: The truth.
            tables: Makes tables of a transaction.
            server: Where is decided.
            grace_s: When the server has lost its state, for how long nothing is granted: within it every gateway
                writes down what it had granted.
        """
        super().__init__(database, tables)
        self._server = server
        self._grace_s = grace_s
        self._behind = Behind(self._record, self._settle)

    @classmethod
    def before(cls, ledger: Ledger[C], server: Server, grace_s: float) -> Self:
        """Return what decides in front of a ledger."""
        admission = cls(ledger._database, ledger._tables, server, grace_s=grace_s)  # noqa: SLF001 - a ledger of ours
        admission._most_subjects = ledger._most_subjects  # noqa: SLF001 - as above
        return admission

    async def start(self) -> None:
        """Make the server ready, if it is there; it may come later.

        Raises:
            StartError: it throws keys away.
        """
        try:
            async with asyncio.timeout(_PATIENCE_S):
                if await self._server.evicts():
                    raise StartError("the admission server throws keys away: set its maxmemory-policy to noeviction")
                answers = await self._server.do("ready", grace=self._grace_ms)
                while not await self._is_ready(answers[0]):
                    await asyncio.sleep(self._grace_s / 4)
                    answers = await self._server.do("ready", grace=self._grace_ms)
        except (Retryable, TimeoutError):
            _log.error("admission is not ready: calls are decided on as on_store_error of their budgets says")

    async def shutdown(self) -> None:
        """Write down what is left to be, and close the connections."""
        with suppress(OtelLlmError):
            await self._behind.shutdown()
        await self._server.shutdown()

    async def _decide(self, reservation: Reservation, *, hold_it: bool) -> Verdict:
        """Decide by the server alone."""
        if self._behind.late_s > self._grace_s / 2:
            await self._behind.flush()
        ask = {
            **describe_hold(rules.hold_of(reservation)),
            "now": reservation.at_ms,
            "limits": [describe_limit(limit) for limit in reservation.limits],
            "hold_it": hold_it,
            "fresh": FRESH_MS,
            "grace": self._grace_ms,
        }
        for _ in range(_TRIES):
            answer, *more = await self._server.do("reserve", **ask)
            match answer:
                case b"granted":
                    return self._granted(reservation, int(more[0]), more[1], hold_it=hold_it)
                case b"known":
                    state = HoldState.HELD if more[0] == b"held" else HoldState.SETTLED
                    known = read_hold(reservation.id, state, *more[1:])
                    if state is HoldState.HELD:  # perhaps by us, and its answer was lost before it was written down
                        self._behind.add(known)
                    return Granted(known, (), replayed=True)
                case b"denied":
                    return _denied(reservation, *more)
                case b"unknown":
                    await self._know(reservation, more[0])
                case b"expired":
                    await super().expire(reservation.at_ms)
                case _:
                    if not await self._is_ready(answer):
                        break
        raise Retryable("admission is being put together")

    async def settle(self, reservation_id: str, usage: Usage, now_ms: int, identities: Iterable[bytes] = ()) -> Settled:
        """See `LedgerStore`. All who settle while a transaction is under way share the next one."""
        settlement = Settlement(reservation_id, usage, now_ms, tuple(sorted(set(identities))))
        settled = await self._behind.settle(settlement)
        if settled is not None and settled.state is SettleState.UNKNOWN and await self._fetch(reservation_id):
            settled = await self._behind.settle(settlement)
        if settled is None:
            settled = await super().settle(*settlement)
        return settled

    async def release(self, reservation_id: str, now_ms: int) -> HoldState | None:
        """See `LedgerStore`."""
        state = await super().release(reservation_id, now_ms)
        if state is None and await self._fetch(reservation_id):
            state = await super().release(reservation_id, now_ms)
        return state

    async def hold(self, reservation_id: str) -> Hold | None:
        """See `LedgerStore`."""
        waiting = self._behind.get(reservation_id)
        found = await super()._read(lambda tables: tables.peek(reservation_id))
        if found is None and waiting is not None:
            return waiting
        if waiting is not None or (found is None and await self._fetch(reservation_id)):
            found = await super().hold(reservation_id)
        return found

    async def expire(self, now_ms: int) -> int:
        """See `LedgerStore`. Also what only the server knows of."""
        expired = await super().expire(now_ms)
        with suppress(Retryable):
            while await self._server.do("expire", now=now_ms):
                pass
        return expired

    @property
    def _grace_ms(self) -> int:
        return round(self._grace_s * 1000)

    async def _transact(self, work: Callable[[Tables], R], *, durable: bool = False) -> R:
        """Run a transaction of the truth, and let the server follow."""
        await self._behind.flush()
        return await self._follow(work, durable=durable)

    async def _read(self, work: Callable[[Tables], R]) -> R:
        await self._behind.flush()
        return await super()._read(work)

    async def _follow(self, work: Callable[[Tables], R], *, durable: bool = False) -> R:
        def noted(tables: Tables) -> tuple[R, Noting]:
            noting = Noting(tables)
            return work(cast("Tables", noting)), noting

        result, noting = await super()._transact(noted, durable=durable)
        counters = [
            (counter_name(counter), counter.period, balance.version, str(small(unit, balance.settled, up=True)))
            for counter, (unit, balance) in noting.settled.items()
        ]
        over = [{**describe_hold(hold), "state": _STATES[hold.state]} for hold in noting.over.values()]
        await self._say(counters, over)
        return result

    async def _say(self, counters: Sequence[object], over: Sequence[object]) -> None:
        """Let the server follow, or find out by itself, when its copy is old or its holds expire."""
        if counters or over:
            with suppress(Retryable):
                await self._server.do("follow", counters=counters, over=over)

    async def _record(self, holds: Sequence[Hold]) -> None:
        await self._say_over(await self._follow(lambda tables: record(tables, holds)))

    async def _settle(self, settlements: Sequence[Settlement], holds: Sequence[Hold]) -> dict[str, Settled]:
        try:
            answers, over = await self._follow(lambda tables: settle_together(tables, settlements, holds))
        except Rollback as rollback:
            answers = cast("dict[str, Settled]", rollback.answer)
            known = [each for each in settlements if each.reservation_id not in answers]
            if known:
                return answers | await self._settle(known, holds)
            await self._record(holds)
        else:
            await self._say_over(over)
        return answers

    async def _say_over(self, holds: Sequence[Hold]) -> None:
        """Let the server know of holds that it has, and the truth has seen the end of."""
        await self._say((), [{**describe_hold(hold), "state": "done"} for hold in holds])

    async def _fetch(self, reservation_id: str) -> bool:
        """Write down a hold that another gateway has granted and not written down yet."""
        found = await self._server.do("hold", id=reservation_id)
        if found:
            await self._record([read_hold(reservation_id, HoldState.HELD, *found)])
        return bool(found)

    async def _know(self, reservation: Reservation, places: Sequence[int]) -> None:
        limits = [reservation.limits[place] for place in places]
        # Not what waits to be written: it is held, and only what is settled is copied.
        parts = await super()._read(lambda tables: [tables.parts(limit.counter, limit.first) for limit in limits])
        known = [
            {
                "name": counter_name(limit.counter),
                "first": limit.first,
                "parts": [
                    (period, balance.version, str(small(limit.unit, balance.settled, up=True)))
                    for period, balance in found.items()
                ],
            }
            for limit, found in zip(limits, parts, strict=True)
        ]
        await self._server.do("know", now=reservation.at_ms, counters=known)

    async def _is_ready(self, answer: bytes) -> bool:
        """Put the server's state together, if it is lost and it is time to; return whether there is one."""
        if answer != b"lost":
            return answer == b"ready"
        await self._behind.flush()
        holds = [describe_hold(hold) for hold in await super()._read(lambda tables: tables.held())]
        maker = uuid4().hex
        for start in range(0, max(len(holds), 1), _BUILD):
            last = start + _BUILD >= len(holds)
            await self._server.do("build", maker=maker, holds=holds[start : start + _BUILD], last=last)
        _log.warning("admission was put together from the store: %d holds", len(holds))
        return True

    def _granted(self, reservation: Reservation, at_ms: int, sums: Sequence[bytes], *, hold_it: bool) -> Granted:
        hold = rules.hold_of(reservation, at_ms)
        if hold_it:
            self._behind.add(hold)
        pairs = zip(sums[::2], sums[1::2], reservation.limits, strict=True)
        return Granted(
            hold,
            tuple(
                Balance(large(limit.unit, int(settled)), large(limit.unit, int(held)) + limit.amount)
                for settled, held, limit in pairs
            ),
        )


def _denied(reservation: Reservation, places: Sequence[int], sums: Sequence[bytes]) -> Denied:
    def exceeded(place: int) -> Exceeded:
        limit = reservation.limits[place]
        settled, held = (large(limit.unit, int(each)) for each in sums[2 * place : 2 * place + 2])
        return Exceeded(limit, Balance(settled, held))

    return Denied(tuple(map(exceeded, places)))
