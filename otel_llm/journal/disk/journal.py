"""The journal on disk, as its callers see it."""

from __future__ import annotations

import asyncio
import logging
import time
from collections import defaultdict
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import TYPE_CHECKING, Final, ParamSpec, TypeVar

from otel_llm.errors import Retryable, StartError, TooLarge
from otel_llm.journal import Cursor, Entry, Journal, Position, Record
from otel_llm.journal.disk.chunk import Chunk, read_chunk
from otel_llm.journal.disk.cursor import DiskCursor, Source
from otel_llm.journal.disk.directory import WHAT, Directory, DiskFull, SyncFailed
from otel_llm.journal.disk.format import HEADER_BYTES, encoded_bytes
from otel_llm.journal.disk.group import GroupCommit
from otel_llm.journal.disk.metrics import Metrics
from otel_llm.journal.disk.recovery import Recovery
from otel_llm.journal.disk.room import FULL_AFTER_S, Room
from otel_llm.journal.disk.segment import Placed, Segment, Segments
from otel_llm.journal.disk.upkeep import Upkeep, repeat
from otel_llm.journal.disk.writer import SegmentWriter
from otel_llm.journal.filesystem import FileSystem

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping, Sequence
    from pathlib import Path

    from otel_llm.journal.disk.options import DiskOptions
    from otel_llm.journal.filesystem import Space
    from otel_llm.telemetry import Meter

__all__ = ["DiskJournal"]

P = ParamSpec("P")
T = TypeVar("T")

_BROKEN: Final = "the journal's disk has failed"
_CLOSED: Final = "the journal is closed"
_DISK_FULL: Final = "the journal's disk is full"
_NO_ROOM: Final = "the journal's disk has no room for a new destination's cursor"
_log = logging.getLogger(__name__)


