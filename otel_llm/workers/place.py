"""A worker's place: there is a process in it, or there will be one."""

from __future__ import annotations

import asyncio
import logging
import time
from typing import TYPE_CHECKING, Final

from otel_llm.errors import ConfigError, StartError
from otel_llm.workers.process import WorkerProcess

if TYPE_CHECKING:
    from otel_llm.telemetry import Counter
    from otel_llm.workers.messages import Assignment
    from otel_llm.workers.process import Heard

__all__ = ["Place"]

_FIRST_DELAY_S: Final = 0.1
_LONGEST_DELAY_S: Final = 30.0
_RECOVERED_AFTER_S: Final = 60.0
"""When one has run for so long, the delay before the next is the first again."""

_log = logging.getLogger(__name__)


class Place:
    """Starts a process, and another when that has ended, until it is told to stop.

    A successor has the number of the one before, and so its journal.
    """

    def __init__(self, assignment: Assignment, heard: Heard, restarts: Counter) -> None:
        """Take what to run, who hears the processes, and where restarts are counted."""
        self.process: WorkerProcess | None = None
        """The last one. It may have ended."""
        self.assignment = assignment
        """What to run."""
        self._heard = heard
        self._restarts = restarts
        self._stopping = asyncio.Event()
        self._keeping: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Start the first process, and return when it runs.

        Raises:
            ConfigError, StartError: it cannot.
        """
        process = await self._spawn()
        await process.running()
        self._keeping = asyncio.create_task(self._keep(process))

    async def run(self, assignment: Assignment) -> None:
        """Have its process run something else. One that is still to come will.

        Raises:
            ConfigError, StartError: it cannot.
        """
        before, self.assignment = self.assignment, assignment
        if self.process is not None:
            try:
                await self.process.run(assignment)
            except (ConfigError, StartError):
                self.assignment = before
                raise

    async def shutdown(self) -> None:
        """Let the process end in order, and start no other. Safe to call twice, and without `start`."""
        self._stopping.set()
        if self.process is not None:
            self.process.stop()
            await self.process.ended()
        if self._keeping is not None:
            await self._keeping

    async def _keep(self, process: WorkerProcess) -> None:
        delay_s = _FIRST_DELAY_S
        while True:
            began = time.monotonic()
            status = await process.ended()
            if self._stopping.is_set():
                return
            if time.monotonic() - began > _RECOVERED_AFTER_S:
                delay_s = _FIRST_DELAY_S
            _log.error("worker %d has ended with status %d: restarted in %.1f s", process.number, status, delay_s)
            if await self._stopped_within(delay_s):
                return
            delay_s = min(2 * delay_s, _LONGEST_DELAY_S)
            self._restarts.inc()
            process = await self._spawn()
            try:
                await process.running()
                _log.info("worker %d runs again", process.number)
            except (ConfigError, StartError) as error:
                for problem in error.problems:
                    _log.error("worker %d: %s", process.number, problem)

    async def _spawn(self) -> WorkerProcess:
        assignment = self.assignment
        process = self.process = await WorkerProcess.spawn(assignment, self._heard)
        if self.assignment is not assignment:  # meanwhile
            process.assign(self.assignment)
        if self._stopping.is_set():
            process.stop()
        return process

    async def _stopped_within(self, delay_s: float) -> bool:
        try:
            async with asyncio.timeout(delay_s):
                return await self._stopping.wait()
        except TimeoutError:
            return False
