"""Writes down in the truth what was granted in front of it, a moment later and many at once."""

from __future__ import annotations

import asyncio
import logging
import time
from typing import TYPE_CHECKING, Final

from otel_llm.errors import Permanent, Retryable

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence

    from otel_llm.budget.ledger.records import Hold

__all__ = ["Behind"]

_MOST: Final = 500
"""Holds of one transaction."""
_AGAIN_S: Final = 0.1

_log = logging.getLogger(__name__)


class Behind:
    """Holds on their way to the truth."""

    def __init__(self, write: Callable[[Sequence[Hold]], Awaitable[None]]) -> None:
        """Take what writes some of them."""
        self._write = write
        self._waiting: dict[str, Hold] = {}
        self._task: asyncio.Task[None] | None = None
        self._lock = asyncio.Lock()
        self._since_s = 0.0

    @property
    def late_s(self) -> float:
        """For how long nothing could be written that waits to be."""
        return time.monotonic() - self._since_s if self._waiting else 0.0

    def add(self, hold: Hold) -> None:
        """Let a hold be written."""
        if not self._waiting:
            self._since_s = time.monotonic()
        self._waiting[hold.id] = hold
        if self._task is None or self._task.done():
            self._task = asyncio.create_task(self._run())

    async def flush(self) -> None:
        """Return when all that waits has been written.

        Raises:
            Retryable: it cannot be, now.
        """
        while self._waiting:
            await self._step()

    async def shutdown(self) -> None:
        """Write what waits, if that can be done now."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
        await self.flush()

    async def _run(self) -> None:
        while self._waiting:
            try:
                await self._step()
            except Retryable:  # said by everybody else who asks the truth
                await asyncio.sleep(_AGAIN_S)

    async def _step(self) -> None:
        async with self._lock:
            holds = list(self._waiting.values())[:_MOST]
            if not holds:
                return
            try:
                await self._write(holds)
            except Permanent:
                _log.error("%d holds could not be written down", len(holds))
            for hold in holds:
                if self._waiting.get(hold.id) is hold:
                    del self._waiting[hold.id]
            self._since_s = time.monotonic()
