"""What one destination is owed: how much, and in which segments."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    from otel_llm.journal import Record
    from otel_llm.journal.disk.cursor import DiskCursor
    from otel_llm.journal.disk.segment import Segment, Segments
    from otel_llm.signals import Signal

__all__ = ["Owed", "Sum"]


@dataclass(slots=True)
class Sum:
    """Some records, counted."""

    records: int = 0
    payload_bytes: int = 0
    items: Counter[Signal] = field(default_factory=Counter)

    def count(self, record: Record, sign: int = 1) -> None:
        """Add a record, or take it out."""
        self.records += sign
        self.payload_bytes += sign * len(record.payload)
        self.items[record.signal] += sign * record.item_count


class Owed:
    """Sums by segment, however many records wait; keeps each segment held for as long as its sum is not nothing."""

    def __init__(self, segments: Segments, holder: DiskCursor) -> None:
        self._segments = segments
        self._holder = holder
        self._sums: dict[Segment, Sum] = {}
        self.items = 0
        self.payload_bytes = 0

    def __bool__(self) -> bool:
        return bool(self._sums)

    def __contains__(self, segment: Segment) -> bool:
        return segment in self._sums

    def add(self, segment: Segment, record: Record) -> None:
        """Count a record that is in a segment, or is about to be."""
        if segment not in self._sums:
            self._sums[segment] = Sum()
            self._segments.hold(segment, self._holder)
        self._count(segment, record, 1)

    def settle(self, segment: Segment, record: Record) -> None:
        """Take a record out."""
        if segment in self._sums:  # not if all has been forgotten meanwhile
            self._count(segment, record, -1)
            self._let_go_if_done(segment)

    def forget_all_but(self, segment: Segment, records: Iterable[Record]) -> Sum:
        """Take all out that a segment holds except *records*; return how much that was."""
        before, after = self._sums.get(segment, Sum()), Sum()
        for record in records:
            after.count(record)
        gone = Sum(
            before.records - after.records, before.payload_bytes - after.payload_bytes, before.items - after.items
        )
        if gone.records:
            self.items -= gone.items.total()
            self.payload_bytes -= gone.payload_bytes
            self._sums[segment] = after
            self._let_go_if_done(segment)
        return gone

    def forget(self) -> None:
        """Take all out."""
        for segment in tuple(self._sums):
            self.forget_all_but(segment, ())

    def _count(self, segment: Segment, record: Record, sign: int) -> None:
        self._sums[segment].count(record, sign)
        self.items += sign * record.item_count
        self.payload_bytes += sign * len(record.payload)

    def _let_go_if_done(self, segment: Segment) -> None:
        if not self._sums[segment].records:
            del self._sums[segment]
            self._segments.let_go(segment, self._holder)
