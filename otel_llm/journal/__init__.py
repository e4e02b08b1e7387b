"""Where processed batches wait for their destinations.

A batch is appended once, however many destinations it has. Every destination reads through a cursor of its own, at its
own pace, and a record is gone when the last cursor has passed it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple, Protocol, runtime_checkable

if TYPE_CHECKING:
    from collections.abc import Sequence

    from otel_llm.signals import Signal

__all__ = ["Cursor", "Entry", "Journal", "JournalProvider", "Position", "Record"]

Position = int
"""Where a record stands. Grows with every record, never comes again."""


@dataclass(frozen=True, slots=True)
class Record:
    """One processed batch."""

    pipeline: str
    """The pipeline it went through, such as `traces` or `traces/eu`: decides which cursors read it."""
    signal: Signal
    item_count: int
    """Spans, log records or metric points in the payload."""
    payload: bytes
    """One OTLP export request, protobuf. Any two of one signal may be merged by concatenation."""
    tenant: str | None = None
    """Whom the sender's credentials stand for."""


class Entry(NamedTuple):
    """A record, and where it stands."""

    position: Position
    record: Record


class Cursor(Protocol):
    """One destination's place in the journal."""

    async def read(self, max_bytes: int) -> Sequence[Entry]:
        """Wait until something is there; return it in order, at least one entry, then as many as fit in *max_bytes*.

        What was returned is not returned again, unless the cursor is opened anew before it was acknowledged.
        """
        ...

    def ack(self, position: Position) -> None:
        """Say that this destination is done with an entry: delivered, or given up. In any order."""
        ...

    @property
    def waiting_items(self) -> int:
        """Items appended for this destination and not acknowledged yet, those under way included."""
        ...

    @property
    def waiting_bytes(self) -> int:
        """The same in bytes of payload."""
        ...


class Journal(Protocol):
    """Keeps records until every cursor that reads their pipeline has acknowledged them."""

    async def append(self, records: Sequence[Record]) -> Position:
        """Add all records, or none; return the last one's position when they are as safe as the journal promises.

        Raises:
            Retryable: it is full.
        """
        ...

    def open_cursor(self, destination: str, pipelines: frozenset[str]) -> Cursor:
        """Return the cursor of *destination*, which reads what comes from *pipelines*. Open all before appending."""
        ...

    @property
    def used_bytes(self) -> int:
        """Bytes kept."""
        ...

    @property
    def capacity_bytes(self) -> int:
        """Bytes it may keep at most."""
        ...

    async def shutdown(self) -> None:
        """Close. Safe to call twice."""
        ...


@runtime_checkable
class JournalProvider(Protocol):
    """An extension that brings the journal along."""

    def journal(self) -> Journal:
        """Return the journal. Called once, before anything starts."""
        ...
