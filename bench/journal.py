"""Measures the journal on disk: alone, and in a gateway beside one in memory; writes bench/results/journal.md.

usage: python -m bench.journal [--rounds 3]

The directory is in this checkout, and the page says what file system that is. Compare the figures with what a bare
write and sync of as many bytes took in the same sitting: that is the device, the rest is ours.
"""

from __future__ import annotations

import asyncio
import os
import time
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING, Final, NamedTuple

from bench import command
from bench.process_tree import cpu_seconds
from bench.report import Case, markdown, setting, write_page
from bench.rig import Rig, directory_on_disk, otel_llm
from bench.run import IN_TURN, in_turn
from otel_llm.journal import Record
from otel_llm.journal.disk import DiskJournal, DiskOptions
from otel_llm.signals import Signal
from otel_llm.telemetry import Meter

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bench.report import Measurement
    from bench.rig import Contestant
    from otel_llm.journal import Cursor

KIB: Final = 1024
MIB: Final = 1024 * KIB
GIB: Final = 1024 * MIB
READERS: Final = frozenset({"traces"})
CASES: Final = (Case("W1", "forward", 2000), Case("W2", "cost", 1000), Case("W3", "forward", 600))
HALF_LOAD_S: Final = 10.0


class Write(NamedTuple):
    """How appends went, with so many of them under way at a time."""

    record_bytes: int
    at_once: int
    mb_per_s: float
    appends_per_s: float
    median_ms: float
    p99_ms: float
    cpu_ms_per_mb: float


class Recovery(NamedTuple):
    """How long a start took, with so much to read."""

    record_bytes: int
    gib: float
    seconds: float


async def writes(directory: Path, record_bytes: int, at_once: int, appends: int) -> Write:
    """Append records, which one destination reads and acknowledges, to an empty journal with `fsync: batch`."""
    journal = DiskJournal(directory, DiskOptions(), Meter())
    cursor = journal.open_cursor("sink", READERS)
    await journal.start()
    reading = asyncio.create_task(_read_all(cursor))
    record = Record("traces", Signal.TRACES, 1, os.urandom(record_bytes))
    took: list[float] = []
    left = iter(range(appends))

    async def append_one_after_another() -> None:
        for _ in left:
            began = time.perf_counter()
            await journal.append([record])
            took.append(time.perf_counter() - began)

    cpu_s, began = cpu_seconds(os.getpid()), time.perf_counter()
    await asyncio.gather(*(append_one_after_another() for _ in range(at_once)))
    seconds, cpu_s = time.perf_counter() - began, cpu_seconds(os.getpid()) - cpu_s
    reading.cancel()
    await journal.shutdown()
    took.sort()
    megabytes = appends * record_bytes / 1e6
    return Write(
        record_bytes=record_bytes,
        at_once=at_once,
        mb_per_s=megabytes / seconds,
        appends_per_s=appends / seconds,
        median_ms=median(took) * 1000,
        p99_ms=took[int((appends - 1) * 0.99)] * 1000,
        cpu_ms_per_mb=cpu_s * 1000 / megabytes,
    )


