"""Measures the ledger: reserving and settling by several processes, and charging; writes bench/results/ledger.md.

usage: python -m bench.ledger [--calls 2000] [--seconds 5]

Every reservation is under a limit that all processes share: the hottest row that there can be. Clients, store and, with
PostgreSQL, its server share the machine.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import sys
import tempfile
import time
from pathlib import Path
from typing import Any, Final, NamedTuple

from bench.ledger_network import measure_network
from bench.report import setting
from bench.rig import BENCH
from bench.spender import SHARED, USED
from otel_llm.budget.ledger import Call, Counter, Line, TraceRow, Unit, Usage
from otel_llm.store.store import open_store
from tests.postgres_server import PostgresServer
from tests.valkey_server import ValkeyServer

Network = dict[tuple[str, int], tuple[list[int], list[int]]]

PROCESSES: Final = (1, 4, 16)
BATCH: Final = 500
LIMIT: Final = 10**15
TIGHT: Final = 500_000


class Timing(NamedTuple):
    """How reserving and settling went."""

    store: str
    processes: int
    calls: int
    calls_per_s: float
    reserve_ms: tuple[float, float]
    """Median and 99th percentile."""
    settle_ms: tuple[float, float]
    overshoot: int
    """With a limit that not all calls fit under: by how much it was passed."""


async def measure(store: str, url: str, processes: int, calls: int, *admission: str) -> Timing:
    """Let several processes reserve and settle."""
    output = await spend(url, processes, calls // processes, LIMIT, *admission)
    lines = [json.loads(line) for line in output.splitlines()]
    rate = processes * 1e6 * len(lines) / sum(map(sum, lines))  # of what they did, not of starting them
    before = await settled(url)
    tight = await spend(url, processes, calls, before + TIGHT, *admission)
    over = await settled(url) - (before + TIGHT)
    assert await settled(url) - before == USED * tight.count(b"\n")
    reserve, settle = (percentiles([line[step] for line in lines]) for step in (0, 1))
    return Timing(store, processes, len(lines), rate, reserve, settle, max(over, 0))


async def spend(url: str, processes: int, calls: int, most: int, *admission: str) -> bytes:
    """Return what the processes have printed."""
    started = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "bench.spender", str(processes), url, str(calls), str(most), *admission),
        cwd=BENCH.parent,
        stdout=asyncio.subprocess.PIPE,
    )
    return (await started.communicate())[0]


async def settled(url: str) -> int:
    """Return what is settled where all share."""
    store = open_store(url)
    await store.database.start()
    balances = await store.ledger.balances([SHARED])
    await store.database.shutdown()
    return balances[SHARED].settled


async def ingest(url: str, seconds: float) -> tuple[float, float]:
    """Return how many calls are stored and charged to three budgets each, in a second by the clock and of our CPU."""
    store = open_store(url)
    await store.database.start()
    number, rows = 0, 0
    began, busy = time.perf_counter(), time.process_time()
    while time.perf_counter() - began < seconds:
        batch = [call(number + each) for each in range(BATCH)]
        number += BATCH * 9 // 10
        await store.ledger.ingest(batch, 1_790_000_000_000)
        rows += BATCH
    taken, busy = time.perf_counter() - began, time.process_time() - busy
    await store.database.shutdown()
    return rows / taken, rows / busy


def call(number: int) -> Call:
    """Return one of many calls, of a hundred users."""
    seen = TraceRow(
        trace_id=number.to_bytes(16, "big"),
        span_id=b"spanspan",
        start_ms=1_790_000_000_000,
        end_ms=1_790_000_001_000,
        environment="prod",
        route="support_bot",
        user_key=f"k1:{number % 100}",
        operation="chat",
        provider="openai",
        request_model="gpt-4o",
        response_model="gpt-4o-2024-08-06",
        response_id=f"chatcmpl-{number}",
        input_tokens=1000,
        output_tokens=100,
        cost_pico=3_500_000_000,
        cost_status="priced",
    )
    day = "2026-09-21@UTC"
    lines = (
        Line(Counter("models/gpt-4o/daily_usd", "", day), Unit.USD),
        Line(Counter("models/gpt-4o/tpm", "", "1"), Unit.TOKENS),
        Line(Counter("routes/support_bot/per_user_daily_usd", f"u:k1:{number % 100}", day), Unit.USD),
    )
    return Call(seen, Usage(3_500_000_000, 1000, 100), lines, b"digest--")


def percentiles(microseconds: list[int]) -> tuple[float, float]:
    """Return median and 99th percentile, in milliseconds."""
    ordered = sorted(microseconds)
    return ordered[len(ordered) // 2] / 1000, ordered[len(ordered) * 99 // 100] / 1000


def row(each: Timing) -> str:
    """Return a row of the table."""
    reserve, settle = (f"{median:.2f} / {p99:.2f}" for median, p99 in (each.reserve_ms, each.settle_ms))
    return (
        f"| {each.store} | {each.processes} | {each.calls:,} | {each.calls_per_s:,.0f} "
        f"| {reserve} | {settle} | {each.overshoot} |"
    )


def network_row(found: tuple[tuple[str, int], tuple[list[int], list[int]]]) -> str:
    """Return a row of the table of protocols."""
    (protocol, clients), steps = found
    reserve, settle = (f"{median:.2f} / {p99:.2f}" for median, p99 in map(percentiles, steps))
    return f"| {protocol} | {clients} | {len(steps[0]):,} | {reserve} | {settle} |"


def page(timings: list[Timing], rates: dict[str, tuple[float, float]], network: Network) -> str:
    """Return the page."""
    lines = [
        "# The ledger",
        "",
        setting([]),
        f"The load average was {os.getloadavg()[0]:.1f}: others were at work, and the tails are theirs too.",
        "",
        "Reserve and settle, each a transaction under three limits, of which one is shared by all processes:",
        "",
        "| store | processes | calls | calls/s | reserve p50 / p99 ms | settle p50 / p99 ms | overshoot |",
        "|---|--:|--:|--:|--:|--:|--:|",
        *map(row, timings),
        "",
        "The same over the network, a gateway on SQLite and its clients in one process:",
        "",
        "| protocol | clients | calls | reserve p50 / p99 ms | settle p50 / p99 ms |",
        "|---|--:|--:|--:|--:|",
        *map(network_row, network.items()),
        "",
        f"Charging spans, in batches of {BATCH}, each call to three budgets, a tenth of them sent again, one writer:",
        "",
        "| store | calls/s | calls per CPU second of the writer |",
        "|---|--:|--:|",
        *(f"| {store} | {rate:,.0f} | {busy:,.0f} |" for store, (rate, busy) in rates.items()),
        "",
    ]
    return "\n".join(lines)


async def run(calls: int, seconds: float) -> str:
    """Measure everything; return the page."""
    timings: list[Timing] = []
    rates: dict[str, tuple[float, float]] = {}
    with tempfile.TemporaryDirectory(dir=BENCH.parent, prefix=".bench-") as directory:
        server = PostgresServer(Path(directory) / "postgres")
        valkey = ValkeyServer(Path(directory))
        try:
            for processes in PROCESSES:
                for store, url in (
                    ("SQLite", f"sqlite:///{directory}/{processes}.db"),
                    ("PostgreSQL", server.new_database()),
                ):
                    timings.append(await measure(store, url, processes, calls))
                url = server.new_database()
                timings.append(await measure("PostgreSQL + Valkey", url, processes, calls, valkey.new_url()))
            for store, url in (("SQLite", f"sqlite:///{directory}/rows.db"), ("PostgreSQL", server.new_database())):
                rates[store] = await ingest(url, seconds)
        finally:
            server.stop()
            valkey.kill()
        network = await measure_network(Path(directory), calls)
    return page(sorted(timings), rates, network)


def main() -> None:
    """Measure, and write the page."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--calls", type=int, default=2000)
    parser.add_argument("--seconds", type=float, default=5.0)
    arguments: Any = parser.parse_args()
    text = asyncio.run(run(arguments.calls, arguments.seconds))
    (BENCH / "results" / "ledger.md").write_text(text)
    print(text)


if __name__ == "__main__":
    main()
