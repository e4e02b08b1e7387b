"""Tells the truth of many calls in one transaction: holds that were granted in front of it, and settlements.

A transaction of its own for each costs several times as much, and they would wait for the same counters.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from otel_llm.budget.ledger.book import Book
from otel_llm.budget.ledger.calls import Sighting
from otel_llm.budget.ledger.records import NOTHING, Hold, HoldState, Settled, SettleState, Usage
from otel_llm.budget.ledger.rules import announce, take_word
from otel_llm.budget.ledger.tables import Rollback

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from otel_llm.budget.ledger.tables import Tables

__all__ = ["Settlement", "record", "settle_together"]

_OVER = (HoldState.SETTLED, HoldState.CHARGED)


class Settlement(NamedTuple):
    """What a client says that its call used. The fields are as `LedgerStore.settle` takes them."""

    reservation_id: str
    usage: Usage
    now_ms: int
    identities: tuple[bytes, ...] = ()


def record(tables: Tables, holds: Sequence[Hold]) -> list[Hold]:
    """Write down holds that were granted elsewhere, whatever the limits say; return those whose calls are over.

    A hold that is known, or was followed by a later one of its id, changes nothing.
    """
    book = Book(0)  # it posts nothing
    stand = _stand(tables, book, holds, ())
    book.write(tables)
    return _over(holds, stand)


def settle_together(
    tables: Tables, settlements: Sequence[Settlement], holds: Sequence[Hold]
) -> tuple[dict[str, Settled], list[Hold]]:
    """Write down holds as `record` does, and settle, as if one after the other.

    Args:
        tables: The transaction.
        settlements: Of each reservation one.
        holds: Granted elsewhere, each id once.

    Returns:
        What `rules.settle` would have, by reservation, and which of the holds belong to calls that are over. Left out
        are settlements whose call has been seen already: these need `rules.settle`.

    Raises:
        Rollback: some of the reservations are unknown, and announce calls. It carries what to answer these; nothing was
            done of the others.
    """
    sightings: dict[bytes, Sighting] = {}
    for id_, _, now_ms, identities in settlements:
        for identity in identities:
            sightings.setdefault(identity, Sighting(identity, now_ms, reservation_id=id_))
    seen = {each.identity for each in announce(tables, list(sightings.values()))}
    book = Book(max(each.now_ms for each in settlements))
    stand = _stand(tables, book, holds, (each.reservation_id for each in settlements))
    over = _over(holds, stand)
    unknown = [each for each in settlements if each.reservation_id not in stand]
    answers = {each.reservation_id: Settled(SettleState.UNKNOWN, NOTHING) for each in unknown}
    if any(each.identities for each in unknown):
        raise Rollback(answers)
    for id_, usage, _, identities in settlements:
        if id_ in stand and seen.isdisjoint(identities):
            answers[id_] = take_word(book, stand[id_], usage)
    book.write(tables)
    return answers, over


def _stand(tables: Tables, book: Book, granted: Sequence[Hold], wanted: Iterable[str]) -> dict[str, Hold]:
    """Note holds that were granted; return how these and the *wanted* stand, those that there are."""
    new = tables.add_holds(granted) if granted else set()
    missing = sorted({*wanted, *(hold.id for hold in granted)} - new)
    stand = tables.holds(missing) if missing else {}
    for hold in granted:
        known = stand.get(hold.id)
        if known is None:
            book.take(hold)
            stand[hold.id] = hold
        elif known.state not in _OVER and known.at_ms < hold.at_ms:
            book.give_back(known)
            book.take(hold)
            book.put(hold, HoldState.HELD, NOTHING)
            stand[hold.id] = hold
    return stand


def _over(holds: Sequence[Hold], stand: Mapping[str, Hold]) -> list[Hold]:
    return [hold for hold in holds if stand[hold.id].state in _OVER]
