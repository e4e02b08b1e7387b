"""The rules of the ledger: what each of its operations does within one transaction.

They are the same for every store. A hold is a row with an id and an expiry, and what a call has come to is told by the
first of these: its priced span, which is the truth; its client; the clock.
"""

from __future__ import annotations

from functools import reduce
from typing import TYPE_CHECKING, Final

from otel_llm.budget.ledger.book import Book
from otel_llm.budget.ledger.calls import Sighting
from otel_llm.budget.ledger.records import (
    NOTHING,
    Balance,
    Denied,
    Exceeded,
    Granted,
    HeldLine,
    Hold,
    HoldState,
    Line,
    Move,
    Posting,
    PostingKind,
    Settled,
    SettleState,
    Unit,
)
from otel_llm.budget.ledger.tables import Rollback

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from otel_llm.budget.ledger.records import Reservation, Usage, Verdict
    from otel_llm.budget.ledger.tables import Tables

__all__ = [
    "HOPS",
    "adjust",
    "announce",
    "expire",
    "hold_of",
    "meet",
    "original_of",
    "recost",
    "release",
    "reserve",
    "settle",
    "take_word",
]

_ANCHOR: Final = ""
"""A period that nothing is counted in. Reservations in neighbouring parts of a rolling window lock it, and so each
other: their own counters are two rows."""

HOPS: Final = 8
"""How far is followed what is charged for what. A response leads to a span, and that to a child charged instead."""


def reserve(tables: Tables, reservation: Reservation, *, hold_it: bool = True) -> Verdict:
    """Hold every amount, if all of them fit; nothing otherwise. Without *hold_it* only say whether they do."""
    limits = reservation.limits
    hold = hold_of(reservation)
    if not tables.add_holds([hold]):
        known = tables.holds((reservation.id,))[reservation.id]
        if known.state not in (HoldState.EXPIRED, HoldState.RELEASED):
            return Granted(known, (), replayed=True)
        tables.save_holds([hold])  # asked for anew: what was given back has to be held again
    moves = {Line(limit.counter, limit.unit): Move(held=limit.amount) for limit in limits}
    for limit in limits:
        if limit.rolling:
            moves[Line(limit.counter._replace(period=_ANCHOR), limit.unit)] = Move()
    after = tables.move(moves)
    balances = tuple(
        reduce(Balance.plus, tables.parts(limit.counter, limit.first).values())
        if limit.rolling
        else after[limit.counter]
        for limit in limits
    )
    exceeded = tuple(
        Exceeded(limit, balance.moved(Move(held=-limit.amount)))
        for limit, balance in zip(limits, balances, strict=True)
        if limit.blocking and balance.total > limit.most
    )
    if exceeded:
        raise Rollback(Denied(exceeded))
    granted = Granted(hold, balances)
    if not hold_it:
        raise Rollback(granted)
    return granted


def hold_of(reservation: Reservation, at_ms: int | None = None) -> Hold:
    """Return what a reservation becomes when it is granted; then, or at *at_ms*."""
    return Hold(
        reservation.id,
        HoldState.HELD,
        reservation.at_ms if at_ms is None else at_ms,
        reservation.expires_at_ms,
        tuple(HeldLine(limit.counter, limit.unit, limit.amount) for limit in reservation.limits),
        provider=reservation.provider,
        model=reservation.model,
    )


def settle(tables: Tables, reservation_id: str, usage: Usage, now_ms: int, identities: Iterable[bytes] = ()) -> Settled:
    """Post what a client says that its call used, until the call's span comes and says it better.

    Args:
        tables: The transaction.
        reservation_id: Whose.
        usage: How much.
        now_ms: When.
        identities: By which the span will be known, or is known, besides the reservation's id on it.
    """
    announced = [Sighting(each, now_ms, reservation_id=reservation_id) for each in identities]
    call = _call_of(tables, announce(tables, announced))
    hold = tables.holds((reservation_id,)).get(reservation_id)
    if hold is None:
        raise Rollback(Settled(SettleState.UNKNOWN, NOTHING))
    book = Book(now_ms)
    if hold.state is not HoldState.CHARGED and call is not None and call.usage is not None:
        lines = (*call.lines, *meet(book, hold, call.usage, call.lines, call.identity))
        tables.save_sightings([call._replace(lines=lines, reservation_id=call.reservation_id or reservation_id)])
        answer = Settled(SettleState.CHARGED, call.usage)
    else:
        answer = take_word(book, hold, usage)
    book.write(tables)
    return answer


