"""What only an admission server does to a ledger: being lost, being old, being away, and coming back."""

from __future__ import annotations

import asyncio
import os
import shutil
import signal
from contextlib import AsyncExitStack, asynccontextmanager
from typing import TYPE_CHECKING, Any

import pytest

from otel_llm.budget.ledger import (
    Balance,
    Denied,
    Granted,
    HoldState,
    Reservation,
    SettleState,
    Usage,
)
from otel_llm.errors import ConfigError, Retryable, StartError
from otel_llm.store.store import open_store
from tests.budget.one_day import DAY, NANO, NOW, TTL, call, reservation
from tests.budget.stores import open_admitted
from tests.valkey_server import ValkeyServer

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator
    from pathlib import Path

    from otel_llm.store.store import Store


@asynccontextmanager
async def opened(store: Store) -> AsyncIterator[Store]:
    """Open a store."""
    await store.start()
    try:
        yield store
    finally:
        await store.shutdown()


@pytest.fixture
def server(tmp_path: Path) -> Iterator[ValkeyServer]:
    """A Valkey server of the test's own, which it may kill."""
    own = ValkeyServer(tmp_path)
    yield own
    own.kill()


@pytest.fixture
def database(request: pytest.FixtureRequest) -> str:
    """Return the URL of an empty database."""
    return str(request.getfixturevalue("postgres").new_database())


async def test_replicas_that_start_cold(database: str, valkey: ValkeyServer) -> None:
    """Each takes what is spent from the truth, none adds it to what another has taken (LiteLLM 28247, 30460; G5)."""
    place = valkey.new_url()
    async with opened(open_store(database)) as truth:
        await truth.ledger.ingest([call(1, 90)], NOW)
    async with AsyncExitStack() as stack:
        replicas = [await stack.enter_async_context(opened(open_admitted(database, place))) for _ in range(4)]
        fits = await asyncio.gather(*(each.ledger.reserve(reservation("fits", 10)) for each in replicas))
        more = await asyncio.gather(*(each.ledger.reserve(reservation(f"r{n}", 1)) for n, each in enumerate(replicas)))

    assert [False, True, True, True] == sorted(each.replayed for each in fits if isinstance(each, Granted))
    assert [Denied] * 4 == [type(each) for each in more]


@pytest.mark.parametrize(
    "damage",
    [
        ("FLUSHALL",),
        ("SET", "{tag}:epoch", "nonsense"),
        ("RPUSH", "{counter}", "x"),
        ("HSET", "{counter}", "from", "0"),
    ],
)
async def test_a_state_that_somebody_has_changed(database: str, server: ValkeyServer, damage: tuple[str, ...]) -> None:
    """It is put together from the truth, with what is held: no call is let in that does not fit (G10)."""
    async with opened(open_admitted(database, server.new_url())) as store:
        ledger = store.ledger
        await ledger.ingest([call(1, 30)], NOW)
        await ledger.reserve(reservation("held", 60))
        await ledger.balances([DAY])  # so that it has been written down
        names = {"tag": server.tag, "counter": server.keys(":c:")[0]}
        if "{counter}" in damage and damage[0] != "HSET":
            server.command("DEL", names["counter"])
        server.command(*(word.format(**names) for word in damage))
        if "{counter}" in damage:
            server.command("HSET", names["counter"], f"s:{DAY.period}", "nan")
        verdicts = [await decided(store, reservation("over", 11)), await decided(store, reservation("fits", 10))]

    assert [Denied, Granted] == [type(each) for each in verdicts]


async def decided(store: Store, wanted: Reservation) -> Any:
    """Return what is decided, once something is."""
    async with asyncio.timeout(60):
        while True:
            try:
                return await store.ledger.reserve(wanted)
            except Retryable:
                await asyncio.sleep(0.05)


async def test_a_server_that_restarts_with_an_old_copy(database: str, tmp_path: Path) -> None:
    """What it remembers is of another run, and not believed (LiteLLM 30684, 34238; G9)."""
    server = ValkeyServer(tmp_path)
    try:
        async with opened(open_admitted(database, server.new_url())) as store:
            await store.ledger.reserve(reservation("first", 10))
            server.command("SAVE")
            shutil.copy(tmp_path / "dump.rdb", tmp_path / "old.rdb")
            await store.ledger.reserve(reservation("second", 80))
            await store.ledger.settle("second", Usage(80 * NANO), NOW)
            server.kill()
            shutil.copy(tmp_path / "old.rdb", tmp_path / "dump.rdb")
            server.start()
            assert b"+OK" == server.command("CONFIG", "SET", "timeout", "0")
            kept = server.keys(":c:")
            verdicts = [await decided(store, reservation("over", 11)), await decided(store, reservation("fits", 10))]
    finally:
        server.kill()

    assert kept
    assert [Denied, Granted] == [type(each) for each in verdicts]


