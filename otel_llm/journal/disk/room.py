"""Which segment the next records go to, and whether there is room for them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from otel_llm.errors import Retryable
from otel_llm.journal import EXPIRED, QUEUE_FULL
from otel_llm.journal.disk.format import HEADER_BYTES
from otel_llm.journal.disk.segment import Segment, Segments

if TYPE_CHECKING:
    from otel_llm.journal import Position
    from otel_llm.journal.disk.options import DiskOptions
    from otel_llm.journal.filesystem import Space

__all__ = ["FULL_AFTER_S", "Room"]

FULL_AFTER_S: Final = 1.0
"""When senders may come back."""


class Room:
    """Room as the config and the disk allow it. Counted in files: it comes back when nobody needs a file any more."""

    def __init__(self, segments: Segments, options: DiskOptions) -> None:
        self._segments = segments
        self._options = options
        self._active: Segment | None = None
        self._disk_bytes = options.capacity_bytes
        """What may be kept with regard to the disk, as it was when it was last looked at."""

    @property
    def capacity_bytes(self) -> int:
        """Bytes that may be kept."""
        return max(0, min(self._options.capacity_bytes, self._disk_bytes))

    def look(self, space: Space) -> None:
        """Learn how much room the disk has."""
        self._disk_bytes = self._segments.used_bytes + space.free - self._options.reserve_bytes(space.total)

    def disk_is_full(self) -> None:
        """Allow nothing more until the next look."""
        self._disk_bytes = self._segments.used_bytes

    def segment_for(self, size: int, position: Position) -> Segment:
        """Return where the next *size* bytes go: to the newest segment, or a new one which begins with *position*.

        Raises:
            Retryable: there is no room for them.
        """
        segment = self._active
        # What nobody needs of the newest segment takes room again as soon as somebody needs something in it.
        if segment is None or (
            segment.size > HEADER_BYTES
            and (
                segment.size + size > self._options.segment_limit
                or (not segment.holders and not self._fits(segment.size + size))
            )
        ):
            segment = Segment(position)
        needed = size if segment.holders else segment.size + size
        # The newest file is kept for its name, be it all that the disk holds; it goes once there is one after it.
        spent = self._segments.spent_bytes() if segment is not self._active else 0
        if not self._fits(needed, spent):
            self._drop_oldest(needed)
        if not self._fits(needed, spent):
            raise Retryable("the journal is full", after_s=FULL_AFTER_S)
        if segment is not self._active:
            self._segments.add(segment)
            self._active = segment
        return segment

    def begin_anew(self) -> None:
        """Let the next records begin a new segment: the newest is not as it should be."""
        self._active = None

    def give_up_expired(self, horizon_ms: int) -> None:
        """Let everybody give up segments in which nothing is newer."""
        for segment in self._finished():
            if segment.newest_ms < horizon_ms:
                _give_up(segment, EXPIRED)

    def _fits(self, needed: int, spent: int = 0) -> bool:
        """Tell whether there is room for so much, where files of *spent* bytes are deleted once it is written."""
        allowed = min(self._options.capacity_bytes, self._disk_bytes + spent)
        return self._segments.used_bytes + needed <= allowed

    def _drop_oldest(self, needed: int) -> None:
        """Let destinations that were told so give up their oldest, if that frees enough files."""
        droppable: list[Segment] = []
        for segment in self._finished():
            if segment.holders and all(cursor.droppable(segment) for cursor in segment.holders):
                droppable.append(segment)
                needed -= segment.size
                if self._fits(needed):
                    break
        else:
            return
        for segment in droppable:
            _give_up(segment, QUEUE_FULL)

    def _finished(self) -> list[Segment]:
        """Return the segments to which nothing more is written, oldest first."""
        return [each for each in self._segments if each is not self._active and each.size == each.end]


def _give_up(segment: Segment, reason: str) -> None:
    for cursor in tuple(segment.holders):
        cursor.skip(segment, reason)
