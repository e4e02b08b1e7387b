"""Spans come in, and are charged to the budgets that they are for."""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING, Any

import apsw
import pytest

from otel_llm import semconv
from otel_llm.budget.ledger import Balance
from otel_llm.config import load_config
from otel_llm.errors import ConfigError
from otel_llm.host import Host
from otel_llm.registry import Registry
from otel_llm.store.store import open_store
from otel_llm.testing import make_request
from tests import model_call
from tests.budget.rig import COMPONENTS, CONFIG, gateway, post, send

if TYPE_CHECKING:
    from pathlib import Path

BUDGETS = """
models: {gpt-4o: {daily_usd: 0.01}}
routes: {bot: {per_user_daily_usd: 0.004, daily_tokens: 5000}}
environments: {eval: {daily_usd: 1}}
"""
CALL: dict[str, Any] = {**model_call.CALL, semconv.ROUTE: "bot", semconv.USER_KEY: "k1:aa"}
COST = model_call.COST_PICO_USD


def attributes(directory: Path) -> list[dict[str, Any]]:
    """Return the attributes of all spans that were sent on, as texts."""
    lines = [json.loads(line) for line in directory.joinpath("out.jsonl").read_text().splitlines()]
    spans = [
        span
        for line in lines
        for resource in line["resourceSpans"]
        for scope in resource["scopeSpans"]
        for span in scope["spans"]
    ]
    return [{pair["key"]: next(iter(pair["value"].values())) for pair in span["attributes"]} for span in spans]


async def spent(url: str) -> dict[str, Balance]:
    """Return what the store says was spent, by budget and subject."""
    store = open_store(url)
    await store.database.start()
    rows = await store.ask("SELECT budget, subject, settled, held FROM counters WHERE settled <> 0")
    await store.database.shutdown()
    return {f"{budget} {subject}".strip(): Balance(settled, held) for budget, subject, settled, held in rows}