async def recovery(directory: Path, record_bytes: int, total_bytes: int) -> Recovery:
    """Fill a journal that nobody reads, and open it again. What it reads then is in the page cache."""
    journal = DiskJournal(directory, DiskOptions(), Meter())
    journal.open_cursor("sink", READERS)
    await journal.start()
    records = [Record("traces", Signal.TRACES, 1, os.urandom(record_bytes))] * (8 * MIB // record_bytes)
    for _ in range(total_bytes // (8 * MIB)):
        await journal.append(records)
    await journal.shutdown()

    again = DiskJournal(directory, DiskOptions(), Meter())
    cursor = again.open_cursor("sink", READERS)
    began = time.perf_counter()
    await again.start()
    seconds = time.perf_counter() - began
    gib = cursor.waiting_bytes / GIB
    await again.shutdown()
    return Recovery(record_bytes, gib, seconds)


def bare_mb_per_s(path: Path, total_bytes: int) -> float:
    """Return what the device takes in pieces of 1 MiB, each synced, without a journal around them."""
    piece = os.urandom(MIB)
    fd = os.open(path, os.O_WRONLY | os.O_CREAT)
    began = time.perf_counter()
    for offset in range(0, total_bytes, MIB):
        os.pwrite(fd, piece, offset)
        os.fdatasync(fd)
    seconds = time.perf_counter() - began
    os.close(fd)
    path.unlink()
    return total_bytes / 1e6 / seconds


def half_load(rig: Rig, contestant: Contestant, case: Case, spans_per_s: float) -> float:
    """Return p99 of the answer, in ms, at half of *spans_per_s*."""
    with rig.sink() as sink, rig.running(contestant, case.task, sink.address) as running:
        warm_up = rig.send(case.workload, running.address, case.requests // 10)
        rate = spans_per_s / (warm_up.spans / warm_up.requests) / 2
        return rig.send(case.workload, running.address, int(rate * HALF_LOAD_S), rate).p99_ms


def file_system(path: Path) -> str:
    """Return the type of what *path* is on, such as `ext4`."""
    mounts = [line.split()[1:3] for line in Path("/proc/mounts").read_text(encoding="utf-8").splitlines()]
    return max((point, kind) for point, kind in mounts if path.is_relative_to(point))[1]


async def _read_all(cursor: Cursor) -> None:
    while True:
        for entry in await cursor.read(8 * MIB):
            cursor.ack(entry.position)


def _by_itself(directory: Path, rounds: int) -> list[str]:
    bare = [bare_mb_per_s(directory / "bare", 256 * MIB) for _ in range(rounds)]
    lines = [
        f"Writing and syncing 1 MiB at a time without a journal: {_rounds(bare)} MB/s.",
        "",
        "| bytes a record | appends at once | MB/s | appends/s | median ms | p99 ms | CPU ms/MB |",
        "|--:|--:|--:|--:|--:|--:|--:|",
    ]
    for record_bytes, at_once, appends in ((MIB, 4, 512), (64 * KIB, 64, 8192), (KIB, 512, 65536), (KIB, 1, 300)):
        runs = [
            asyncio.run(writes(directory / f"write-{record_bytes}-{at_once}-{each}", record_bytes, at_once, appends))
            for each in range(rounds)
        ]
        cells = [_rounds([run[column] for run in runs]) for column in range(2, 7)]
        lines.append(f"| {record_bytes:,} | {at_once} | {' | '.join(cells)} |")
    lines += ["", "| bytes a record | GiB to recover | s | s/GiB |", "|--:|--:|--:|--:|"]
    for record_bytes in (64 * KIB, 4 * KIB):
        found = asyncio.run(recovery(directory / f"recovery-{record_bytes}", record_bytes, GIB))
        lines.append(f"| {record_bytes:,} | {found.gib:.2f} | {found.seconds:.1f} | {found.seconds / found.gib:.1f} |")
    return lines


def _at_half_load(
    rig: Rig, contestants: Sequence[Contestant], measured: Sequence[Measurement], rounds: int
) -> list[str]:
    lines = ["| workload | task | spans/s | program | p99 ms |", "|---|---|--:|---|--:|"]
    for case in CASES:
        most = median(
            each.spans_per_s for each in measured if (each.case, each.contestant) == (case, contestants[1].name)
        )
        found: dict[str, list[float]] = {each.name: [] for each in contestants}
        for contestant in [*contestants] * rounds:
            found[contestant.name].append(half_load(rig, contestant, case, most))
        for name, values in found.items():
            lines.append(f"| {case.workload} | {case.task} | {most / 2:,.0f} | {name} | {_rounds(values)} |")
    return lines


def _rounds(values: Sequence[float]) -> str:
    return " / ".join(f"{value:,.0f}" if value >= 100 else f"{value:.1f}" for value in values)  # noqa: PLR2004 - three digits


def main() -> None:
    """Measure, and write the page."""
    parser = command.parser("journal", __doc__)
    parser.add_argument("--rounds", type=int, default=3, help="how often everything is measured")
    rounds = parser.parse_args().rounds
    contestants = [otel_llm(), otel_llm("disk")]
    with directory_on_disk() as directory:
        rig = Rig(directory)
        by_itself = _by_itself(directory, rounds)
        measured = in_turn(rig, contestants, CASES, rounds)
        at_half_load = _at_half_load(rig, contestants, measured, rounds)
        where = file_system(directory)
    page = [
        setting(contestants),
        f"The journal was on {where}, `fsync: batch`. {IN_TURN}",
        "",
        "## The journal by itself",
        "",
        *by_itself,
        "",
        "## In the gateway",
        "",
        markdown(measured, "otel-llm"),
        "At half of what the gateway with the journal on disk could take:",
        "",
        *at_half_load,
    ]
    write_page("journal", "\n".join(page) + "\n")


if __name__ == "__main__":
    command.run(main)