def take_word(book: Book, hold: Hold, usage: Usage) -> Settled:
    """Settle a hold by what its client says, unless it is settled; return what stands."""
    if hold.state is HoldState.CHARGED:
        return Settled(SettleState.CHARGED, hold.usage)
    if hold.state is HoldState.SETTLED:
        return Settled(SettleState.REPEATED, hold.usage)
    book.give_back(hold)
    for counter, unit, _ in hold.lines:
        book.post(PostingKind.SETTLE, Line(counter, unit), usage.of(unit), reservation_id=hold.id)
    book.put(hold, HoldState.SETTLED, usage)
    return Settled(SettleState.SETTLED, usage)


def release(tables: Tables, reservation_id: str, now_ms: int) -> HoldState | None:
    """Give back what is held; return the hold's state after that, None if there is no such hold."""
    hold = tables.holds((reservation_id,)).get(reservation_id)
    if hold is None:
        return None
    if hold.state not in (HoldState.HELD, HoldState.EXPIRED):
        return hold.state
    book = Book(now_ms)
    book.give_back(hold)
    book.put(hold, HoldState.RELEASED, NOTHING)
    book.write(tables)
    return HoldState.RELEASED


def expire(tables: Tables, now_ms: int, most: int) -> int:
    """Give back what holds hold whose time has passed; return how many there were, at most *most*."""
    holds = tables.expired(now_ms, most)
    book = Book(now_ms)
    for hold in holds:
        book.give_back(hold)
        book.put(hold, HoldState.EXPIRED, NOTHING)
    book.write(tables)
    return len(holds)


def adjust(tables: Tables, line: Line, amount: int, reason: str, now_ms: int) -> Balance:
    """Add to what is settled on a line; return what its counter stands at after that."""
    balances = tables.move({line: Move(settled=amount)})
    tables.post([Posting(now_ms, PostingKind.ADJUST, line.counter, line.unit, amount, reason=reason)])
    return balances[line.counter]


def recost(tables: Tables, costs: Mapping[bytes, int], now_ms: int) -> dict[bytes, int]:
    """Charge calls what they cost after all, in pico-USD; return by how much that differs, where it does."""
    book = Book(now_ms)
    changed = []
    differences = {}
    for identity, sighting in sorted(tables.sightings(sorted(costs)).items()):
        usage = sighting.usage
        if usage is None or not sighting.seen or sighting.original is not None or usage.cost == costs[identity]:
            continue
        differences[identity] = difference = costs[identity] - usage.cost
        for line in sighting.lines:
            if line.unit is Unit.USD:
                book.post(PostingKind.RECOST, line, difference, reservation_id=sighting.reservation_id, call=identity)
        changed.append(sighting._replace(usage=usage._replace(cost=costs[identity])))
    if changed:
        tables.save_sightings(changed)
    book.write(tables)
    return differences


def meet(book: Book, hold: Hold, usage: Usage, charged: Sequence[Line], call: bytes) -> tuple[Line, ...]:
    """Let a hold meet its call, which decides what it has come to; return the lines that this charges.

    What was held is charged where it was held. A budget that the call stands charged to already is not charged again.

    Args:
        book: Where to note it.
        hold: The hold.
        usage: What the call used.
        charged: What the call stands charged to.
        call: Its identity.
    """
    book.give_back(hold)
    budgets = {line.counter.budget for line in charged}
    lines = []
    for counter, unit, _ in hold.lines:
        line = Line(counter, unit)
        due = 0
        if counter.budget not in budgets:
            due = usage.of(unit)
            lines.append(line)
        book.post(PostingKind.CHARGE, line, due - hold.usage.of(unit), reservation_id=hold.id, call=call)
    book.put(hold, HoldState.CHARGED, usage)
    return tuple(lines)


def original_of(tables: Tables, sighting: Sighting) -> Sighting | None:
    """Return the span that is charged for what was seen as *sighting*; None if it has only been announced."""
    for _ in range(HOPS):
        if sighting.original is None:
            return sighting if sighting.seen else None
        found = tables.sightings((sighting.original,)).get(sighting.original)
        if found is None:
            return None
        sighting = found
    return None


def announce(tables: Tables, announced: Sequence[Sighting]) -> list[Sighting]:
    """Say that calls will come, each identity once; return what has come under them."""
    if not announced:
        return []
    known = tables.claim(announced)
    unclaimed = [
        known[each.identity]._replace(reservation_id=each.reservation_id)
        for each in announced
        if each.identity in known and not known[each.identity].seen and known[each.identity].reservation_id is None
    ]
    if unclaimed:
        tables.save_sightings(unclaimed)
    return [each for each in known.values() if each.seen]


def _call_of(tables: Tables, sightings: Sequence[Sighting]) -> Sighting | None:
    return next((call for each in sightings if (call := original_of(tables, each))), None)