async def test_a_server_that_is_killed(database: str, server: ValkeyServer) -> None:
    """Nothing is decided while it is away, settling goes on, and it comes back knowing what is held (LiteLLM 42653)."""
    async with opened(open_admitted(database, server.new_url())) as store:
        await store.ledger.reserve(reservation("settled", 20))
        await store.ledger.reserve(reservation("held", 50))
        server.kill()
        for number in range(5):
            with pytest.raises(Retryable, match="admission is away"):
                await store.ledger.reserve(reservation(f"away{number}", 1))
        settled = await store.ledger.settle("settled", Usage(10 * NANO), NOW)
        server.start()
        verdicts = [await decided(store, reservation("over", 41)), await decided(store, reservation("fits", 40))]
        stands = await store.ledger.balances([DAY])

    assert SettleState.SETTLED is settled.state
    assert [Denied, Granted] == [type(each) for each in verdicts]
    assert {DAY: Balance(10 * NANO, 90 * NANO)} == stands


async def test_a_server_that_is_not_there_at_the_start(database: str, tmp_path: Path) -> None:
    """The gateway starts without it, grants nothing alone, and finds it when it comes (LiteLLM 42653)."""
    server = ValkeyServer(tmp_path)
    server.kill()
    try:
        async with opened(open_admitted(database, server.new_url())) as store:
            with pytest.raises(Retryable, match="admission is away"):
                await store.ledger.reserve(reservation("early", 1))
            server.start()
            verdict = await decided(store, reservation("late", 1))
    finally:
        server.kill()

    assert isinstance(verdict, Granted)


async def test_nothing_is_granted_until_all_is_written_down(database: str, server: ValkeyServer) -> None:
    """After a loss every gateway has a while to write down what it had granted, before any counts on it."""
    place = server.new_url()
    one, other = (open_admitted(database, place, grace_s=0.5) for _ in range(2))
    async with opened(one), opened(other):
        blocked = asyncio.Event()
        free = asyncio.Event()

        async def wait_for_it() -> None:
            blocked.set()
            await free.wait()

        write = one.ledger._behind._write  # type: ignore[attr-defined]  # how slow a database is, is up to the test

        async def slow(holds: Any) -> None:
            await wait_for_it()
            await write(holds)

        one.ledger._behind._write = slow  # type: ignore[attr-defined]  # as above
        assert isinstance(await one.ledger.reserve(reservation("granted", 60)), Granted)
        await blocked.wait()
        server.command("FLUSHALL")
        with pytest.raises(Retryable, match="put together"):
            await other.ledger.reserve(reservation("too early", 60))
        free.set()
        verdict = await decided(other, reservation("over", 60))

    assert isinstance(verdict, Denied)


async def test_an_answer_that_was_lost(database: str, server: ValkeyServer) -> None:
    """Who asks again is told the same, and what is held is written down, so that a loss does not lose it (G8)."""
    async with opened(open_admitted(database, server.new_url())) as store:
        never_heard = store.ledger._behind  # type: ignore[attr-defined]  # what an answer would have led to
        add, never_heard.add = never_heard.add, lambda _hold: None
        await store.ledger.reserve(reservation("r", 60))
        never_heard.add = add
        again = await store.ledger.reserve(reservation("r", 60))
        await store.ledger.balances([DAY])  # so that it has been written down
        server.command("FLUSHALL")
        verdict = await decided(store, reservation("over", 60))

    assert isinstance(again, Granted)
    assert again.replayed
    assert isinstance(verdict, Denied)


async def test_calls_that_cost_nothing(database: str, valkey: ValkeyServer, caplog: pytest.LogCaptureFixture) -> None:
    """They are held and settled like any other."""
    async with opened(open_admitted(database, valkey.new_url())) as store:
        for each in ("settled", "released"):
            await store.ledger.reserve(reservation(each, 0))
        await store.ledger.settle("settled", Usage(), NOW)
        await store.ledger.release("released", NOW)
        again = await store.ledger.reserve(reservation("settled", 0))

    assert isinstance(again, Granted)
    assert again.replayed
    assert not [each for each in caplog.records if each.name.endswith("admission.server")]


