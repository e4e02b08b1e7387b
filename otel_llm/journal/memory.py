"""The journal that forgets: batches wait in memory, and are lost with the process."""

from __future__ import annotations

import asyncio
from collections import defaultdict, deque
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from otel_llm.errors import Retryable, TooLarge
from otel_llm.journal import Cursor, Entry, Journal, Position, Record

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

__all__ = ["DEFAULT_CAPACITY_BYTES", "MemoryJournal"]

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
        if self._used_bytes + size > self._capacity_bytes:
            raise Retryable("the journal is full", after_s=_FULL_AFTER_S)
        if not all(record.pipeline in self._readers for record in records):
            raise ValueError("no destination reads this pipeline")
        for record in records:
            self._last += 1
            readers = self._readers[record.pipeline]
            kept = _Kept(Entry(self._last, record), owed=len(readers))
            for cursor in readers:
                cursor.add(kept)
        self._used_bytes += size
        return self._last

    def open_cursor(self, destination: str, pipelines: frozenset[str]) -> Cursor:
        """Return the cursor of *destination*; opened anew it reads again what has not been acknowledged."""
        cursor = self._cursors.get(destination)
        if cursor is None:
            cursor = self._cursors[destination] = MemoryCursor(self._free)
            for pipeline in pipelines:
                self._readers[pipeline].append(cursor)
        cursor.rewind()
        return cursor

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

    def _free(self, record: Record) -> None:
        self._used_bytes -= _size(record)


@dataclass(slots=True)
class _Kept:
    """One entry, shared by the cursors that read it."""

    entry: Entry
    owed: int
    """Destinations that have not acknowledged it."""


class MemoryCursor(Cursor):
    """One destination's place in a `MemoryJournal`. One task reads at a time."""

    def __init__(self, free: Callable[[Record], None]) -> None:
        self._free = free
        self._kept: dict[Position, _Kept] = {}
        self._unread: deque[Entry] = deque()
        self._appended = asyncio.Event()
        self._waiting_items = 0
        self._waiting_bytes = 0

    async def read(self, max_bytes: int) -> Sequence[Entry]:
        """Wait until something is there; return at least one entry, then as many as fit. Cancelled, it takes none."""
        while not self._unread:
            self._appended.clear()
            await self._appended.wait()
        entries = [self._unread.popleft()]
        room = max_bytes - len(entries[0].record.payload)
        while self._unread and (room := room - len(self._unread[0].record.payload)) >= 0:
            entries.append(self._unread.popleft())
        return entries

    def ack(self, position: Position) -> None:
        """Say that this destination is done with an entry. Saying it again changes nothing."""
        kept = self._kept.pop(position, None)
        if kept is None:
            return
        record = kept.entry.record
        self._waiting_items -= record.item_count
        self._waiting_bytes -= len(record.payload)
        kept.owed -= 1
        if kept.owed == 0:
            self._free(record)

    @property
    def waiting_items(self) -> int:
        """Items appended for this destination and not acknowledged yet."""
        return self._waiting_items

    @property
    def waiting_bytes(self) -> int:
        """The same in bytes of payload."""
        return self._waiting_bytes

    def add(self, kept: _Kept) -> None:
        """Let *kept* be read here too."""
        record = kept.entry.record
        self._kept[kept.entry.position] = kept
        self._unread.append(kept.entry)
        self._waiting_items += record.item_count
        self._waiting_bytes += len(record.payload)
        self._appended.set()

    def rewind(self) -> None:
        """Begin again with the oldest entry that has not been acknowledged."""
        self._unread = deque(kept.entry for kept in self._kept.values())


def _size(record: Record) -> int:
    return len(record.payload) + RECORD_BYTES
