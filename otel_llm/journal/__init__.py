"""Where processed batches wait for their destinations.

A batch is appended once, however many destinations it has. Every destination reads through a cursor of its own, at its
own pace, and a record is gone when the last cursor has passed it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, NamedTuple, Protocol, runtime_checkable

from otel_llm.signals import Signal

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

__all__ = [
    "CORRUPT",
    "EXPIRED",
    "PIPELINE_REMOVED",
    "QUEUE_FULL",
    "Cursor",
    "Entry",
    "Journal",
    "JournalProvider",
    "Position",
    "Record",
    "Skipped",
]

Position = int
"""Where a record stands. Grows with every record, never comes again."""

Skipped = Callable[[Signal, int, str], None]
"""Told the signal and the number of items that a destination will not get, and which of these is the reason:"""

QUEUE_FULL: Final = "queue_full"
"""The journal was full, and the destination is one that drops its oldest then."""
EXPIRED: Final = "expired"
"""They waited for longer than is allowed."""
CORRUPT: Final = "corrupt"
"""They cannot be read any more."""
PIPELINE_REMOVED: Final = "pipeline_removed"
"""The config does not connect their pipeline with the destination any more."""


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

    def on_skip(self, skipped: Skipped) -> None:
        """Call *skipped* from now on, in the event loop, when the journal gives something up for this destination."""
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

    def open_cursor(self, destination: str, pipelines: frozenset[str], *, drop_oldest: bool = False) -> Cursor:
        """Return the cursor of *destination*, which reads what comes from *pipelines*.

        Opened anew it is the same cursor, and returns again what has not been acknowledged. Open all before `start`;
        one that is opened later may count on nothing before `subscribe` has been called.

        With *drop_oldest*, the journal makes room, when it is full, of what this destination has not read yet.
        """
        ...

    async def start(self) -> None:
        """Open it. Called once, before anything is appended or read.

        Raises:
            StartError: what it keeps its records in cannot be used.
        """
        ...

    async def subscribe(self, readers: Mapping[str, frozenset[str]]) -> None:
        """Let destinations read what is appended to these pipelines from now on, and nothing else.

        Call while nothing is appended, with all cursors open. What waits of a pipeline that a destination does not read
        any more is skipped; who is not among *readers* at all goes on with what waits until its cursor is closed.

        Raises:
            StartError: it cannot be written down.
        """
        ...

    async def close_cursor(self, destination: str) -> None:
        """Forget a destination, and what waits for it. Nothing reads through its cursor any more."""
        ...

    async def append(self, records: Sequence[Record]) -> Position:
        """Add all records, or none; return the last one's position when they are as safe as the journal promises.

        Raises:
            Retryable: it is full, or takes nothing any more.
            TooLarge: they would not fit if it were empty.
        """
        ...

    async def broken(self) -> str:
        """Wait until it can keep its promise no longer, and return why. It acknowledges nothing more, for good."""
        ...

    @property
    def used_bytes(self) -> int:
        """Bytes kept."""
        ...

    @property
    def capacity_bytes(self) -> int:
        """Bytes it may keep at most. Less than what is configured where the disk has less."""
        ...

    async def shutdown(self) -> None:
        """Close. Safe to call twice, and without `start`."""
        ...


@runtime_checkable
class JournalProvider(Protocol):
    """An extension that brings the journal along."""

    def journal(self) -> Journal:
        """Return the journal. Called once, before anything starts."""
        ...

    @property
    def dead_letters(self) -> Path | None:
        """The directory for what destinations refuse for good; None where nothing is kept on disk."""
        ...
