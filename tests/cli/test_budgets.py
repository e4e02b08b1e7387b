"""The commands about budgets, on a store that a gateway has filled."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
import time
from typing import TYPE_CHECKING, Any

import aiohttp
import pytest

from otel_llm import semconv
from otel_llm.digest import Digests
from otel_llm.testing import make_request
from tests import model_call
from tests.budget.rig import CONFIG, endpoint, gateway, send

if TYPE_CHECKING:
    from pathlib import Path

BUDGETS = "models: {gpt-4o: {daily_usd: 0.01, tpm: 5000}}\nroutes: {bot: {per_user_daily_usd: 0.004}}\n"
ADA = Digests(b"a key of the tests").of("user", "Ada")
CALL: dict[str, Any] = {**model_call.CALL, semconv.ROUTE: "bot", semconv.USER_KEY: ADA}


@pytest.fixture(scope="module")
def config(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the config of a gateway that has seen two calls and one reservation."""
    directory = tmp_path_factory.mktemp("budgets")

    async def fill() -> None:
        other = {**CALL, "gen_ai.request.model": "gpt-4o-mini", semconv.USER_KEY: "k:other"}
        first = {**CALL, semconv.RESERVATION_ID: "r1"}
        reserve = {"reservation_id": "r1", "model": "gpt-4o", "input_tokens": 1000, "max_output_tokens": 100}
        async with gateway(directory, BUDGETS) as host, aiohttp.ClientSession() as session:
            url = f"{endpoint(host, 'extensions.budgets.http')}/v1/budget/reserve"
            async with session.post(url, json={**reserve, "dimensions": {"route": "bot", "user": "Ada"}}):
                pass
            await send(host, make_request(first, other, start_time_unix_nano=time.time_ns()))

    asyncio.run(fill())
    path = directory / "config.yaml"
    path.write_text(CONFIG.format(directory=directory, url=f"sqlite:///{directory}/store.db"))
    return path


def otel_llm(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    """Run a command to its end."""
    command = [sys.executable, "-m", "otel_llm", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)


def answer(*arguments: str | Path) -> Any:
    """Return the JSON that a command prints."""
    done = otel_llm(*arguments, "--json")
    assert (0, "") == (done.returncode, done.stderr)
    return json.loads(done.stdout)


def test_budgets(config: Path) -> None:
    """What was settled, what is held, and the limit, as the service has it; and as a table."""
    rows = {row["id"]: row for row in answer("budgets", "--config", config)["budgets"]}
    table = otel_llm("budgets", "--config", config).stdout

    assert ("0.0035", "0", "0.01", "ok") == tuple(
        rows["models/gpt-4o/daily_usd"][key] for key in ("settled_usd", "held_usd", "limit_usd", "state")
    )
    assert (1100, "tokens") == (rows["models/gpt-4o/tpm"]["settled"], rows["models/gpt-4o/tpm"]["unit"])
    assert "warn" == rows[f"routes/bot/per_user_daily_usd/u:{ADA}"]["state"]
    assert "$0.0035" in table
    assert "35%" in table


def test_spend(config: Path) -> None:
    """By any dimension, the most expensive first, with amounts as decimal texts."""
    assert [
        {"model": "gpt-4o", "calls": 1, "input_tokens": 1000, "output_tokens": 100, "cost_usd": "0.0035"},
        {"model": "gpt-4o-mini", "calls": 1, "input_tokens": 1000, "output_tokens": 100, "cost_usd": "0.00021"},
    ] == answer("spend", "--by", "model", "--config", config)
    assert [
        {"route": "bot", "tenant": None, "calls": 2, "input_tokens": 2000, "output_tokens": 200, "cost_usd": "0.00371"}
    ] == answer("spend", "--by", "route,tenant", "--since", "30d", "--config", config)
    assert [] == answer("spend", "--since", "0s", "--config", config)


def test_explain(config: Path) -> None:
    """What a reservation held, and what it led to."""
    explained = answer("budgets", "explain", "r1", "--config", config)

    assert ("charged", "gpt-4o", "0.0035") == tuple(explained[key] for key in ("state", "model", "charged_usd"))
    assert {"0.0035 USD", "1100 tokens"} == {each["amount"] for each in explained["held"]}
    assert {"charge"} == {each["kind"] for each in explained["ledger"]}
    assert "charged" in otel_llm("budgets", "explain", "r1", "--config", config).stdout
    assert 1 == otel_llm("budgets", "explain", "nobody's", "--config", config).returncode


def test_recost(config: Path) -> None:
    """A corrected price is charged by new lines of the ledger, once, and nothing else is changed (G13)."""
    other = config.with_name("corrected.yaml")
    price = "{provider: '*', model: gpt-4o, usd_per_million: {input: 5, output: 10}}"
    other.write_text(config.read_text().replace("cost: {}", f"cost: {{prices: {{overrides: [{price}]}}}}"))
    first, second = (answer("prices", "recost", "--since", "1d", "--config", other) for _ in range(2))
    after = {
        row["id"]: row["settled_usd"] for row in answer("budgets", "--config", config)["budgets"] if "limit_usd" in row
    }
    lines = answer("budgets", "explain", "r1", "--config", config)["ledger"]
    back = otel_llm("prices", "recost", "--since", "1d", "--config", config)

    assert [{"model": "gpt-4o", "calls": 1, "difference_usd": "0.0025"}] == first
    assert [] == second
    assert {
        "models/gpt-4o/daily_usd": "0.006",
        f"routes/bot/per_user_daily_usd/u:{ADA}": "0.006",
        "routes/bot/per_user_daily_usd/u:k:other": "0.00021",
    } == after
    assert ["0.0025 USD", "0.0025 USD"] == [each["amount"] for each in lines if each["kind"] == "recost"]
    assert 0 == back.returncode
    assert ["gpt-4o", "1", "-0.0025"] == back.stdout.splitlines()[-1].split()


@pytest.mark.parametrize(
    "wrong",
    [
        ["spend", "--by", "colour"],
        ["spend", "--since", "soon"],
        ["prices", "recost", "--since", "soon"],
        ["erase"],
        ["erase", "--user", "a", "--user-key", "b"],
    ],
    ids=" ".join,
)
def test_what_cannot_be_done(config: Path, wrong: list[str]) -> None:
    """It is said, with status 2."""
    done = otel_llm(*wrong, "--config", config)

    assert 2 == done.returncode
    assert done.stderr.startswith("error: ")


def test_erase(config: Path) -> None:
    """A user's calls are gone, and the name; what was spent is not."""
    assert {"calls": 1} == answer("erase", "--user", "Ada", "--config", config)
    assert {"calls": 0} == answer("erase", "--user-key", ADA, "--config", config)
    rows = {row["id"]: row for row in answer("budgets", "--config", config)["budgets"]}

    assert "0.0035" == rows["models/gpt-4o/daily_usd"]["settled_usd"]
    assert ["0.00021", "0.0035"] == sorted(
        row["settled_usd"] for id_, row in rows.items() if id_.startswith("routes/bot/per_user_daily_usd/")
    )
    assert not any(ADA in id_ for id_ in rows)
