"""The journal that forgets: batches wait in memory, and are lost with the process."""

from __future__ import annotations

import asyncio
from collections import defaultdict, deque
from dataclasses import dataclass
from heapq import merge
from itertools import groupby
from typing import TYPE_CHECKING, Final

from otel_llm.errors import Retryable, TooLarge
from otel_llm.journal import PIPELINE_REMOVED, QUEUE_FULL, Cursor, Entry, Journal, Position, Record, Skipped

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

__all__ = ["DEFAULT_CAPACITY_BYTES", "Kept", "MemoryJournal"]

DEFAULT_CAPACITY_BYTES: Final = 64 * 1024 * 1024

RECORD_BYTES: Final = 512
"""What a record takes beside its payload, counted so that a flood of tiny requests cannot outgrow the capacity."""

_FULL_AFTER_S: Final = 1.0


class MemoryJournal(Journal):
    """Keeps records on the heap, at most *capacity_bytes* of them. For one event loop."""

    def __init__(self, capacity_bytes: int = DEFAULT_CAPACITY_BYTES) -> None:
        self._capacity_bytes = capacity_bytes
        self._used_bytes = 0
        self._last: Position = 0
        self._cursors: dict[str, MemoryCursor] = {}
        self._readers: defaultdict[str, list[MemoryCursor]] = defaultdict(list)

    async def append(self, records: Sequence[Record]) -> Position:
        """Add all records, or none; return the last one's position.

        Raises:
            Retryable: it is full.
            TooLarge: the records would not fit if it were empty.
            ValueError: no destination reads a pipeline: what it kept could never leave.
        """
        size = sum(map(_size, records))
        if size > self._capacity_bytes:
            raise TooLarge("the request is larger than what may wait for destinations")
        if self._used_bytes + size > self._capacity_bytes and not self._drop_oldest(size):
            raise Retryable("the journal is full", after_s=_FULL_AFTER_S)
        if not all(self._readers.get(record.pipeline) for record in records):
            raise ValueError("no destination reads this pipeline")
        for record in records:
            self._last += 1
            readers = self._readers[record.pipeline]
            kept = Kept(Entry(self._last, record), set(readers))
            for cursor in readers:
                cursor.add(kept)
        self._used_bytes += size
        return self._last

    def open_cursor(self, destination: str, pipelines: frozenset[str], *, drop_oldest: bool = False) -> Cursor:
        """Return the cursor of *destination*; opened anew it reads again what has not been acknowledged."""
        cursor = self._cursors.get(destination)
        if cursor is None:
            cursor = self._cursors[destination] = MemoryCursor(self._free)
            for pipeline in pipelines:
                self._readers[pipeline].append(cursor)
        cursor.drop_oldest = drop_oldest
        cursor.rewind()
        return cursor

    async def start(self) -> None:
        """Do nothing: there is nothing to open."""

    async def subscribe(self, readers: Mapping[str, frozenset[str]]) -> None:
        """Let destinations read what is appended to these pipelines from now on."""
        self._readers = defaultdict(list)
        for destination, pipelines in readers.items():
            cursor = self._cursors[destination]
            cursor.drop_removed(pipelines)
            for pipeline in pipelines:
                self._readers[pipeline].append(cursor)

    async def close_cursor(self, destination: str) -> None:
        """Forget a destination, and what waits for it."""
        cursor = self._cursors.pop(destination)
        for readers in self._readers.values():
            if cursor in readers:
                readers.remove(cursor)
        cursor.close()

    async def broken(self) -> str:
        """Wait for what never happens."""
        never: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        return await never

    @property
    def used_bytes(self) -> int:
        """Bytes kept, those around the payloads included."""
        return self._used_bytes

    @property
    def capacity_bytes(self) -> int:
        """Bytes it may keep at most."""
        return self._capacity_bytes

    async def shutdown(self) -> None:
        """Do nothing: what is kept goes with the object."""

    def _drop_oldest(self, size: int) -> bool:
        """Make room of what destinations that were told so have not read, oldest first; but nothing in vain."""
        room = self._capacity_bytes - self._used_bytes
        unread = merge(*(cursor.droppable() for cursor in self._cursors.values()), key=lambda kept: kept.entry.position)
        dropped: list[Kept] = []
        for kept, _ in groupby(unread):
            if room >= size:
                break
            if all(cursor.may_drop(kept) for cursor in kept.holders):
                dropped.append(kept)
                room += _size(kept.entry.record)
        if room < size:
            return False
        for kept in dropped:
            for cursor in tuple(kept.holders):
                cursor.drop(kept)
        return True

    def _free(self, kept: Kept) -> None:
        self._used_bytes -= _size(kept.entry.record)


