"""A journal that also delivers what was left behind in others, by processes that there are no longer."""

from __future__ import annotations

import asyncio
from itertools import count
from typing import TYPE_CHECKING, Final

from otel_llm.journal import Cursor, Entry, Journal, Position, Record

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from otel_llm.journal import Skipped

__all__ = ["AdoptingJournal"]

_BEFORE_ALL: Final = -(1 << 62)
"""Journals count from 0: below that there is room for the positions of entries that come from others."""


class AdoptingJournal(Journal):
    """Appends to one journal; its cursors read the others first, to which nothing is appended any more."""

    def __init__(self, own: Journal, left: Sequence[Journal]) -> None:
        """Take journals that have not been started. The cursors of those *left* return nothing at their end."""
        self._own = own
        self._left = left
        self._all = (*left, own)

    def open_cursor(self, destination: str, pipelines: frozenset[str], *, drop_oldest: bool = False) -> Cursor:
        """Return a cursor that goes through all of them."""
        left = [each.open_cursor(destination, pipelines) for each in self._left]
        return _Cursor(self._own.open_cursor(destination, pipelines, drop_oldest=drop_oldest), left)

    async def start(self) -> None:
        """Open all.

        Raises:
            StartError: one of them cannot be used, or is in use.
        """
        for each in self._all:
            await each.start()

    async def subscribe(self, readers: Mapping[str, frozenset[str]]) -> None:
        """Let destinations read these pipelines from now on: also of what was left, they get only those."""
        for each in self._all:
            await each.subscribe(readers)

    async def close_cursor(self, destination: str) -> None:
        """Forget a destination in all of them."""
        for each in self._all:
            await each.close_cursor(destination)

    async def append(self, records: Sequence[Record]) -> Position:
        """Add all records to the journal that is its own, or none."""
        return await self._own.append(records)

    async def broken(self) -> str:
        """Wait until one of them can keep its promise no longer."""
        waiting = [asyncio.create_task(each.broken()) for each in self._all]
        try:
            done, _ = await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
            return done.pop().result()
        finally:
            for each in waiting:
                each.cancel()

    @property
    def used_bytes(self) -> int:
        """Bytes kept in all of them."""
        return sum(each.used_bytes for each in self._all)

    @property
    def capacity_bytes(self) -> int:
        """What may be kept in its own, and what is in the others."""
        return self._own.capacity_bytes + self.used_bytes - self._own.used_bytes

    async def shutdown(self) -> None:
        """Close all."""
        for each in self._all:
            await each.shutdown()


class _Cursor(Cursor):
    """One destination's places in all of them."""

    def __init__(self, own: Cursor, left: Sequence[Cursor]) -> None:
        self._own = own
        self._left = left
        self._unread = list(left)
        self._positions = count(_BEFORE_ALL)
        self._under_way: dict[Position, tuple[Cursor, Position]] = {}

    async def read(self, max_bytes: int) -> Sequence[Entry]:
        while self._unread:
            cursor = self._unread[0]
            entries = await cursor.read(max_bytes)
            if entries:
                return [self._hold(cursor, entry) for entry in entries]
            del self._unread[0]
        return await self._own.read(max_bytes)

    def ack(self, position: Position) -> None:
        cursor, position = self._under_way.pop(position, (self._own, position))
        cursor.ack(position)

    def on_skip(self, skipped: Skipped) -> None:
        for each in (*self._left, self._own):
            each.on_skip(skipped)

    @property
    def waiting_items(self) -> int:
        return sum(each.waiting_items for each in (*self._left, self._own))

    @property
    def waiting_bytes(self) -> int:
        return sum(each.waiting_bytes for each in (*self._left, self._own))

    def _hold(self, cursor: Cursor, entry: Entry) -> Entry:
        position = next(self._positions)
        self._under_way[position] = cursor, entry.position
        return Entry(position, entry.record)
