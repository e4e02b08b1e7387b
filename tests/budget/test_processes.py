"""Several processes on one ledger, some of which are killed; and gateways that are."""

from __future__ import annotations

import asyncio
import random
import sys
import time
from contextlib import AsyncExitStack, asynccontextmanager
from functools import partial
from typing import TYPE_CHECKING, Any

import aiohttp
import pytest

from bench.spender import SHARED, USED
from otel_llm import semconv
from otel_llm.budget.ledger import Balance
from otel_llm.store.store import open_store
from otel_llm.testing import make_request
from tests.budget.rig import CONFIG, gateway, send
from tests.budget.stores import open_admitted, places
from tests.e2e.program import ROOT, eventually, free_port, run
from tests.valkey_server import ValkeyServer

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from otel_llm.store.store import Store

HELD = 1_000
LIMIT = 60_000
BUDGETS = "models: {gpt-4o: {daily_usd: 9}}\nroutes: {bot: {per_user_daily_usd: 9, daily_tokens: 90000}}"


@pytest.fixture(params=["sqlite", "postgres", "postgres+valkey"])
def urls(request: pytest.FixtureRequest, tmp_path: Path) -> tuple[str, str]:
    """Return the URLs of an empty store and of what is in front of it, if anything is."""
    postgres, valkey = places(request.param, request)
    return postgres or f"sqlite:///{tmp_path}/store.db", valkey


@asynccontextmanager
async def opened(url: str, admission: str = "") -> AsyncIterator[Store]:
    """Open a store."""
    store = open_admitted(url, admission, grace_s=0.2) if admission else open_store(url)
    await store.start()
    yield store
    await store.shutdown()


async def start(urls: tuple[str, str], processes: int = 1) -> asyncio.subprocess.Process:
    """Start processes that spend."""
    url, *admission = filter(None, urls)
    command = [sys.executable, "-m", "bench.spender", str(processes), url, "1000", str(LIMIT), *admission]
    return await asyncio.create_subprocess_exec(*command, cwd=ROOT, stdout=asyncio.subprocess.PIPE)


@pytest.mark.parametrize("count", [1, 4, 16])
async def test_processes_never_pass_a_limit(urls: tuple[str, str], count: int) -> None:
    """One, four and sixteen of them, until each is refused: no overshoot, and as much is settled as they say (G7)."""
    url = urls[0]
    output, _ = await (await start(urls, count)).communicate()
    async with opened(url) as store:
        balances = await store.ledger.balances([SHARED])
        drift = await store.ledger.drift()

    settled = USED * len(output.splitlines())
    assert {SHARED: Balance(settled)} == balances
    assert LIMIT - HELD < settled <= LIMIT
    assert {} == drift


async def test_the_server_that_decides_is_killed(request: pytest.FixtureRequest, tmp_path: Path) -> None:
    """While four processes spend, and comes back with nothing: no overshoot, and nothing that was settled is lost."""
    server = ValkeyServer(tmp_path)
    postgres = request.getfixturevalue("postgres").new_database()
    try:
        processes = await start((postgres, server.new_url()), 4)
        assert processes.stdout is not None
        said = [await processes.stdout.readline() for _ in range(10)]
        server.kill()
        server.start()
        said += (await processes.stdout.read()).splitlines()
        await processes.wait()
    finally:
        server.kill()
    async with opened(postgres) as store:
        (stands,) = (await store.ledger.balances([SHARED])).values()
        drift = await store.ledger.drift()

    assert Balance(USED * len(said)) == stands
    assert LIMIT - HELD < stands.settled <= LIMIT
    assert {} == drift