@dataclass(eq=False, slots=True)
class Kept:
    """One entry, shared by the cursors that read it."""

    entry: Entry
    holders: set[MemoryCursor]
    """Destinations that have not acknowledged it."""


class MemoryCursor(Cursor):
    """One destination's place in a `MemoryJournal`. One task reads at a time."""

    def __init__(self, free: Callable[[Kept], None]) -> None:
        self.drop_oldest = False
        """Whether it gives up what it has not read where there is no room."""
        self._free = free
        self._skipped: Skipped = lambda _signal, _items, _reason: None
        self._kept: dict[Position, Kept] = {}
        self._unread: deque[Kept] = deque()
        self._appended = asyncio.Event()
        self._waiting_items = 0
        self._waiting_bytes = 0

    async def read(self, max_bytes: int) -> Sequence[Entry]:
        """Wait until something is there; return at least one entry, then as many as fit. Cancelled, it takes none."""
        while not self._unread:
            self._appended.clear()
            await self._appended.wait()
        entries = [self._unread.popleft().entry]
        room = max_bytes - len(entries[0].record.payload)
        while self._unread and (room := room - len(self._unread[0].entry.record.payload)) >= 0:
            entries.append(self._unread.popleft().entry)
        return entries

    def ack(self, position: Position) -> None:
        """Say that this destination is done with an entry. Saying it again changes nothing."""
        kept = self._kept.pop(position, None)
        if kept is None:
            return
        record = kept.entry.record
        self._waiting_items -= record.item_count
        self._waiting_bytes -= len(record.payload)
        kept.holders.remove(self)
        if not kept.holders:
            self._free(kept)

    def on_skip(self, skipped: Skipped) -> None:
        """Call *skipped* from now on for what is dropped."""
        self._skipped = skipped

    @property
    def waiting_items(self) -> int:
        """Items appended for this destination and not acknowledged yet."""
        return self._waiting_items

    @property
    def waiting_bytes(self) -> int:
        """The same in bytes of payload."""
        return self._waiting_bytes

    def add(self, kept: Kept) -> None:
        """Let *kept* be read here too."""
        record = kept.entry.record
        self._kept[kept.entry.position] = kept
        self._unread.append(kept)
        self._waiting_items += record.item_count
        self._waiting_bytes += len(record.payload)
        self._appended.set()

    def rewind(self) -> None:
        """Begin again with the oldest entry that has not been acknowledged."""
        self._unread = deque(self._kept.values())

    def droppable(self) -> Iterable[Kept]:
        """Return what it might drop, oldest first."""
        return self._unread if self.drop_oldest else ()

    def may_drop(self, kept: Kept) -> bool:
        """Return whether an entry that it has not acknowledged is among `droppable`."""
        return self.drop_oldest and bool(self._unread) and self._unread[0].entry.position <= kept.entry.position

    def drop(self, kept: Kept, reason: str = QUEUE_FULL) -> None:
        """Give up an entry that it has not read."""
        self._unread.remove(kept)
        self.ack(kept.entry.position)
        self._skipped(kept.entry.record.signal, kept.entry.record.item_count, reason)

    def drop_removed(self, pipelines: frozenset[str]) -> None:
        """Give up what it has not read of all but *pipelines*."""
        for kept in [kept for kept in self._unread if kept.entry.record.pipeline not in pipelines]:
            self.drop(kept, PIPELINE_REMOVED)

    def close(self) -> None:
        """Let go of everything."""
        for position in tuple(self._kept):
            self.ack(position)


def _size(record: Record) -> int:
    return len(record.payload) + RECORD_BYTES
