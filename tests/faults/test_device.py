"""What a disk and a clock can do while the gateway runs (P6 to P8, P12)."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path
from random import Random
from typing import TYPE_CHECKING, Final

import pytest

from otel_llm.journal import Cursor, Record
from otel_llm.journal.disk import DiskJournal, DiskOptions
from otel_llm.signals import Signal
from otel_llm.telemetry import Meter
from tests.faults.machine import Machine
from tests.journal.disk.fake import FakeFileSystem

if TYPE_CHECKING:
    from tests.faults.oracle import OracleWith

PROCESS: Final = pytest.mark.faults
DAY_S: Final = 24 * 3600.0


@pytest.mark.parametrize("seed", range(20))
async def test_p6_interval(seed: int) -> None:
    """With `fsync: interval` a loss of power takes what was written since the last sync, and nothing before it."""
    filesystem = FakeFileSystem()
    options = DiskOptions(1_000_000, linger_s=0.0, min_free_bytes=0, tidy_every_s=3600.0, fsync_interval_s=3600.0)

    cursors: list[Cursor] = []
    filesystem.directories.add(Path("/var"))

    async def opened() -> DiskJournal:
        journal = DiskJournal(Path("/var/journal"), options, Meter(), filesystem=filesystem)
        cursors.append(journal.open_cursor("a", frozenset({"traces"})))
        await journal.start()
        return journal

    journal = await opened()
    records = [Record("traces", Signal.TRACES, 1, bytes([number]) * 100) for number in range(8)]
    for record in records[:5]:
        await journal.append([record])
    await journal._sync()
    for record in records[5:]:
        await journal.append([record])
    filesystem.operations_left = 0
    await journal.shutdown()
    filesystem.cut_power(Random(seed))

    journal = await opened()
    found = [entry.record.payload for entry in await cursors[-1].read(1 << 20)]
    await journal.shutdown()

    sent = [record.payload for record in records]
    assert sent[:5] == found[:5]
    assert {*found} <= {*sent}


@PROCESS
@pytest.mark.parametrize("storage", [{}, {"min_free_mib": 0}], ids=["reserve", "no reserve"])
async def test_p7(storage: dict[str, int], oracle_with: OracleWith) -> None:
    """On a full disk senders are told to wait, what is on it is delivered, and that makes room; without a restart."""
    oracle = await oracle_with("otlp")
    oracle.gateway.config["extensions"]["storage"] |= storage
    oracle.sender.patience_s = 1.5
    await oracle.sink.door.close()
    await oracle.gateway.start(*mounted(oracle.gateway.state, "-t tmpfs -o size=24m,mode=700 tmpfs"))

    await oracle.sender.load(seconds=4, requests_per_s=20, spans=10, padding=80_000)
    assert oracle.sender.ledger.acked
    assert oracle.sender.ledger.given_up
    assert not oracle.sender.ledger.refused
    await oracle.sink.door.open()

    await oracle.check()


def mounted(directory: Path, options: str) -> tuple[str, ...]:
    """Return the command that runs another where something is mounted at *directory*, for it alone."""
    directory.mkdir(mode=0o700, exist_ok=True)
    script = f'mount {options} "$1" && shift && exec "$@"'
    command = ("unshare", "--user", "--map-root-user", "--mount", "sh", "-c", script, "sh", str(directory))
    if (
        shutil.which("unshare") is None
        or subprocess.run([*command, "true"], check=False, capture_output=True).returncode
    ):
        pytest.skip("nothing may be mounted here, not even in a namespace of one's own")
    return command


@PROCESS
@pytest.mark.parametrize("error", ["ENOSPC", "EDQUOT"])
async def test_p7_for_a_while(error: str, oracle_with: OracleWith, tmp_path: Path) -> None:
    """While nothing can be written for want of room, what waits is delivered; afterwards all is as before."""
    machine = Machine(tmp_path / "machine")
    oracle = await oracle_with("otlp")
    await oracle.sink.door.close()
    await oracle.gateway.start(*machine.command)
    await oracle.sender.load(seconds=1)

    machine.fail("pwrite", error)
    oracle.sender.patience_s = 1.5
    told_to_wait = await oracle.sender.send(transport="grpc")
    assert told_to_wait.spans.keys() == oracle.sender.ledger.given_up
    await oracle.sink.door.open()
    await oracle.gateway.counted("exporter_sent_spans_total", len(oracle.sender.ledger.acked))
    machine.heal("pwrite")

    await oracle.check()
    assert 1 == oracle.gateway.log.count("disk is full")


@PROCESS
@pytest.mark.parametrize("call", ["fdatasync", "pwrite"])
async def test_p8(call: str, oracle_with: OracleWith, tmp_path: Path) -> None:
    """When the device fails nothing more is acknowledged and the process ends; what it had acknowledged is there.

    It does not try again: after a failed sync Linux counts the pages as written, and a second one succeeds.
    """
    machine = Machine(tmp_path / "machine")
    oracle = await oracle_with("otlp")
    oracle.gateway.config["service"]["shutdown"] = {"drain": "0s"}
    oracle.sender.patience_s = 0.5
    await oracle.sink.door.close()
    await oracle.gateway.start(*machine.command)
    await oracle.sender.load(seconds=1)
    before = set(oracle.sender.ledger.acked)

    machine.fail(call, "EIO")
    await oracle.sender.send(spans=10)

    assert 1 == await oracle.gateway.program.wait()
    assert "disk has failed" in oracle.gateway.log
    assert before == oracle.sender.ledger.acked
    machine.heal(call)
    await oracle.sink.door.open()
    await oracle.gateway.start()
    await oracle.check()


@PROCESS
async def test_p12(oracle_with: OracleWith, tmp_path: Path) -> None:
    """A clock that jumps by a day, either way, neither holds up what waits nor makes it too old.

    Over HTTP: gRPC's core asks the system for the time, and would not know of the jump.
    """
    machine = Machine(tmp_path / "machine")
    oracle = await oracle_with("otlphttp")
    await oracle.gateway.start(*machine.command)

    for ahead_s in (DAY_S, -DAY_S, 0.0):
        await oracle.sink.door.close()
        sent = await oracle.sender.send(spans=20)
        await oracle.gateway.counted("exporter_retries_total", 1)
        machine.set_clock(ahead_s)
        await oracle.sink.door.open()
        await oracle.gateway.drained()
        assert sent.spans.keys() <= oracle.sink.spans.keys()

    await oracle.check()
