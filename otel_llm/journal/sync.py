"""The journal that keeps nothing for anybody: an append returns when every destination has taken it."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from otel_llm.journal.memory import Kept, MemoryJournal

if TYPE_CHECKING:
    from collections.abc import Sequence

    from otel_llm.journal import Position, Record

__all__ = ["SyncJournal"]


class SyncJournal(MemoryJournal):
    """Leaves the keeping to the sender, who has it until he is answered.

    Taken means acknowledged by the cursors: delivered, or given up for good.
    """

    def __init__(self, capacity_bytes: int) -> None:
        super().__init__(capacity_bytes)
        self._under_way: dict[Position, asyncio.Future[None]] = {}

    async def append(self, records: Sequence[Record]) -> Position:
        """Add all records, or none; return the last one's position when no destination has anything to do with them.

        Who waits may go away: what he has brought is delivered nevertheless.

        Raises:
            Retryable: too much is under way.
            TooLarge: the records would not fit if nothing were.
        """
        last = await super().append(records)
        loop = asyncio.get_running_loop()
        for position in range(last - len(records) + 1, last + 1):
            self._under_way[position] = loop.create_future()
        await asyncio.gather(*(self._under_way[position] for position in range(last - len(records) + 1, last + 1)))
        return last

    def _free(self, kept: Kept) -> None:
        super()._free(kept)
        taken = self._under_way.pop(kept.entry.position)
        if not taken.done():
            taken.set_result(None)
