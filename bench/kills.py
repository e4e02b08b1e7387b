"""Kills the gateway again and again, at random moments under load; exit 1 where that loses what was acknowledged.

The journal is on disk. Two destinations refuse some requests for now and are slow with others. Clients send by gRPC and
HTTP, one request at a time each, and come back with what was not answered: a machine that is slow gets less to do,
instead of clients that pile up. After one kill in four the next process is killed before it is ready, while it reads
what the one before it left.

usage: python -m bench.kills [--kills 200]
"""

from __future__ import annotations

import asyncio
import random
import sys
import tempfile
import time
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Final, NamedTuple

import grpc

from bench import command
from bench.report import setting, write_page
from bench.rig import otel_llm
from tests.faults.oracle import Oracle
from tests.faults.sink import TAKE, Arrival, Behaviour, Reply, Sink

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from tests.faults.gateway import Gateway
    from tests.faults.sender import Sender

__all__ = ["Findings", "flaky", "soak"]

LONGEST_LIFE_S: Final = 2.0
"""Of a process that is killed once it is ready."""

KILLED_STARTING: Final = 0.25
"""Share of the processes that are killed while they start."""

RECENT_S: Final = 1.0
"""What arrived so shortly before a kill may arrive again: a cursor's file is stored every 0.2 s, on busy machines less
often."""

CLIENTS: Final = 8
LONGEST_PAUSE_S: Final = 0.2
"""Of a client between an answer and its next request."""
SPANS: Final = 10
"""In a request."""


class Findings(NamedTuple):
    """What came of it."""

    kills: int
    while_starting: int
    """Kills before the process was ready."""
    acknowledged: int
    """Spans."""
    lost: int
    """Of these, at either destination."""
    duplicates: int
    """Spans that came once more, at the destination where more did."""
    bound: int
    """Spans that had arrived, or were under way, within `RECENT_S` before a kill; and those that clients sent again."""

    @property
    def report(self) -> str:
        """A table."""
        rows = {
            "kills": self.kills,
            "of these before the process was ready": self.while_starting,
            "spans acknowledged": self.acknowledged,
            "spans lost": self.lost,
            "spans that came once more": self.duplicates,
            "of these at a kill, in the mean": self.duplicates // (self.kills or 1),
            "that could: under way at a kill, or sent again for want of an answer": self.bound,
        }
        return "\n".join(["| | |", "|---|---:|", *(f"| {name} | {number:,} |" for name, number in rows.items()), ""])


def flaky(seed: int) -> Behaviour:
    """Refuse three of ten requests for now, and be slow with two."""
    dice = random.Random(seed)

    def behave(arrival: Arrival) -> Reply:
        later = Reply(503) if arrival.path else Reply(grpc.StatusCode.UNAVAILABLE)
        return dice.choices((later, Reply(delay_s=0.3), Reply()), (3, 2, 5))[0]

    return behave


async def soak(oracle: Oracle, kills: int) -> Findings:
    """Kill so often under load, then let all be delivered.

    Args:
        oracle: not started yet.
        kills: how often.
    """
    gateway, sender, sinks = oracle.gateway, oracle.sender, oracle.sinks.values()
    sender.patience_s = 3600
    for seed, sink in enumerate(sinks):
        sink.behave = flaky(seed)
    recent = [0 for _ in sinks]
    while_starting = 0
    async with _clients(sender):
        starting_s = await _start(gateway)
        for _ in range(kills):
            since = time.monotonic()
            await asyncio.sleep(random.uniform(0, LONGEST_LIFE_S))
            await gateway.kill()
            since = max(since, time.monotonic() - RECENT_S)
            recent = [before + _arrived(sink, since) for before, sink in zip(recent, sinks, strict=True)]
            if random.random() < KILLED_STARTING:
                while_starting += await _die_starting(gateway, random.uniform(0, starting_s))
            starting_s = await _start(gateway)
        for sink in sinks:
            sink.behave = TAKE
    await gateway.drained(timeout_s=600)  # what 200 of them leave behind, on a machine that may be busy
    ledger = sender.ledger
    return Findings(
        kills + while_starting,
        while_starting,
        len(ledger.acked),
        max(len(ledger.acked - sink.spans.keys()) for sink in sinks),
        max(sink.duplicates for sink in sinks),
        max(recent) + ledger.unanswered.total(),
    )


async def _start(gateway: Gateway) -> float:
    """Start a process; return after how many seconds it was ready."""
    began = time.monotonic()
    await gateway.start()
    return time.monotonic() - began


async def _die_starting(gateway: Gateway, seconds: float) -> bool:
    """Start a process and kill it after so long; tell whether it was not ready."""
    program = await gateway.launch()
    await asyncio.sleep(seconds)
    ready = "ready" in program.output.splitlines()
    await program.kill()
    return not ready


@asynccontextmanager
async def _clients(sender: Sender) -> AsyncIterator[None]:
    """Have clients send as long as the block lasts; wait until each has its last answer."""
    ended = asyncio.Event()

    async def client() -> None:
        while not ended.is_set():
            await sender.send(SPANS)
            await asyncio.sleep(random.uniform(0, LONGEST_PAUSE_S))

    async with asyncio.TaskGroup() as under_way:
        for _ in range(CLIENTS):
            under_way.create_task(client())
        yield
        ended.set()


def _arrived(sink: Sink, since: float) -> int:
    """Return how many spans came since then, and forget the requests: their bodies would fill the memory."""
    spans = sum(len(arrival.ids) for arrival in sink.arrivals if arrival.at >= since)
    sink.arrivals.clear()
    return spans


async def _main(kills: int) -> int:
    with tempfile.TemporaryDirectory() as directory:
        sinks = {"otlp": Sink("grpc"), "otlphttp": Sink("http")}
        async with Oracle(Path(directory), sinks) as oracle:
            found = await soak(oracle, kills)
            report = f"# SIGKILL under load\n\n{setting([otel_llm()])}\n{_METHOD.strip()}\n\n{found.report}"
            print(report)
            write_page("kills", report)
            try:
                await oracle.check(duplicates=found.bound)
            except AssertionError as violations:
                print(violations, file=sys.stderr)
                return 1
    return 0


_METHOD: Final = f"""
{CLIENTS} clients with {SPANS} spans a request by gRPC and HTTP, journal on disk, `fsync: batch`, two destinations.
Each refuses three of ten requests for now and is slow with two.
Killed within {LONGEST_LIFE_S:g} s of being ready, or while it starts, again and again. Written by `make long`.
"""


def main() -> int:
    """Run it, and write down what came of it."""
    parser = command.parser("kills", __doc__)
    parser.add_argument("--kills", type=int, default=200)
    return asyncio.run(_main(parser.parse_args().kills))


if __name__ == "__main__":
    command.run(main)
