"""One destination's place in the journal on disk."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, NamedTuple

from otel_llm.journal import CORRUPT, EXPIRED, PIPELINE_REMOVED, Cursor
from otel_llm.journal.disk.business import Business
from otel_llm.journal.disk.chunk import Chunk
from otel_llm.journal.disk.cursor_file import CursorState
from otel_llm.journal.disk.format import HEADER_BYTES
from otel_llm.journal.disk.options import DiskOptions
from otel_llm.journal.disk.owed import Owed
from otel_llm.journal.disk.segment import Placed, Segment, Segments

if TYPE_CHECKING:
    from collections.abc import Sequence

    from otel_llm.journal import Entry, Position, Record, Skipped
    from otel_llm.journal.disk.scan import Found

__all__ = ["DiskCursor", "Source"]


class Source(NamedTuple):
    """What a cursor asks of the journal."""

    segments: Segments
    load: Callable[[Segment, int], Awaitable[Chunk]]
    """Reads some records of a segment back, from an offset on."""
    horizon_ms: Callable[[], int]
    """Returns the time of append before which a record is too old to be delivered."""
    lost: Callable[[int], None]
    """Told how many records were there once, and cannot be read back."""
    options: DiskOptions
    """How much payload a cursor keeps in memory at most, and whether anything is to come."""


class _Place(NamedTuple):
    """Where the first unread record is that is not in memory, or one before it."""

    segment: Segment
    offset: int
    time_ms: int
    """About when it was appended."""


class DiskCursor(Cursor):
    """Reads what has just been written from memory, and the rest from the files. One task reads at a time.

    Its memory is what is under way at the destination and a bounded queue of the records after that. When the queue is
    full it remembers the place of the first one that did not fit, and reads from there when it gets there.
    """

    def __init__(self, destination: str, source: Source) -> None:
        """Make it; `resume`, `recover` and `subscribe` say what it reads."""
        self.destination = destination
        self.dirty = True
        """Whether `state` has changed since it was last asked for."""
        self._source = source
        self._segments = source.segments
        self.drop_oldest = False
        """Whether it gives up what it has not read where there is no room."""
        self._skipped: Skipped = lambda _signal, _items, _reason: None
        self._business = Business({})
        self._read_to: Position = 0
        self._again_to: Position = 0
        """Up to here only what is in `_again` is read from the files: the rest is done."""
        self._again: set[Position] = set()
        self._owed = Owed(source.segments, self)
        self._under_way: dict[Position, Placed] = {}
        self._unread: deque[Placed] = deque()
        self._unread_bytes = 0
        self._behind: _Place | None = None
        """None: all that is unread is in `_unread`."""
        self._appended = asyncio.Event()

    # What a destination does

    async def read(self, max_bytes: int) -> Sequence[Entry]:
        """Wait until something is there; return at least one entry, then as many as fit. Cancelled, it takes none.

        Where nothing is appended any more, nothing is returned at the end.
        """
        while True:
            entries = self._take(max_bytes)
            if entries:
                return entries
            if self._behind is None:
                if self._source.options.sealed:
                    return []
                self._appended.clear()
                await self._appended.wait()
            else:
                await self._catch_up(self._behind)

    def ack(self, position: Position) -> None:
        """Say that this destination is done with an entry. Saying it again changes nothing."""
        placed = self._under_way.pop(position, None)
        if placed is not None:
            self._settle(placed)

    def on_skip(self, skipped: Skipped) -> None:
        """Call *skipped* from now on for what is given up."""
        self._skipped = skipped

    @property
    def waiting_items(self) -> int:
        """Items appended for this destination and not acknowledged yet."""
        return self._owed.items

    @property
    def waiting_bytes(self) -> int:
        """The same in bytes of payload."""
        return self._owed.payload_bytes

    # What the journal does

    def resume(self, state: CursorState) -> None:
        """Stand where *state* says. A cursor of which nothing is known stands at the end of what is there."""
        self._read_to = self._again_to = state.read
        self._again = set(state.open)
        self._business = Business(state.business)

    def recover(self, segment: Segment, found: Found) -> None:
        """Look at a record that was there when the journal was opened. In order of positions."""
        if self._wants(found.entry):
            self._behind = self._behind or _Place(segment, found.offset, found.time_ms)
            self.hold(segment, found.entry.record)

    def subscribe(self, pipelines: frozenset[str], position: Position) -> None:
        """Read *pipelines*, and no others, from *position* on."""
        self._business.change(pipelines, position)
        self.dirty = True

    def close(self) -> None:
        """Let go of everything."""
        self._owed.forget()

    def rewind(self) -> None:
        """Begin again with the oldest entry that has not been acknowledged."""
        self._again.update(self._under_way)
        self._again_to = self._read_to
        for placed in [*self._under_way.values(), *self._unread][:1]:
            self._behind = _Place(placed.segment, placed.offset, placed.time_ms)
        self._under_way.clear()
        self._unread.clear()
        self._unread_bytes = 0

    def hold(self, segment: Segment, record: Record) -> None:
        """Count a record that is about to be written to a segment, or is found in it."""
        self._owed.add(segment, record)

    def release(self, segment: Segment, record: Record) -> None:
        """Take `hold` back: it could not be written."""
        self._owed.settle(segment, record)

    def add(self, placed: Placed) -> None:
        """Read a record, now that it has been written, in its turn."""
        if self._behind is None:
            size = len(placed.entry.record.payload)
            if self._unread and self._unread_bytes + size > self._source.options.recent_bytes:
                self._behind = _Place(placed.segment, placed.offset, placed.time_ms)
            else:
                self._unread.append(placed)
                self._unread_bytes += size
        self._appended.set()

    def droppable(self, segment: Segment) -> bool:
        """Return whether it may give up all that it is owed in a segment: it was told so, and none is under way."""
        return self.drop_oldest and not any(placed.segment is segment for placed in self._under_way.values())

    def skip(self, segment: Segment, reason: str) -> None:
        """Give up all but what is under way of a segment that is not written to any more."""
        self._unread = deque(placed for placed in self._unread if placed.segment is not segment)
        self._unread_bytes = sum(len(placed.entry.record.payload) for placed in self._unread)
        if self._behind is not None and self._behind.segment is segment:
            self._behind = self._next(self._behind)
        self._give_up(segment, reason)

    def state(self) -> CursorState:
        """Return what to store."""
        self.dirty = False
        not_done = sorted(self._again.union(self._under_way))
        self._business.forget_before(min([*not_done[:1], self._read_to + 1]))
        return CursorState(self.destination, self._read_to, not_done, self._business.ranges)

    @property
    def oldest_ms(self) -> int | None:
        """When the oldest record that waits was appended, milliseconds since 1970. None if none does."""
        first = next(iter([*self._under_way.values(), *self._unread]), self._behind) if self._owed else None
        return None if first is None else first.time_ms

    def _take(self, max_bytes: int) -> list[Entry]:
        entries: list[Entry] = []
        horizon_ms = self._source.horizon_ms()
        room = max_bytes
        while self._unread:
            placed = self._unread[0]
            size = len(placed.entry.record.payload)
            if entries and size > room:
                break
            self._unread.popleft()
            self._unread_bytes -= size
            self._read_to = max(self._read_to, placed.entry.position)
            reason = self._reason_to_skip(placed, horizon_ms)
            if reason:
                self._settle(placed)
                self._skipped(placed.entry.record.signal, placed.entry.record.item_count, reason)
                continue
            self._under_way[placed.entry.position] = placed
            entries.append(placed.entry)
            room -= size
        return entries

    def _reason_to_skip(self, placed: Placed, horizon_ms: int) -> str:
        if placed.entry.record.pipeline not in self._business.pipelines:
            return PIPELINE_REMOVED
        return EXPIRED if placed.time_ms < horizon_ms else ""

    async def _catch_up(self, place: _Place) -> None:
        """Read on from the files."""
        if place.segment in self._owed:
            chunk = await self._source.load(place.segment, place.offset)
            if self._behind is not place:  # skipped meanwhile
                return
            for found in chunk.found:
                if self._wants(found.entry):
                    self._unread.append(Placed(found.entry, found.time_ms, place.segment, found.offset, found.end))
                    self._unread_bytes += len(found.entry.record.payload)
                    place = place._replace(time_ms=found.time_ms)
            if chunk.end < place.segment.end:
                self._behind = place._replace(offset=chunk.end)
                return
        self._behind = self._next(place)
        if self._behind is not None:
            self._give_up(place.segment, CORRUPT)

    def _next(self, place: _Place) -> _Place | None:
        segment = self._segments.after(place.segment)
        return None if segment is None else _Place(segment, HEADER_BYTES, place.time_ms)

    def _wants(self, entry: Entry) -> bool:
        if not self._business.covers(entry.position, entry.record.pipeline):
            return False
        return entry.position > self._again_to or entry.position in self._again

    def _settle(self, placed: Placed) -> None:
        self._again.discard(placed.entry.position)
        self._owed.settle(placed.segment, placed.entry.record)
        self.dirty = True

    def _give_up(self, segment: Segment, reason: str) -> None:
        """Account for what a segment holds for the destination, and is neither in memory nor under way."""
        kept = [placed for placed in (*self._under_way.values(), *self._unread) if placed.segment is segment]
        gone = self._owed.forget_all_but(segment, [placed.entry.record for placed in kept])
        if not gone.records:
            return
        in_segment = self._segments.positions(segment)
        self._again -= {position for position in self._again if position in in_segment}
        self._again.update(placed.entry.position for placed in kept if placed.entry.position <= self._again_to)
        self.dirty = True
        if reason == CORRUPT:
            self._source.lost(gone.records)
        for signal, count in gone.items.items():
            self._skipped(signal, count, reason)
