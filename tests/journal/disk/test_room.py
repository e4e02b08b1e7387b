"""Room on a disk that is smaller than one file of the journal."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import pytest

from otel_llm.errors import Retryable
from otel_llm.journal import Record
from otel_llm.journal.disk import DiskJournal, DiskOptions
from otel_llm.signals import Signal
from otel_llm.telemetry import Meter
from tests.e2e.program import eventually
from tests.journal.disk.fake import FakeFileSystem

RECORD: Final = Record("traces", Signal.TRACES, 1, bytes(1000))
RESERVE: Final = 4000


@pytest.mark.parametrize("disk_bytes", range(20_000, 22_000, 250))
async def test_comes_back_though_all_was_in_one_file(disk_bytes: int) -> None:
    """The newest file is never deleted: where it has all that the disk holds, another is begun on the reserve."""
    filesystem = FakeFileSystem()
    options = DiskOptions(1 << 30, segment_bytes=1 << 20, min_free_bytes=RESERVE, tidy_every_s=0.01)
    journal = DiskJournal(Path("/var/journal"), options, Meter(), filesystem=filesystem)
    cursor = journal.open_cursor("a", frozenset({"traces"}))
    await journal.start()
    await journal.subscribe({"a": frozenset({"traces"})})
    filesystem.capacity = disk_bytes

    async def taken() -> bool | None:
        try:
            await journal.append([RECORD])
        except Retryable:
            return None
        return True

    for _ in range(3):
        count = 0
        while await taken():
            count += 1
        assert count
        for entry in await cursor.read(1 << 20):
            cursor.ack(entry.position)
        await eventually(taken, "there was room again")
        for entry in await cursor.read(1 << 20):
            cursor.ack(entry.position)
    await journal.shutdown()
