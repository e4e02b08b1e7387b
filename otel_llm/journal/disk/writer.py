"""Writes records to segments and syncs them. Everything here blocks, and runs in one thread."""

from __future__ import annotations

from itertools import groupby
from operator import attrgetter
from typing import TYPE_CHECKING

from otel_llm.journal.disk.directory import DiskFull
from otel_llm.journal.disk.format import encode, encode_header

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from otel_llm.journal.disk.directory import Directory
    from otel_llm.journal.disk.segment import Placed, Segment
    from otel_llm.telemetry import Histogram

__all__ = ["SegmentWriter"]


class SegmentWriter:
    """Appends to the newest segment, and makes it when it is a new one."""

    def __init__(self, directory: Directory, sync_seconds: Histogram, *, sync_each: bool) -> None:
        """Take what it is made of.

        Args:
            directory: claimed.
            sync_seconds: shows how long a sync takes.
            sync_each: whether `write` returns after a sync.
        """
        self._directory = directory
        self._sync_seconds = sync_seconds
        self._after_write = self.sync if sync_each else self._leave
        self._segment: Segment | None = None
        self._fd = -1
        self._dirty = False

    def write(self, records: Sequence[Placed]) -> None:
        """Write records, which go on where the last ones ended.

        Raises:
            DiskFull: nothing is left of what should have been written.
            SyncFailed, OSError: the device failed.
        """
        try:
            self._put_all(records)
        except DiskFull:
            self._undo({placed.segment for placed in records})
            raise
        self._after_write()

    def sync(self) -> None:
        """Sync what has been written since the last time."""
        if self._dirty:
            with self._sync_seconds.time():
                self._directory.sync_file(self._fd)
            self._dirty = False

    def close(self) -> None:
        """Close the file. What is not synced stays so."""
        if self._segment is not None:
            self._segment = None
            self._dirty = False
            self._directory.filesystem.close(self._fd)

    def _put_all(self, records: Iterable[Placed]) -> None:
        for segment, group in groupby(records, attrgetter("segment")):
            placed = list(group)
            if segment is not self._segment:
                self._begin(segment)
            self._dirty = True
            parts = [part for each in placed for part in encode(each.entry, each.time_ms, segment.marker)]
            self._directory.write(self._fd, b"".join(parts), placed[0].offset)

    def _begin(self, segment: Segment) -> None:
        """Make a segment's file. Its header is synced with its first records, which may be acknowledged only then."""
        self.sync()
        self.close()
        self._fd = self._directory.create(segment.name)
        self._segment = segment
        self._directory.write(self._fd, encode_header(segment.base, segment.marker), 0)
        self._directory.sync()

    def _undo(self, segments: Iterable[Segment]) -> None:
        """Take back what was written of records that do not fit. The next ones begin a new file."""
        self.close()
        for segment in segments:
            if segment.end:
                self._directory.cut(segment.name, segment.end)
            else:
                self._directory.unlink(segment.name)

    def _leave(self) -> None:
        """Sync later."""