async def test_a_server_that_hangs(database: str, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """Nobody waits for it: questions end in time, then none is asked for a while; it is said once (LiteLLM 35273)."""
    server = ValkeyServer(tmp_path)
    try:
        store = open_store(database).admitting(server.new_url(), timeout_s=0.3, grace_s=0.1)
        async with opened(store):
            os.kill(server.pid, signal.SIGSTOP)
            for number in range(8):
                with pytest.raises(Retryable, match="admission is away"):
                    await store.ledger.reserve(reservation(f"r{number}", 1))
            os.kill(server.pid, signal.SIGCONT)
            assert isinstance(await decided(store, reservation("again", 1)), Granted)
    finally:
        server.kill()

    said = [each.getMessage() for each in caplog.records if each.name.endswith("admission.server")]
    assert [
        "admission is away: calls are decided on as on_store_error of their budgets says",
        "admission is back",
    ] == said


async def test_a_proxy_that_refuses_to_keep_scripts(database: str, valkey: ValkeyServer) -> None:
    """The script itself is sent where its digest is not known (LiteLLM 32232)."""
    async with opened(open_admitted(database, valkey.new_url())) as store:
        await store.ledger.reserve(reservation("first", 60))
        assert b"+OK" == valkey.command("SCRIPT", "FLUSH")

        assert isinstance(await store.ledger.reserve(reservation("second", 60)), Denied)


async def test_a_hold_that_nobody_has_heard_of_for_a_while(database: str, valkey: ValkeyServer) -> None:
    """When it expires, what is spent is read from the truth, where a gateway may have settled it and died (G4)."""
    place = valkey.new_url()
    async with opened(open_admitted(database, place)) as store, opened(open_store(database)) as died:
        await store.ledger.reserve(reservation("settled elsewhere", 60))
        await store.ledger.balances([DAY])  # so that it has been written down
        await died.ledger.settle("settled elsewhere", Usage(60 * NANO), NOW)
        before = await store.ledger.reserve(reservation("before", 60))
        after = await store.ledger.reserve(reservation("after", 60, at=NOW + TTL))
        fits = await store.ledger.reserve(reservation("fits", 40, at=NOW + TTL))

    assert [Denied, Denied, Granted] == [type(each) for each in (before, after, fits)]


async def test_calls_that_reserved_nothing_elsewhere(database: str, valkey: ValkeyServer) -> None:
    """What a gateway has charged, and could not say, is found out after ten seconds (G9)."""
    async with opened(open_admitted(database, valkey.new_url())) as store, opened(open_store(database)) as died:
        first = await store.ledger.reserve(reservation("first", 10))
        await died.ledger.ingest([call(1, 90)], NOW)
        late = await store.ledger.reserve(reservation("late", 10, at=NOW + 10_001))

    assert [Granted, Denied] == [type(each) for each in (first, late)]


async def test_settled_by_another_gateway_at_once(database: str, valkey: ValkeyServer) -> None:
    """A hold that its gateway has not written down yet is known to all through the server."""
    place = valkey.new_url()
    one, other = open_admitted(database, place, grace_s=60), open_admitted(database, place, grace_s=60)
    await one.database.start()
    await other.database.start()
    build = one.ledger._is_ready  # type: ignore[attr-defined]  # without the grace, which is for others
    await build(b"lost")
    try:
        held = asyncio.Event()

        async def never(_holds: Any) -> None:
            await held.wait()

        one.ledger._behind._write = never  # type: ignore[attr-defined]  # it dies before it can
        await one.ledger.reserve(reservation("r", 60))
        found = await other.ledger.hold("r")
        settled = await other.ledger.settle("r", Usage(50 * NANO), NOW)
        held.set()
        stands = await other.ledger.balances([DAY])
    finally:
        await one.shutdown()
        await other.shutdown()

    assert found is not None
    assert HoldState.HELD is found.state
    assert SettleState.SETTLED is settled.state
    assert {DAY: Balance(50 * NANO)} == stands


async def test_a_server_that_throws_keys_away(database: str, tmp_path: Path) -> None:
    """It is refused: a key that is gone would be a limit that is."""
    server = ValkeyServer(tmp_path, "--maxmemory-policy", "allkeys-lru")
    store = open_admitted(database, server.new_url())
    try:
        with pytest.raises(StartError, match="throws keys away"):
            await store.start()
    finally:
        await store.shutdown()
        server.kill()


@pytest.mark.parametrize("url", ["http://127.0.0.1", "valkey:///0", "valkey://127.0.0.1:port", "nothing"])
def test_urls_that_are_none(database: str, url: str) -> None:
    """They are refused."""
    with pytest.raises(ConfigError):
        open_admitted(database, url)


def test_sqlite_needs_none(tmp_path: Path) -> None:
    """A server in front of SQLite is a mistake."""
    with pytest.raises(ConfigError, match="is for PostgreSQL"):
        open_store(f"sqlite:///{tmp_path}/store.db").admitting("valkey://127.0.0.1", timeout_s=1, grace_s=1)