async def test_a_client_that_is_killed(urls: tuple[str, str]) -> None:
    """What it had settled stays; what it held is given back in time, and nothing else is missing (G4)."""
    process = await start(urls)
    assert process.stdout is not None
    said = [await process.stdout.readline() for _ in range(10)]
    process.kill()
    rest = await process.stdout.read()
    await process.wait()
    lines = len(said) + rest.count(b"\n")
    async with opened(*urls) as store:
        (before,) = (await store.ledger.balances([SHARED])).values()
        await store.ledger.expire(time.time_ns() // 10**6 + 3_600_001)
        (after,) = (await store.ledger.balances([SHARED])).values()
        drift = await store.ledger.drift()

    assert before.held in (0, HELD)
    assert 0 == after.held
    assert after.settled in (lines * USED, (lines + 1) * USED)  # settled, and killed before it could say so
    assert {} == drift


def bodies() -> list[bytes]:
    """Return requests with calls of several users, some of them seen twice, under several parents."""
    now = time.time_ns()
    made = []
    for number in range(12):
        call: dict[str, Any] = {
            "gen_ai.operation.name": "chat",
            "gen_ai.provider.name": "openai",
            "gen_ai.request.model": "gpt-4o",
            "gen_ai.response.model": "gpt-4o",
            "gen_ai.response.id": f"resp-{number % 10}",
            "gen_ai.usage.input_tokens": 100,
            "gen_ai.usage.output_tokens": 10,
            semconv.ROUTE: "bot",
            semconv.USER_KEY: f"k:{number % 10 % 3}",
        }
        body = make_request(call, start_time_unix_nano=now)
        made.append(body.replace(bytes(range(1, 17)), bytes([number + 1] * 16)))
    return made


async def test_two_gateways_and_a_stream_sent_three_times(tmp_path: Path, request: pytest.FixtureRequest) -> None:
    """Shuffled, to either of two gateways on one store: the ledger is that of one gateway that saw it once (G3, G5)."""
    postgres = request.getfixturevalue("postgres")
    stream = bodies()
    once, thrice = postgres.new_database(), postgres.new_database()
    async with gateway(tmp_path, BUDGETS, once) as alone:
        for body in stream:
            await send(alone, body)
    async with AsyncExitStack() as stack:
        both = [await stack.enter_async_context(gateway(tmp_path, BUDGETS, thrice)) for _ in range(2)]
        order = random.Random(7)
        for body in order.sample(stream * 3, 36):
            await send(order.choice(both), body)
    ledgers = []
    for each in (once, thrice):
        async with opened(each) as store:
            ledgers.append(
                await store.ask("SELECT budget, subject, period, settled, held FROM counters ORDER BY budget, subject")
            )
            assert {} == await store.ledger.drift()

    assert ledgers[0] == ledgers[1]
    assert 5 == len(ledgers[0])
    assert [10 * 110] == [row[3] for row in ledgers[0] if row[0] == "routes/bot/daily_tokens"]


async def test_a_gateway_that_is_killed(tmp_path: Path) -> None:
    """What it had acknowledged is charged after its restart, once, whether it had been before or not."""
    url = f"sqlite:///{tmp_path}/store.db"
    tmp_path.joinpath("budgets.yml").write_text(BUDGETS)
    port = free_port()
    config = CONFIG.format(directory=tmp_path, url=url).replace("127.0.0.1:0", f"127.0.0.1:{port}", 1)
    config = config.replace("extensions:\n", f"extensions:\n  storage: {{directory: '{tmp_path}/state'}}\n", 1)
    path = tmp_path / "config.yaml"
    path.write_text(config.replace("[store, budgets]", "[storage, store, budgets]"))
    command = [sys.executable, "-m", "otel_llm", "run", "--config", str(path)]
    stream = bodies()
    for half in (stream[:6], stream[6:]):
        async with run(command, tmp_path / "log") as program:
            await eventually(partial(_accepts, port, half[0]), "the gateway listened", program, 60)
            for body in half:
                assert await _accepts(port, body)
            await program.kill()
    async with run(command, tmp_path / "log") as program, opened(url) as store:

        async def all_of_them() -> bool | None:
            rows = await store.ask("SELECT count(*) FROM llm_traces")
            return True if rows == [(12,)] else None

        await eventually(all_of_them, "all calls were stored", program, 60)
        rows = await store.ask("SELECT settled FROM counters WHERE budget = ?", ("routes/bot/daily_tokens",))
        assert {} == await store.ledger.drift()

    assert [(10 * 110,)] == rows


async def _accepts(port: int, body: bytes) -> bool | None:
    headers = {"Content-Type": "application/x-protobuf"}
    try:
        async with (
            aiohttp.ClientSession(headers=headers) as session,
            session.post(f"http://127.0.0.1:{port}/v1/traces", data=body) as answer,
        ):
            return answer.status == 200
    except aiohttp.ClientError:
        return None
