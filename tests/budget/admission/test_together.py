"""Settlements that come at once share a transaction, and nothing else: each is answered for itself."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, Final

import pytest

from otel_llm.budget.ledger import (
    Balance,
    Call,
    Counter,
    Granted,
    HoldState,
    Limit,
    Line,
    Reservation,
    SettleState,
    TraceRow,
    Unit,
    Usage,
)
from otel_llm.errors import Permanent, Retryable
from tests.budget.stores import open_admitted

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from otel_llm.store.store import Store
    from tests.valkey_server import ValkeyServer

AT: Final = 1_790_000_000_000
DAY: Final = Counter("models/gpt-4o/daily_usd", "", "2026-09-21@UTC")
USED: Final = Usage(7_000)


def reservation(id_: str) -> Reservation:
    """Return one under a limit that all fit under."""
    return Reservation(id_, AT, AT + 60_000, (Limit(DAY, Unit.USD, 10_000, 10**12, DAY.period),))


@pytest.fixture
async def places(request: pytest.FixtureRequest, valkey: ValkeyServer) -> tuple[str, str]:
    """Return the URLs of an empty database and of a place in a server in front of it."""
    return request.getfixturevalue("postgres").new_database(), valkey.new_url()


@pytest.fixture
async def store(places: tuple[str, str]) -> AsyncIterator[Store]:
    """Open an empty store with a server in front."""
    opened = open_admitted(*places)
    await opened.start()
    yield opened
    await opened.shutdown()


async def test_those_that_come_at_once_share_a_transaction(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """Twenty clients settle in one transaction, which writes down what they hold too."""
    names = [f"r{number}" for number in range(20)]
    for each in names:
        await store.ledger.reserve(reservation(each))
    await store.ledger.balances([DAY])  # so that the first ones have been written down, and the next one has not
    await store.ledger.reserve(reservation("last"))
    run = store.database.run
    transactions = 0

    async def counted(*arguments: Any, **named: Any) -> Any:
        nonlocal transactions
        transactions += 1
        return await run(*arguments, **named)

    monkeypatch.setattr(store.database, "run", counted)
    done = await asyncio.gather(*(store.ledger.settle(each, USED, AT) for each in [*names, "last"]))
    shared = transactions

    assert 1 == shared
    assert {SettleState.SETTLED} == {each.state for each in done}
    assert {DAY: Balance(21 * USED.cost)} == await store.ledger.balances([DAY])
    assert {} == await store.ledger.drift()


async def test_each_is_answered_for_itself(store: Store) -> None:
    """One that is unknown, one that is refused, one whose call was seen and one who asks twice hold up nobody."""
    for each in ("plain", "seen", "twice", "gone"):
        await store.ledger.reserve(reservation(each))
    row = TraceRow(b"sixteen bytes id", b"span----", start_ms=AT)
    call = Call(row, Usage(9_000), (Line(DAY, Unit.USD),))
    await store.ledger.ingest([call], AT)
    gone = asyncio.create_task(store.ledger.settle("gone", USED, AT))
    asked = [
        store.ledger.settle("plain", USED, AT),
        store.ledger.settle("unknown", USED, AT, [b"of a call that nobody reserved"]),
        store.ledger.settle("seen", USED, AT, [call.identity]),
        store.ledger.settle("twice", USED, AT),
        store.ledger.settle("twice", Usage(1_000), AT),
        store.ledger.settle("refus\0ed", USED, AT),
    ]
    tasks = [asyncio.create_task(each) for each in asked]
    await asyncio.sleep(0)  # all of them ask
    gone.cancel()
    *done, refused = await asyncio.gather(*tasks, return_exceptions=True)
    late = Call(row._replace(span_id=b"another-"), Usage(5_000), (Line(DAY, Unit.USD),))
    await store.ledger.ingest([late], AT)

    assert [
        (SettleState.SETTLED, 7_000),
        (SettleState.UNKNOWN, 0),
        (SettleState.CHARGED, 9_000),
        (SettleState.SETTLED, 7_000),
        (SettleState.REPEATED, 7_000),
    ] == [(each.state, each.usage.cost) for each in done if not isinstance(each, BaseException)]
    assert isinstance(refused, Permanent)
    assert {DAY: Balance(7_000 + 9_000 + 7_000 + 7_000 + 5_000)} == await store.ledger.balances([DAY])
    assert {} == await store.ledger.drift()


async def test_a_database_that_is_away(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """All who wait are told to come again, what is held is not forgotten, and who comes again is settled."""
    for each in "ab":
        await store.ledger.reserve(reservation(each))
    with monkeypatch.context() as patch:

        async def away(*_: Any, **__: Any) -> Any:
            raise Retryable("the store's database cannot be used at the moment")

        patch.setattr(store.database, "run", away)
        told = await asyncio.gather(*(store.ledger.settle(each, USED, AT) for each in "ab"), return_exceptions=True)
    done = [await store.ledger.settle(each, USED, AT) for each in "ab"]

    assert [Retryable, Retryable] == [type(each) for each in told]
    assert [SettleState.SETTLED] * 2 == [each.state for each in done]
    assert {DAY: Balance(2 * USED.cost)} == await store.ledger.balances([DAY])


async def test_a_hold_that_waits_to_be_written(store: Store) -> None:
    """Its gateway knows of it before the truth does."""
    await store.ledger.reserve(reservation("r"))
    found = await store.ledger.hold("r")
    await store.ledger.settle("r", USED, AT)
    settled = await store.ledger.hold("r")

    assert found is not None
    assert settled is not None
    assert [HoldState.HELD, HoldState.SETTLED] == [found.state, settled.state]


async def test_settled_after_the_server_has_lost_it(store: Store, valkey: ValkeyServer) -> None:
    """A call that was settled when its hold had expired and was forgotten is over: its id is not granted anew (G8)."""
    await store.ledger.reserve(reservation("r"))
    await store.ledger.expire(AT + 60_000)
    assert b":1" == valkey.command("DEL", f"{valkey.tag}:epoch")
    await store.ledger.reserve(reservation("another"))
    await store.ledger.settle("r", USED, AT)
    again = await store.ledger.reserve(reservation("r"))

    assert isinstance(again, Granted)
    assert again.replayed
    assert (await store.ledger.balances([DAY]))[DAY] == Balance(USED.cost, 10_000)
