"""Alerts: one for each crossing, sent until it is taken."""

from __future__ import annotations

import hmac
import json
import time
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

from aiohttp import web

from otel_llm.budget.alerts import Delivery, find_crossings, record_crossings
from otel_llm.budget.file import read_budgets
from otel_llm.budget.ledger import Line, Unit
from otel_llm.budget.snapshot import take_snapshot
from otel_llm.store.store import open_store
from otel_llm.telemetry import Meter

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence
    from pathlib import Path

    import pytest

    from otel_llm.budget.book import BudgetBook
    from otel_llm.store.store import Store

NOW = time.time_ns() // 10**6
DAY_MS = 86_400_000
BUDGETS = """
models: {gpt-4o: {daily_usd: 10, tpm: 1, max_concurrency: 1}}
alerts: {slack_channel: "#spend", slack_webhook_url: "URL/slack", webhook_url: "URL/hook", webhook_secret: s3cret}
"""


@asynccontextmanager
async def receiver(statuses: Sequence[int] = ()) -> AsyncIterator[tuple[str, list[tuple[str, bytes, Any]]]]:
    """Run what alerts are posted to; it answers these statuses first, then 200."""
    seen: list[tuple[str, bytes, Any]] = []
    answers = list(statuses)

    async def take(request: web.Request) -> web.Response:
        seen.append((request.path, await request.read(), request.headers))
        return web.Response(status=answers.pop(0) if answers else 200)

    app = web.Application()
    app.router.add_post("/{name}", take)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    yield f"http://127.0.0.1:{runner.addresses[0][1]}", seen
    await runner.cleanup()


@asynccontextmanager
async def opened(directory: Path) -> AsyncIterator[Store]:
    """Open a store."""
    store = open_store(f"sqlite:///{directory}/store.db")
    await store.database.start()
    yield store
    await store.database.shutdown()


async def spend(store: Store, book: BudgetBook, usd: int, now_ms: int = NOW) -> int:
    """Spend, and look for crossings; return how many were new."""
    budget = book.budgets[0]
    await store.ledger.adjust(Line(budget.counter("", now_ms), Unit.USD), usd * 10**12, "test", now_ms)
    crossings = list(find_crossings(book, await take_snapshot(store.ledger, book, now_ms), now_ms))
    return await record_crossings(store, book, crossings, now_ms)


async def test_one_alert_for_each_crossing(tmp_path: Path) -> None:
    """At 80 % and at 100 %, in every window anew; however many gateways look, however often."""
    book = read_budgets("b", BUDGETS.encode())
    async with opened(tmp_path) as store, opened(tmp_path) as other:
        steps = ((7, store), (1, store), (0, other), (5, other), (1, store))
        found = [await spend(each, book, usd) for usd, each in steps]
        tomorrow = await spend(store, book, 9, NOW + DAY_MS)
        alerts = await store.ask("SELECT receiver, count(*) FROM alerts GROUP BY receiver ORDER BY receiver")

    assert [0, 1, 0, 1, 0] == found
    assert 1 == tomorrow
    assert [("slack", 3), ("webhook", 3)] == alerts


async def test_what_is_sent(tmp_path: Path) -> None:
    """Slack's form with the channel, and Alertmanager's, signed."""
    async with receiver() as (url, seen), opened(tmp_path) as store:
        book = read_budgets("b", BUDGETS.replace("URL", url).encode())
        await spend(store, book, 8)
        delivery = Delivery(store, Meter())
        await delivery.run(book.alerts, NOW)
        await delivery.run(book.alerts, NOW + DAY_MS)

    (slack_path, slack, _), (hook_path, hook, headers) = seen
    assert ("/slack", "/hook") == (slack_path, hook_path)
    assert "#spend" == json.loads(slack)["channel"]
    assert "Budget models/gpt-4o/daily_usd is over 80%: $8 of $10" in json.loads(slack)["text"]
    body = json.loads(hook)
    assert ("4", "firing", "warning") == (body["version"], body["status"], body["alerts"][0]["labels"]["severity"])
    assert f"sha256={hmac.new(b's3cret', hook, 'sha256').hexdigest()}" == headers["X-Otel-Llm-Signature-256"]


async def test_tried_again_and_given_up(tmp_path: Path) -> None:
    """What is not taken is tried again later, and after a day it is given up, and stays to be seen."""
    meter = Meter()
    async with receiver([500, 302] + [503] * 30) as (url, seen), opened(tmp_path) as store:
        text = BUDGETS.replace("URL", url).replace(f', webhook_url: "{url}/hook"', "")
        book = read_budgets("b", text.encode())
        await spend(store, book, 8)
        delivery = Delivery(store, meter)
        for step in range(100):
            await delivery.run(book.alerts, NOW + step * DAY_MS // 24)
        left = await store.ask("SELECT attempts, next_attempt_ms, delivered_ms FROM alerts")

    assert 10 == len(seen)
    assert [(10, None, None)] == left
    assert 1 == meter.value("budget_alerts_total", receiver="slack", outcome="given_up")


async def test_without_receivers_the_log_says_it(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """An empty URL is none."""
    text = 'models: {gpt-4o: {daily_usd: 10}}\nalerts: {slack_webhook_url: "${env:NOT_SET:-}"}'
    book = read_budgets("b", text.encode())
    async with opened(tmp_path) as store:
        await spend(store, book, 10)
        await Delivery(store, Meter()).run(book.alerts, NOW)

    assert 2 == len([each for each in caplog.messages if each.startswith("Budget models/gpt-4o/daily_usd is")])
