"""What only the journal in memory does."""

from __future__ import annotations

import pytest

from otel_llm.errors import Retryable
from otel_llm.journal import Record
from otel_llm.journal.memory import RECORD_BYTES, MemoryJournal
from otel_llm.signals import Signal

CAPACITY = 16 * 1024


def record(payload: bytes = b"payload", *, pipeline: str = "traces") -> Record:
    """Return a record to append."""
    return Record(pipeline, Signal.TRACES, 1, payload)


async def test_nobody_reads_it() -> None:
    """A record for which there is no destination is a bug of the host: it raises, and nothing is kept."""
    journal = MemoryJournal(CAPACITY)
    cursor = journal.open_cursor("a", frozenset({"traces"}))

    with pytest.raises(ValueError, match="no destination"):
        await journal.append([record(), record(pipeline="metrics")])

    assert (0, 0) == (journal.used_bytes, cursor.waiting_items)


async def test_tiny_records_count_more_than_their_payload() -> None:
    """What a record takes beside its payload counts too, so that tiny ones cannot outgrow the capacity."""
    journal = MemoryJournal(10 * RECORD_BYTES)
    journal.open_cursor("a", frozenset({"traces"}))

    for _ in range(9):
        await journal.append([record(b"x")])
    with pytest.raises(Retryable):
        await journal.append([record(b"x")])
