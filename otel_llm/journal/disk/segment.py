"""Which segments there are, who still needs them, and how much room they take. Touched in the event loop only."""

from __future__ import annotations

import os
from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass, field
from operator import attrgetter
from typing import TYPE_CHECKING, Final, NamedTuple

from otel_llm.journal import Entry
from otel_llm.journal.disk.format import HEADER_BYTES, MARKER_BYTES

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from otel_llm.journal import Position
    from otel_llm.journal.disk.cursor import DiskCursor  # noqa: TC004 - which imports this module

__all__ = ["Placed", "Segment", "Segments", "has_records"]

_SUFFIX: Final = ".segment"


@dataclass(eq=False, slots=True)
class Segment:
    """One file of records."""

    base: Position
    """The first position that may be in it."""
    marker: bytes = field(default_factory=lambda: os.urandom(MARKER_BYTES))
    end: int = 0
    """How far it has been written and may be read. 0: there is no file yet."""
    size: int = HEADER_BYTES
    """How long it is, with what is about to be written."""
    newest_ms: int = 0
    """When its last record was appended, milliseconds since 1970."""
    holders: set[DiskCursor] = field(default_factory=set)
    """Who has something in it that is not acknowledged."""

    @property
    def name(self) -> str:
        """Its file's name."""
        return f"{self.base:020d}{_SUFFIX}"


class Placed(NamedTuple):
    """A record, and where it stands in the files."""

    entry: Entry
    time_ms: int
    segment: Segment
    offset: int
    end: int
    readers: Sequence[DiskCursor] = ()
    """Whose business it was when it was appended."""


class Segments:
    """All segments, oldest first."""

    def __init__(self) -> None:
        self._all: list[Segment] = []
        self.used_bytes = 0
        """Size of those that somebody needs."""

    def __iter__(self) -> Iterator[Segment]:
        return iter(self._all)

    def __len__(self) -> int:
        return len(self._all)

    def add(self, segment: Segment) -> None:
        """Put a segment behind all others."""
        self._all.append(segment)

    def remove(self, segment: Segment) -> None:
        """Forget a segment that nobody needs."""
        self._all.remove(segment)

    def hold(self, segment: Segment, cursor: DiskCursor) -> None:
        """Note that *cursor* needs a segment."""
        if not segment.holders:
            self.used_bytes += segment.size
        segment.holders.add(cursor)

    def let_go(self, segment: Segment, cursor: DiskCursor) -> None:
        """Note that *cursor* does not need it any more."""
        segment.holders.discard(cursor)
        if not segment.holders:
            self.used_bytes -= segment.size

    def resize(self, segment: Segment, size: int) -> None:
        """Note a segment's new size."""
        if segment.holders:
            self.used_bytes += size - segment.size
        segment.size = size

    def after(self, segment: Segment) -> Segment | None:
        """Return the next segment that can be read, None if there is none yet."""
        at = bisect_right(self._all, segment.base, key=attrgetter("base"))
        return next((each for each in self._all[at:] if each.end), None)

    def positions(self, segment: Segment) -> range:
        """Return the positions that may be in a segment behind which there is another."""
        return range(segment.base, self._all[self._all.index(segment) + 1].base)

    def removable(self) -> list[Segment]:
        """Return what can be deleted: files that nobody needs, but for the newest, whose name keeps the positions."""
        written = [segment for segment in self._all if segment.end]
        return [segment for segment in written[:-1] if not segment.holders]

    def spent_bytes(self) -> int:
        """Return the size of the newest file where nobody needs it."""
        newest = next((segment for segment in reversed(self._all) if segment.end), None)
        return 0 if newest is None or newest.holders else newest.end


def has_records(directory: Path) -> bool:
    """Return whether anything may wait in a journal's directory, without opening it."""
    return any(directory.glob(f"*{_SUFFIX}"))