class DiskJournal(Journal):
    """Keeps records in files, until every destination that reads their pipeline has acknowledged them.

    For one event loop, which it never blocks: one thread writes and syncs, two others read back and tidy up.
    """

    def __init__(
        self,
        directory: Path,
        options: DiskOptions,
        meter: Meter,
        clock: Callable[[], float] = time.time,
        filesystem: FileSystem | None = None,
    ) -> None:
        """Take what it is made of; `start` does the rest.

        Args:
            directory: its own, made if it is not there.
            options: limits.
            meter: where the metrics go.
            clock: seconds since 1970. Tells the age of records, nothing else.
            filesystem: what makes the system calls.
        """
        self._options = options
        self._clock = clock
        self._directory = Directory(filesystem or FileSystem(), directory.absolute())
        self._segments = Segments()
        self._room = Room(self._segments, options)
        self._cursors: dict[str, DiskCursor] = {}
        self._pipelines: dict[DiskCursor, frozenset[str]] = {}
        """Who reads what is appended now."""
        self._readers: defaultdict[str, tuple[DiskCursor, ...]] = defaultdict(tuple)
        """The same by pipeline."""
        self._next: Position = 0
        self._metrics = Metrics(meter)
        self._metrics.segments.set_function(lambda: len(self._segments))
        self._metrics.oldest_age_seconds.set_function(self._oldest_age_s)
        sync_each = options.fsync_interval_s is None
        self._writer = SegmentWriter(self._directory, self._metrics.sync_seconds, sync_each=sync_each)
        self._group = GroupCommit(self._store, self._not_stored, options.linger_s, options.group_bytes)
        self._refusal = _CLOSED
        """Why nothing is taken; empty if it is."""
        self._disk_full = False
        self._broken = asyncio.Event()
        self._stopping = asyncio.Event()
        self._tasks: list[asyncio.Task[None]] = []
        self._writing = ThreadPoolExecutor(1, "otel-llm-journal-write")
        self._reading = ThreadPoolExecutor(2, "otel-llm-journal-read")
        self._upkeep = Upkeep(self._directory, self._segments, self._room, self._cursors, self._reading)

    def open_cursor(self, destination: str, pipelines: frozenset[str], *, drop_oldest: bool = False) -> Cursor:
        """Return the cursor of *destination*; opened anew it reads again what has not been acknowledged.

        A destination that the directory knows nothing of reads what is appended from now on.
        """
        cursor = self._cursors.get(destination)
        if cursor is not None:
            cursor.drop_oldest = drop_oldest
            cursor.rewind()
            return cursor
        lost = self._metrics.corrupt_records.inc
        source = Source(self._segments, self._load, self._horizon_ms, lost, self._options)
        cursor = self._cursors[destination] = DiskCursor(destination, source)
        cursor.drop_oldest = drop_oldest
        self._pipelines[cursor] = pipelines
        return cursor

    async def start(self) -> None:
        """Lock the directory and find out what is in it.

        Raises:
            StartError: it cannot be used, another process uses it, or a newer version of the program has.
        """
        recovery = Recovery(self._directory, self._pipelines, self._segments)
        try:
            await _run(self._reading, self._directory.claim)
            await _run(self._reading, recovery.run)
            self._room.look(await _run(self._reading, self._directory.space))
        except DiskFull:
            raise StartError(_NO_ROOM) from None
        except (OSError, SyncFailed):
            raise StartError(f"{WHAT} {self._directory.path} cannot be read") from None
        self._next = recovery.next_position
        self._metrics.corrupt_records.inc(recovery.corrupt)
        self._connect()
        self._refusal = ""
        self._tasks = [
            asyncio.create_task(self._group.run()),
            asyncio.create_task(self._repeat(self._tidy, self._options.tidy_every_s)),
        ]
        if self._options.fsync_interval_s is not None:
            self._tasks.append(asyncio.create_task(self._repeat(self._sync, self._options.fsync_interval_s)))

    async def subscribe(self, readers: Mapping[str, frozenset[str]]) -> None:
        """Let destinations read these pipelines from now on; return when that is stored.

        Raises:
            StartError: there is no room on the disk, or it has failed.
        """
        self._pipelines = {self._cursors[destination]: pipelines for destination, pipelines in readers.items()}
        for cursor, pipelines in self._pipelines.items():
            cursor.subscribe(pipelines, self._next)
        self._connect()
        try:
            stored = await self._tidy()
        except Exception as error:  # noqa: BLE001 - as in `_repeat`
            self._break(error)
            raise StartError(_BROKEN) from None
        if not stored:
            raise StartError(_NO_ROOM)

    async def close_cursor(self, destination: str) -> None:
        """Forget a destination. Its file is deleted soon; one that is left is deleted by the next start."""
        cursor = self._cursors.pop(destination)
        self._pipelines.pop(cursor, None)
        self._connect()
        cursor.close()
        self._upkeep.forget(destination)

    async def append(self, records: Sequence[Record]) -> Position:
        """Add all records, or none; return the last one's position when they are synced, or written.

        Raises:
            Retryable: it is full, the disk is full, or the disk has failed.
            TooLarge: the records would not fit if it were empty.
            ValueError: no destination reads a pipeline: what it kept could never leave.
        """
        sizes = [encoded_bytes(record) for record in records]
        if HEADER_BYTES + sum(sizes) > self._options.capacity_bytes:
            raise TooLarge("the request is larger than what may wait for destinations")
        if not all(record.pipeline in self._readers for record in records):
            raise ValueError("no destination reads this pipeline")
        if self._refusal:
            raise Retryable(self._refusal, after_s=FULL_AFTER_S)
        segment = self._room.segment_for(sum(sizes), self._next)
        segment.newest_ms = max(segment.newest_ms, int(self._clock() * 1000))
        placed = [self._place(record, size, segment) for record, size in zip(records, sizes, strict=True)]
        await self._group.add(placed, sum(sizes))
        return placed[-1].entry.position

    async def broken(self) -> str:
        """Wait until the device fails. What was acknowledged stays as it is, for the next start to find."""
        await self._broken.wait()
        return _BROKEN

    @property
    def used_bytes(self) -> int:
        """Size of the files that somebody needs."""
        return self._segments.used_bytes

    @property
    def capacity_bytes(self) -> int:
        """Bytes they may have at most."""
        return self._room.capacity_bytes

    async def shutdown(self) -> None:
        """Write what has been appended, store the cursors, unlock the directory."""
        self._refusal = self._refusal or _CLOSED
        self._group.close()
        await asyncio.gather(*self._tasks[:1])
        self._stopping.set()
        await asyncio.gather(*self._tasks[1:])
        self._writing.shutdown()
        self._reading.shutdown()
        self._writer.close()
        self._directory.release()

    def _connect(self) -> None:
        self._readers = defaultdict(tuple)
        for cursor, pipelines in self._pipelines.items():
            for pipeline in pipelines:
                self._readers[pipeline] += (cursor,)

    def _place(self, record: Record, size: int, segment: Segment) -> Placed:
        """Give a record its position and its place at the end of a segment."""
        readers, end = self._readers[record.pipeline], segment.size + size
        placed = Placed(Entry(self._next, record), segment.newest_ms, segment, segment.size, end, readers)
        self._next += 1
        for cursor in readers:
            cursor.hold(segment, record)
        self._segments.resize(segment, end)
        return placed

    async def _store(self, group: Sequence[Placed]) -> None:
        """Write a group, and let it be read."""
        self._room.look(await _run(self._writing, self._write, group))
        self._metrics.appended_bytes.inc(sum(placed.end - placed.offset for placed in group))
        for placed in group:
            placed.segment.end = placed.end
            for cursor in placed.readers:
                cursor.add(placed)
        if self._disk_full:
            self._disk_full = False
            _log.info("the journal's disk has room again")

    def _write(self, group: Sequence[Placed]) -> Space:
        self._writer.write(group)
        return self._directory.space()

    def _not_stored(self, group: Sequence[Placed], error: Exception) -> str:
        """Be as before a group's appends; return what to tell those who wait."""
        for placed in group:
            for cursor in placed.readers:
                cursor.release(placed.segment, placed.entry.record)
        for segment in {placed.segment for placed in group}:
            if segment.end:
                self._segments.resize(segment, segment.end)
            else:
                self._segments.remove(segment)
        self._room.begin_anew()
        if not isinstance(error, DiskFull):
            self._break(error)
            return _BROKEN
        self._room.disk_is_full()
        if not self._disk_full:
            self._disk_full = True
            _log.warning("%s: senders are told to wait", _DISK_FULL)
        return _DISK_FULL

    def _break(self, error: Exception) -> None:
        """Acknowledge nothing more, for good: what is on the device is not known."""
        if not self._broken.is_set():
            _log.critical("%s with %s: nothing is acknowledged any more", _BROKEN, type(error).__name__)
        self._refusal = _BROKEN
        self._broken.set()

    async def _repeat(self, do: Callable[[], Awaitable[object]], every_s: float) -> None:
        try:
            await repeat(do, every_s, self._stopping)
        except Exception as error:  # noqa: BLE001 - whatever it is, what is on the device is not known any more
            self._break(error)

    async def _tidy(self) -> bool:
        return await self._upkeep.tidy(self._horizon_ms())

    async def _sync(self) -> None:
        await _run(self._writing, self._writer.sync)

    async def _load(self, segment: Segment, offset: int) -> Chunk:
        return await _run(self._reading, read_chunk, self._directory, segment, offset, segment.end)

    def _horizon_ms(self) -> int:
        age_s = self._options.max_age_s
        return int((self._clock() - age_s) * 1000) if age_s else 0

    def _oldest_age_s(self) -> float:
        times = [time_ms for cursor in self._cursors.values() if (time_ms := cursor.oldest_ms) is not None]
        return max(0.0, self._clock() - min(times) / 1000) if times else 0.0


async def _run(executor: ThreadPoolExecutor, do: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    return await asyncio.get_running_loop().run_in_executor(executor, partial(do, *args, **kwargs))
