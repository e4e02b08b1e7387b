"""One process of a worker, from its start to its end, as the supervisor sees it."""

from __future__ import annotations

import asyncio
import logging
import os
import socket
import sys
from collections import deque
from contextlib import suppress
from typing import TYPE_CHECKING, Final, Self

from otel_llm.errors import ConfigError, StartError
from otel_llm.workers.messages import Assignment, Channel, Refusal, Report, Running, Status, Stop

if TYPE_CHECKING:
    from collections.abc import Callable

    from otel_llm.workers.messages import Message

    Heard = Callable[["WorkerProcess", Status], None]

__all__ = ["HUNG_AFTER_S", "WorkerProcess"]

HUNG_AFTER_S: Final = 10.0
"""A worker whose event loop has not gone round for so long is killed. Nothing that is in order takes a tenth of it."""
_START_S: Final = 120.0
"""The same until it runs for the first time: it may have rules to compile."""
_SECOND_LOOK_S: Final = 1.0
"""If it was we who were held up, what it has said meanwhile is there at once."""

_log = logging.getLogger(__name__)


class WorkerProcess:
    """A running process."""

    def __init__(
        self, process: asyncio.subprocess.Process, channel: Channel, assignment: Assignment, heard: Heard
    ) -> None:
        """See `spawn`."""
        self.number = assignment.number
        self.ready = False
        """Whether it takes requests and has room for them, as far as it has said."""
        self._process = process
        self._channel = channel
        self._heard = heard
        self._patience_s = _START_S
        self._outcomes: deque[asyncio.Future[Running | Refusal | None]] = deque()
        """What becomes of each thing it was told to run; None if it ends before."""
        self._reports = self._reports_heard = 0
        self._reported = asyncio.Condition()
        self._ended = False
        self._first = self.assign(assignment)
        self._watching = asyncio.create_task(self._watch())

    @classmethod
    async def spawn(cls, assignment: Assignment, heard: Heard) -> Self:
        """Start one, with nothing of this process but its environment, its modules and an end of the line.

        Never by fork alone: gRPC's threads and locks do not survive one.
        """
        ours, theirs = socket.socketpair()
        with theirs:
            # It finds modules where this process does, and nowhere else: -P leaves the working directory out.
            process = await asyncio.create_subprocess_exec(
                *(sys.executable, "-P", "-m", "otel_llm.workers", str(theirs.fileno())),
                pass_fds=[theirs.fileno()],
                stdin=asyncio.subprocess.DEVNULL,
                env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
            )
        return cls(process, await Channel.over(ours), assignment, heard)

    async def running(self) -> None:
        """Wait until it runs.

        Raises:
            ConfigError, StartError: it cannot, and ends.
        """
        if not _granted(await self._first):
            status = await self.ended()
            raise StartError(f"worker {self.number} has ended with status {status} before it was ready")

    async def run(self, assignment: Assignment) -> None:
        """Have it run something else. Nothing becomes of that where it ends meanwhile.

        Raises:
            ConfigError, StartError: it cannot, and goes on with what it ran before.
        """
        if not self._ended:
            _granted(await self.assign(assignment))

    async def report(self) -> None:
        """Ask for a `Status`, and wait until it has come, or the process has ended."""
        self._reports += 1
        wanted = self._reports
        self._channel.send(Report(wanted))
        async with self._reported:
            await self._reported.wait_for(lambda: self._ended or self._reports_heard >= wanted)

    def stop(self) -> None:
        """Ask it to end in order. It does within its config's limits, or it hangs."""
        self._channel.send(Stop())

    async def ended(self) -> int:
        """Wait for its end; return its exit status, negative for a signal."""
        return await asyncio.shield(self._watching)

    def assign(self, assignment: Assignment) -> asyncio.Future[Running | Refusal | None]:
        """Tell it what to run; return what becomes of that, None if it ends before."""
        outcome: asyncio.Future[Running | Refusal | None] = asyncio.get_running_loop().create_future()
        self._outcomes.append(outcome)
        self._channel.send(assignment)
        return outcome

    async def _watch(self) -> int:
        """Hear it until it ends, or hangs and is killed."""
        try:
            while (message := await self._receive()) is not None:
                await self._take(message)
            async with asyncio.timeout(HUNG_AFTER_S):
                await self._process.wait()
        except TimeoutError:
            _log.error("worker %d hangs: it is killed", self.number)
            self._process.kill()
        status = await self._process.wait()
        self._ended = True
        self.ready = False
        for outcome in self._outcomes:
            outcome.set_result(None)
        await self._notify()
        await self._channel.close()
        return status

    async def _receive(self) -> Message | None:
        with suppress(TimeoutError):
            async with asyncio.timeout(self._patience_s):
                return await self._channel.receive()
        async with asyncio.timeout(_SECOND_LOOK_S):
            return await self._channel.receive()

    async def _take(self, message: Message) -> None:
        match message:
            case Running() | Refusal():
                self._patience_s = HUNG_AFTER_S
                self._outcomes.popleft().set_result(message)
            case Status():
                self.ready = message.ready
                self._heard(self, message)
                self._reports_heard = message.report
                await self._notify()

    async def _notify(self) -> None:
        async with self._reported:
            self._reported.notify_all()


def _granted(outcome: Running | Refusal | None) -> bool:
    """Tell whether what was asked for runs; False: its process has ended.

    Raises:
        ConfigError, StartError: it was refused.
    """
    match outcome:
        case Refusal("config", problems):
            raise ConfigError(*problems)
        case Refusal(_, problems):
            raise StartError(*problems)
    return outcome is not None