@pytest.fixture(params=["sqlite", "postgres"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """Return the URL of an empty store."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path}/store.db"
    return str(request.getfixturevalue("postgres").new_database())


async def test_calls_are_charged_once(tmp_path: Path, url: str) -> None:
    """The same spans three times, over a restart, are charged once to each of their budgets, and stored once."""
    body = make_request(CALL, {**CALL, semconv.USER_KEY: "k1:bb"}, start_time_unix_nano=time.time_ns())
    for _ in range(2):
        async with gateway(tmp_path, BUDGETS, url) as host:
            await send(host, body)
            await send(host, body)

    assert {
        "models/gpt-4o/daily_usd": Balance(2 * COST),
        "routes/bot/daily_tokens": Balance(2200),
        "routes/bot/per_user_daily_usd u:k1:aa": Balance(COST),
        "routes/bot/per_user_daily_usd u:k1:bb": Balance(COST),
    } == await spent(url)


async def test_evaluations_never_drain_production(tmp_path: Path) -> None:
    """A call of a separate environment is charged where that is named, and nowhere else."""
    call = {**CALL, semconv.ENVIRONMENT: "eval"}
    async with gateway(tmp_path, BUDGETS) as host:
        await send(host, make_request(call, start_time_unix_nano=time.time_ns()))

    assert {"environments/eval/daily_usd": Balance(COST)} == await spent(f"sqlite:///{tmp_path}/store.db")


async def test_agents_are_stored_and_not_charged(tmp_path: Path) -> None:
    """The span of an agent, which repeats what its calls used, costs nothing; nor does what is no gen_ai span."""
    agent = {**CALL, "gen_ai.operation.name": "invoke_agent"}
    async with gateway(tmp_path, BUDGETS) as host:
        await send(host, make_request(agent, {"http.route": "/"}))
    store = open_store(f"sqlite:///{tmp_path}/store.db")
    await store.database.start()
    rows = await store.ask("SELECT operation, cost_pico, input_tokens FROM llm_traces")
    await store.database.shutdown()

    assert [("invoke_agent", None, 1000)] == rows
    assert {} == await spent(f"sqlite:///{tmp_path}/store.db")


async def test_calls_are_marked(tmp_path: Path) -> None:
    """What a call is charged to stands on it, with what that stood at a moment before."""
    body = make_request({**CALL, "gen_ai.usage.output_tokens": 1000}, start_time_unix_nano=time.time_ns())
    for _ in range(2):
        async with gateway(tmp_path, BUDGETS) as host:
            await send(host, body)
    before, after = attributes(tmp_path)

    assert "ok" == before[semconv.BUDGET_STATE]
    assert "exceeded" == after[semconv.BUDGET_STATE]
    assert 0.0125 / 0.004 == after[semconv.BUDGET_UTILIZATION]
    assert [
        "models/gpt-4o/daily_usd",
        "routes/bot/per_user_daily_usd/u:k1:aa",
        "routes/bot/daily_tokens",
    ] == [each["stringValue"] for each in after[semconv.BUDGET_IDS]["values"]]


async def test_spans_go_on_while_the_store_is_away(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """They are marked as of unknown state and wait on disk to be charged, which they then are, once (G1)."""
    monkeypatch.setattr("otel_llm.budget.snapshot.MAX_AGE_S", 0.0)  # what was known is too old at once
    body = make_request(CALL, start_time_unix_nano=time.time_ns())
    change = ("extensions:\n", f"extensions:\n  storage: {{directory: '{tmp_path}/state'}}\n")
    async with gateway(tmp_path, BUDGETS, change=change) as host:
        other = apsw.Connection(str(tmp_path / "store.db"))
        other.execute("BEGIN EXCLUSIVE")
        for _ in range(3):
            await post(host, body)
        await host.destinations[1].drain(20)
        marked = attributes(tmp_path)
        other.execute("ROLLBACK")
        other.close()
        await host.destinations[0].drain(60)

    assert ["unknown"] * 3 == [each[semconv.BUDGET_STATE] for each in marked]
    assert Balance(COST) == (await spent(f"sqlite:///{tmp_path}/store.db"))["models/gpt-4o/daily_usd"]


async def test_a_call_keeps_its_price(tmp_path: Path) -> None:
    """A call that is sent again after prices have changed is charged as it was, and says by which prices (G13)."""
    body = make_request(CALL, start_time_unix_nano=time.time_ns())
    dear = "cost: {prices: {overrides: [{provider: '*', model: gpt-4o, usd_per_million: {input: 50, output: 50}}]}}"
    for change in (("", ""), ("cost: {}", dear)):
        async with gateway(tmp_path, BUDGETS, change=change) as host:
            await send(host, body)
    store = open_store(f"sqlite:///{tmp_path}/store.db")
    await store.start()
    ((cost, version),) = await store.ask("SELECT cost_pico, price_version FROM llm_traces")
    await store.shutdown()

    assert COST == cost
    assert version
    assert Balance(COST) == (await spent(f"sqlite:///{tmp_path}/store.db"))["models/gpt-4o/daily_usd"]


async def test_clocks_that_are_wrong(tmp_path: Path) -> None:
    """A call from tomorrow has begun now; one from the day before yesterday is charged to that day, and counted."""
    day = 86_400 * 10**9
    async with gateway(tmp_path, BUDGETS) as host:
        await send(host, make_request(CALL, start_time_unix_nano=time.time_ns() + 2 * day))
        await send(host, make_request({}, CALL, start_time_unix_nano=time.time_ns() - 2 * day))
        late = host.meter.value("store_late_calls_total")
    store = open_store(f"sqlite:///{tmp_path}/store.db")
    await store.database.start()
    periods = await store.ask(
        "SELECT count(DISTINCT period) FROM counters WHERE budget = ?", ("models/gpt-4o/daily_usd",)
    )
    await store.database.shutdown()

    assert [(2,)] == periods
    assert 1 == late


async def test_the_budgets_file_is_read_again(tmp_path: Path) -> None:
    """A change is in use without a restart, and written down; a mistake leaves what was before."""
    async with gateway(tmp_path, BUDGETS) as host:
        for text in ("models: {gpt-4o: {daily_usd: 5}}\n", "models: {gpt-4o: {daily_usd: none}}\n"):
            tmp_path.joinpath("budgets.yml").write_text(text)
            await host.files.poll()
            await host.files.poll()
        failed = host.meter.value("file_reload_failed_total", file=f"{tmp_path}/budgets.yml")
    async with gateway(tmp_path, "models: {gpt-4o: {daily_usd: 5}}\n"):
        pass
    store = open_store(f"sqlite:///{tmp_path}/store.db")
    await store.database.start()
    rows = await store.ask("SELECT id, version, definition IS NULL FROM budgets ORDER BY id, version")
    await store.database.shutdown()

    assert 1 == failed
    assert ("models/gpt-4o/daily_usd", 2, 0) in rows
    assert ("environments/eval/daily_usd", 2, 1) in rows


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        (("extensions: [store, budgets]", "extensions: [budgets, store]"), "needs the extension store, listed before"),
        (("extensions: [store, budgets]", "extensions: []"), "exporters.store: needs the extension store"),
        (("[gen_ai_normalizer, cost, budget]", "[gen_ai_normalizer, budget, cost]"), "budget needs cost before it"),
        (("[gen_ai_normalizer, cost, budget]", "[cost, budget]"), "budget needs gen_ai_normalizer before it"),
        (("telemetry:", "workers: 2\n  telemetry:"), "extensions.store: SQLite is for one process"),
        (("sqlite:///", "mysql://"), "extensions.store.url: must be sqlite:///PATH"),
    ],
)
def test_what_does_not_fit_together_is_refused(tmp_path: Path, change: tuple[str, str], problem: str) -> None:
    """A config in which something lacks what it needs is refused, by `validate` too."""
    tmp_path.joinpath("budgets.yml").write_text(BUDGETS)
    text = CONFIG.format(directory=tmp_path, url=f"sqlite:///{tmp_path}/store.db").replace(*change)
    with pytest.raises(ConfigError, match=problem):
        Host(load_config(text, registry=Registry(COMPONENTS)))


async def test_another_store_without_a_restart(tmp_path: Path) -> None:
    """Whoever uses the store that is replaced uses the new one: the budgets, the exporter, and the processors."""
    body = make_request(CALL, start_time_unix_nano=time.time_ns())
    other = f"sqlite:///{tmp_path}/other.db"
    async with gateway(tmp_path, BUDGETS) as host:
        await send(host, body)
        text = CONFIG.format(directory=tmp_path, url=other)
        await host.reload(load_config(text, registry=Registry(COMPONENTS)))
        await send(host, body)
        await host.reload(load_config(text, registry=Registry(COMPONENTS)))
        await send(host, body)

    assert await spent(f"sqlite:///{tmp_path}/store.db") == await spent(other)
    assert Balance(COST) == (await spent(other))["models/gpt-4o/daily_usd"]
    assert ["ok", "ok", "ok"] == [each[semconv.BUDGET_STATE] for each in attributes(tmp_path)]
