"""Tells the truth what was granted in front of it, a moment later, and what clients settle: many at once.

One transaction is under way at a time. Settlements that come meanwhile share the next one, which begins at once.
"""

from __future__ import annotations

import asyncio
import logging
import time
from typing import TYPE_CHECKING, Final

from otel_llm.errors import Permanent, Retryable

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping, Sequence

    from otel_llm.budget.ledger.records import Hold, Settled
    from otel_llm.budget.ledger.together import Settlement

    Asked = tuple[Settlement, asyncio.Future[Settled | None]]

__all__ = ["Behind"]

_MOST: Final = 500
"""Holds and settlements of one transaction."""
_LINGER_S: Final = 0.01
"""For which holds that nobody asks for wait for others."""
_AGAIN_S: Final = 0.1

_log = logging.getLogger(__name__)


class Behind:
    """Holds and settlements on their way to the truth."""

    def __init__(
        self,
        write: Callable[[Sequence[Hold]], Awaitable[None]],
        settle: Callable[[Sequence[Settlement], Sequence[Hold]], Awaitable[Mapping[str, Settled]]],
    ) -> None:
        """Take what writes some holds, and what settles some reservations once it has.

        The latter may leave some out, whose clients are then answered with None.
        """
        self._write = write
        self._settle = settle
        self._waiting: dict[str, Hold] = {}
        self._asked: list[Asked] = []
        self._timer: asyncio.TimerHandle | None = None
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
        self._linger()

    def get(self, reservation_id: str) -> Hold | None:
        """Return a hold that waits to be written."""
        return self._waiting.get(reservation_id)

    async def settle(self, settlement: Settlement) -> Settled | None:
        """Return what a settlement has come to, when that is in the truth; None if it needs a transaction of its own.

        Raises:
            Retryable: the truth cannot be reached.
            Permanent: it does not take this.
        """
        answer: asyncio.Future[Settled | None] = asyncio.get_running_loop().create_future()
        self._asked.append((settlement, answer))
        self._begin()
        return await answer

    async def flush(self) -> None:
        """Return when all holds that wait have been written.

        Raises:
            Retryable: they cannot be, now.
        """
        while self._waiting:
            async with self._lock:
                await self._write_some()

    async def shutdown(self) -> None:
        """Write what waits, if that can be done now."""
        if self._timer is not None:
            self._timer.cancel()
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
        await self.flush()

    def _linger(self) -> None:
        if self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(_LINGER_S, self._linger_no_longer)

    def _linger_no_longer(self) -> None:
        self._timer = None
        self._begin()

    def _begin(self) -> None:
        if self._task is None or self._task.done():
            self._task = asyncio.create_task(self._run())

    async def _run(self) -> None:
        while self._asked or self.late_s >= _LINGER_S:
            try:
                async with self._lock:
                    await (self._settle_some() if self._asked else self._write_some())
            except Retryable:  # said by everybody else who asks the truth
                await asyncio.sleep(_AGAIN_S)
        if self._waiting:
            self._linger()

    async def _write_some(self) -> None:
        holds = self._some_holds()
        if not holds:
            return
        try:
            await self._write(holds)
        except Permanent:
            _log.error("%d holds could not be written down", len(holds))
        self._forget(holds)

    async def _settle_some(self) -> None:
        asked = self._some_asked()
        try:
            answers = await self._answers([settlement for settlement, _ in asked], self._some_holds())
        except BaseException as error:
            failure = error if isinstance(error, Retryable) else Retryable("the store is being closed")
            for _, answer in asked:
                if not answer.done():
                    answer.set_exception(failure)
            raise
        for settlement, answer in asked:
            if answer.done():  # its client has gone
                continue
            settled = answers.get(settlement.reservation_id)
            if isinstance(settled, Permanent):
                answer.set_exception(settled)
            else:
                answer.set_result(settled)

    async def _answers(
        self, settlements: Sequence[Settlement], holds: Sequence[Hold]
    ) -> dict[str, Settled | Permanent]:
        try:
            answers: dict[str, Settled | Permanent] = {**await self._settle(settlements, holds)}
        except Permanent as error:
            if len(settlements) == 1 and not holds:
                return {settlements[0].reservation_id: error}
        else:
            self._forget(holds)
            return answers
        await self._write_some()  # one of all these is not taken: now each for itself
        alone = [await self._answers([each], ()) for each in settlements]
        return {id_: answer for each in alone for id_, answer in each.items()}

    def _some_holds(self) -> list[Hold]:
        return list(self._waiting.values())[:_MOST]

    def _some_asked(self) -> list[Asked]:
        """Take some of those who ask, of each reservation one: the next will be told what the first has come to."""
        taken: dict[str, Asked] = {}
        left = []
        for each in self._asked:
            id_ = each[0].reservation_id
            if id_ in taken or len(taken) == _MOST:
                left.append(each)
            else:
                taken[id_] = each
        self._asked = left
        return list(taken.values())

    def _forget(self, holds: Sequence[Hold]) -> None:
        for hold in holds:
            if self._waiting.get(hold.id) is hold:
                del self._waiting[hold.id]
        self._since_s = time.monotonic()
