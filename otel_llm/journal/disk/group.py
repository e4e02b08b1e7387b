"""Lets appends that come close together share one write and one sync."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from contextlib import suppress
from typing import TYPE_CHECKING, Final, NamedTuple

from otel_llm.errors import Retryable
from otel_llm.journal.disk.segment import Placed

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

__all__ = ["GroupCommit"]

_RETRY_AFTER_S: Final = 1.0


class _Waiting(NamedTuple):
    """One append."""

    records: Sequence[Placed]
    outcome: asyncio.Future[str]
    """Empty, or why it was not stored."""


class GroupCommit:
    """Collects records, hands them on together, and tells everybody who waits. One group is on its way at a time."""

    def __init__(
        self,
        store: Callable[[Sequence[Placed]], Awaitable[None]],
        failed: Callable[[Sequence[Placed], Exception], str],
        linger_s: float,
        group_bytes: int,
    ) -> None:
        """Take what it is made of.

        Args:
            store: returns when a group is safe.
            failed: told a group that is not, with everything that was collected behind it, and why. Returns a sentence
                for those who wait.
            linger_s: how long after a group the next one begins at the earliest: whoever comes alone waits for nobody.
            group_bytes: a group of so many waits for no others.
        """
        self._store = store
        self._failed = failed
        self._linger_s = linger_s
        self._group_bytes = group_bytes
        self._waiting: list[_Waiting] = []
        self._bytes = 0
        self._next_s = 0.0
        """When the next group may begin, on the loop's clock."""
        self._closing = False
        self._some = asyncio.Event()
        self._enough = asyncio.Event()

    async def add(self, records: Sequence[Placed], size: int) -> None:
        """Return when *records*, *size* bytes, are safe.

        Raises:
            Retryable: they are not, and never will be.
        """
        waiting = _Waiting(records, asyncio.get_running_loop().create_future())
        self._waiting.append(waiting)
        self._bytes += size
        self._some.set()
        if self._bytes >= self._group_bytes:
            self._enough.set()
        problem = await waiting.outcome
        if problem:
            raise Retryable(problem, after_s=_RETRY_AFTER_S)

    async def run(self) -> None:
        """Store group after group, until `close` has been called and nothing is left."""
        loop = asyncio.get_running_loop()
        while self._waiting or not self._closing:
            await self._some.wait()
            if self._next_s > loop.time():
                with suppress(TimeoutError):
                    async with asyncio.timeout_at(self._next_s):
                        await self._enough.wait()
            self._next_s = loop.time() + self._linger_s
            if self._waiting:
                await self._store_one(self._collected())

    def close(self) -> None:
        """Let `run` end, without waiting for anything to come."""
        self._closing = True
        self._some.set()
        self._enough.set()

    async def _store_one(self, waiting: list[_Waiting]) -> None:
        problem = ""
        try:
            await self._store(_records(waiting))
        except Exception as error:  # noqa: BLE001 - `failed` knows them; whoever waits must not wait for ever
            waiting += self._collected()  # in the files it would stand behind what is not there
            problem = self._failed(_records(waiting), error)
        for each in waiting:
            if not each.outcome.done():  # whoever waited may have gone
                each.outcome.set_result(problem)

    def _collected(self) -> list[_Waiting]:
        waiting, self._waiting, self._bytes = self._waiting, [], 0
        if not self._closing:
            self._some.clear()
            self._enough.clear()
        return waiting


def _records(waiting: Sequence[_Waiting]) -> list[Placed]:
    return [record for each in waiting for record in each.records]
