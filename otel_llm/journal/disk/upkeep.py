"""What is done from time to time: files deleted that nobody needs, cursors stored, what is too old given up."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import TYPE_CHECKING, NamedTuple

from otel_llm.journal.disk.cursor_file import encode_state, file_name
from otel_llm.journal.disk.directory import DiskFull
from otel_llm.journal.filesystem import Space

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping, Sequence
    from concurrent.futures import Executor

    from otel_llm.journal.disk.cursor import DiskCursor
    from otel_llm.journal.disk.cursor_file import CursorState
    from otel_llm.journal.disk.directory import Directory
    from otel_llm.journal.disk.room import Room
    from otel_llm.journal.disk.segment import Segments

__all__ = ["Upkeep", "repeat"]


class _Tidied(NamedTuple):
    space: Space
    stored: bool
    """Whether the cursors are; if not, there was no room for them."""


class Upkeep:
    """Keeps the directory as the cursors are."""

    def __init__(
        self,
        directory: Directory,
        segments: Segments,
        room: Room,
        cursors: Mapping[str, DiskCursor],
        executor: Executor,
    ) -> None:
        self._directory = directory
        self._segments = segments
        self._room = room
        self._cursors = cursors
        self._executor = executor
        self._obsolete: list[str] = []
        self._one_at_a_time = asyncio.Lock()

    def forget(self, destination: str) -> None:
        """Let a destination's file be deleted by the next `tidy`."""
        self._obsolete.append(file_name(destination))

    async def tidy(self, horizon_ms: int) -> bool:
        """Do all of it; return whether all cursors are stored. There may be no room for them.

        Raises:
            SyncFailed, OSError: the device failed.
        """
        async with self._one_at_a_time:
            self._room.give_up_expired(horizon_ms)
            segments = self._segments.removable()
            cursors = [cursor for cursor in self._cursors.values() if cursor.dirty]
            names = [*self._obsolete, *(segment.name for segment in segments)]
            self._obsolete = []
            states = [cursor.state() for cursor in cursors]
            tidied = await asyncio.get_running_loop().run_in_executor(self._executor, self._tidy, names, states)
            for segment in segments:
                self._segments.remove(segment)
            for cursor in cursors:
                cursor.dirty |= not tidied.stored
            self._room.look(tidied.space)
            return tidied.stored

    def _tidy(self, names: Sequence[str], states: Sequence[CursorState]) -> _Tidied:
        """Delete, then store: on a full disk the first makes room for the second."""
        for name in names:
            self._directory.delete(name)
        stored = True
        try:
            for state in states:
                self._directory.replace(file_name(state.destination), encode_state(state))
        except DiskFull:
            stored = False
        if names or states:
            self._directory.sync()
        return _Tidied(self._directory.space(), stored)


async def repeat(do: Callable[[], Awaitable[object]], every_s: float, stopping: asyncio.Event) -> None:
    """Do something again and again, and a last time after *stopping* was set."""
    last = False
    while not last:
        last = stopping.is_set()
        await do()
        if not last:
            with suppress(TimeoutError):
                async with asyncio.timeout(every_s):
                    await stopping.wait()
