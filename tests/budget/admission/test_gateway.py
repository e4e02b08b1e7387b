"""Gateways whose budgets are decided in Valkey."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any, Final

import aiohttp
import pytest

from otel_llm.config import load_config
from otel_llm.errors import ConfigError
from otel_llm.host import Host
from otel_llm.registry import Registry
from tests.budget.rig import COMPONENTS, CONFIG, endpoint, gateway
from tests.valkey_server import ValkeyServer

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator
    from pathlib import Path

CALL: Final = {"model": "gpt-4o", "input_tokens": 1000, "max_output_tokens": 100}
"""It may cost 0.0035 USD."""


@pytest.fixture
def server(tmp_path: Path) -> Iterator[ValkeyServer]:
    """A Valkey server of the test's own, which it may kill."""
    own = ValkeyServer(tmp_path)
    yield own
    own.kill()


class Asked:
    """A gateway, asked over HTTP."""

    def __init__(self, host: Host, session: aiohttp.ClientSession) -> None:
        self.host = host
        self._session = session
        self._url = endpoint(host, "extensions.budgets.http")

    async def post(self, path: str, body: dict[str, Any]) -> tuple[int, dict[str, Any]]:
        """Return the status and what is said."""
        async with self._session.post(f"{self._url}/v1/budget/{path}", json=body) as answer:
            return answer.status, await answer.json()

    async def reserve(self, name: str) -> int:
        """Return the status of a reservation."""
        return (await self.post("reserve", {**CALL, "reservation_id": name}))[0]

    async def day(self) -> tuple[str, str]:
        """Return what is settled and what is held."""
        async with self._session.get(f"{self._url}/v1/budgets") as answer:
            (found,) = (await answer.json())["budgets"]
        return found["settled_usd"], found["held_usd"]


@asynccontextmanager
async def asked(directory: Path, budgets: str, postgres: str, valkey: str) -> AsyncIterator[Asked]:
    """Run a gateway on a store with a Valkey server in front."""
    directory.mkdir(exist_ok=True)
    admission = f'url: "{postgres}", admission: {{url: "{valkey}", timeout: 20s, grace: 300ms}}}}'
    async with (
        gateway(directory, budgets, postgres, change=(f'url: "{postgres}"}}', admission)) as host,
        aiohttp.ClientSession() as session,
    ):
        yield Asked(host, session)


async def test_replicas_decide_together(tmp_path: Path, request: pytest.FixtureRequest, valkey: ValkeyServer) -> None:
    """Of thirty calls at three gateways eight fit, whichever they were; each may be settled at another one."""
    postgres, place = request.getfixturevalue("postgres").new_database(), valkey.new_url()
    text = "models: {gpt-4o: {daily_usd: 0.028}}"
    async with (
        asked(tmp_path / "a", text, postgres, place) as one,
        asked(tmp_path / "b", text, postgres, place) as two,
        asked(tmp_path / "c", text, postgres, place) as three,
    ):
        gateways = [one, two, three]
        names = [f"r{number}" for number in range(30)]
        statuses = await asyncio.gather(*(gateways[n % 3].reserve(name) for n, name in enumerate(names)))
        granted = [name for name, status in zip(names, statuses, strict=True) if status == 200]
        for number, name in enumerate(granted):
            body = {"reservation_id": name, "input_tokens": 1000, "output_tokens": 100}
            assert 200 == (await gateways[number % 3].post("settle", body))[0]
        stands = [await each.day() for each in gateways]

    assert {200: 8, 429: 22} == {status: statuses.count(status) for status in set(statuses)}
    assert [("0.028", "0")] * 3 == stands


@pytest.mark.parametrize(("policy", "status"), [("open", 200), ("closed", 503), ("share", 429)])
async def test_the_server_is_killed(
    tmp_path: Path, request: pytest.FixtureRequest, server: ValkeyServer, policy: str, status: int
) -> None:
    """Each budget says what then becomes of its calls, which is counted; when it is back all is as it was (G1, G2)."""
    postgres = request.getfixturevalue("postgres").new_database()
    text = f"models: {{gpt-4o: {{daily_usd: 0.0107, on_store_error: {policy}}}}}"
    async with asked(tmp_path / "gateway", text, postgres, server.new_url()) as budgets:
        before = [await budgets.reserve(name) for name in ("settled", "held")]
        server.kill()
        away = [await budgets.reserve(f"away{number}") for number in range(4)]
        settled = await budgets.post("settle", {"reservation_id": "settled", "cost_usd": "0.003"})
        counted = budgets.host.meter.value("budget_store_away_total", policy=policy)
        server.start()
        after = [await back(budgets, name) for name in ("fits", "over")]
        stands = await budgets.day()

    assert [200, 200] == before
    assert [status] * 4 == away
    assert 4 == counted
    assert (200, "0.003") == (settled[0], settled[1]["charged_usd"])
    assert [200, 429] == after
    assert ("0.003", "0.007") == stands


async def back(budgets: Asked, name: str) -> int:
    """Return what is decided, once it is decided with the server."""
    async with asyncio.timeout(60):
        while True:
            status, said = await budgets.post("reserve", {**CALL, "reservation_id": name})
            if said.get("state") in {"ok", "warn"} or said.get("settled_usd", "0") != "0":
                return status
            await asyncio.sleep(0.1)


@pytest.mark.parametrize(
    ("url", "problem"),
    [
        ("sqlite:///store.db", "extensions.store.admission: is for PostgreSQL"),
        ("postgresql://localhost/db", "extensions.store.admission: must be valkey://HOST"),
    ],
)
def test_a_mistake_in_the_config(tmp_path: Path, url: str, problem: str) -> None:
    """It is said where it is."""
    tmp_path.joinpath("budgets.yml").write_text("models: {}")
    text = CONFIG.format(directory=tmp_path, url=url).replace(
        f'url: "{url}"}}', f'url: "{url}", admission: {{url: "http://localhost"}}}}'
    )
    with pytest.raises(ConfigError, match=problem):
        Host(load_config(text, registry=Registry(COMPONENTS)))
