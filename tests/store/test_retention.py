"""What is not kept any longer is removed; what is still needed stays."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import pytest

from otel_llm.budget.ledger import Balance, Call, Counter, Limit, Line, Reservation, TraceRow, Unit, Usage
from otel_llm.extensions.store import StoreConfig
from otel_llm.store.retention import Retention
from otel_llm.store.store import open_store

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from otel_llm.store.store import Store

DAY_MS: Final = 86_400_000
NOW: Final = 20_000 * DAY_MS + DAY_MS // 2
COUNTER: Final = Counter("models/m/daily_usd", "", "total")


@pytest.fixture(params=["sqlite", "postgres"])
async def store(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Store]:
    """Open an empty store."""
    if request.param == "sqlite":
        url = f"sqlite:///{tmp_path}/store.db"
    else:
        url = request.getfixturevalue("postgres").new_database()
    store = open_store(url)
    await store.database.start()
    yield store
    await store.database.shutdown()


def call(number: int, at_ms: int) -> Call:
    """Return a call of 1 pico-USD."""
    row = TraceRow(number.to_bytes(16, "big"), b"span----", start_ms=at_ms, end_ms=at_ms)
    return Call(row, Usage(1), (Line(COUNTER, Unit.USD),))


async def count(store: Store, table: str) -> int:
    """Return how many rows a table has."""
    ((rows,),) = await store.ask(f"SELECT count(*) FROM {table}")
    return int(rows)


async def run(store: Store, now_ms: int) -> None:
    """Remove what is old by then."""
    await Retention(store, StoreConfig().retention.model_dump(), lambda: now_ms / 1000).run()


async def test_old_calls_go_and_what_was_spent_stays(store: Store) -> None:
    """Calls go day by day, ids later than any call may come again; the ledger is kept."""
    for day in range(0, 60, 10):
        at = NOW + day * DAY_MS
        await run(store, at)
        await store.ledger.ingest([call(day * 1000 + each, at) for each in range(600)], at)
    await run(store, NOW + 51 * DAY_MS)
    balances = await store.ledger.balances([COUNTER])

    assert 3 * 600 == await count(store, "llm_traces")
    assert 600 == await count(store, "sightings")
    assert {COUNTER: Balance(6 * 600)} == balances
    assert {} == await store.ledger.drift()


async def test_a_call_that_is_sent_again(store: Store) -> None:
    """It is charged once for as long as its id is kept, and again after that, as the README says (G14)."""
    for day in (0, 6, 8):
        await run(store, NOW + day * DAY_MS)
        await store.ledger.ingest([call(1, NOW)], NOW + day * DAY_MS)
        assert {COUNTER: Balance(2 if day > 7 else 1)} == await store.ledger.balances([COUNTER])


async def test_holds_go_when_they_are_over(store: Store) -> None:
    """What is still held is not forgotten, however old."""
    limits = (Limit(COUNTER, Unit.USD, 1, 10, COUNTER.period),)
    for each in "ab":
        await store.ledger.reserve(Reservation(each, NOW, NOW + 1000, limits))
    await store.ledger.release("a", NOW)
    await run(store, NOW + 60 * DAY_MS)

    assert [("b",)] == await store.ask("SELECT id FROM holds")


async def test_a_late_call_has_a_place(store: Store) -> None:
    """A day that has no partition any more, or none yet, is no reason to lose a call."""
    await run(store, NOW)
    await store.ledger.ingest([call(1, NOW - 90 * DAY_MS), call(2, NOW + 9 * DAY_MS)], NOW)
    await run(store, NOW + 9 * DAY_MS)

    assert 1 == await count(store, "llm_traces")
