"""A gateway with several workers, and a look at its processes."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Final

from tests.e2e.program import eventually

if TYPE_CHECKING:
    from signal import Signals

    from tests.faults.oracle import Oracle

__all__ = ["Workers"]

_PATIENCE_S: Final = 120.0


class Workers:
    """An oracle's gateway, seen from outside."""

    def __init__(self, oracle: Oracle, count: int) -> None:
        self.oracle = oracle
        self.gateway = oracle.gateway
        self.count = count

    @property
    def count(self) -> int:
        """How many workers the next start has."""
        workers: int = self.gateway.config["service"]["workers"]
        return workers

    @count.setter
    def count(self, workers: int) -> None:
        self.gateway.config["service"]["workers"] = workers

    @property
    def pids(self) -> list[int]:
        """The workers' process ids, oldest first."""
        supervisor = self.gateway.program.pid
        return [int(pid) for pid in Path(f"/proc/{supervisor}/task/{supervisor}/children").read_text().split()]

    async def start(self) -> None:
        """Start it, and wait until it takes requests: several processes at once take their time on a few cores."""
        program = self.gateway.program = await self.gateway.launch()
        self.gateway.starts += 1

        async def ready() -> bool | None:
            return True if "ready" in program.output.splitlines() else None

        await eventually(ready, "the gateway was ready", program, _PATIENCE_S)

    async def signal(self, pid: int, number: Signals) -> None:
        """Send a worker a signal that ends it sooner or later, and wait until another runs in its place."""
        restarts = self.gateway.log.count("runs again")
        os.kill(pid, number)

        async def replaced() -> bool | None:
            return True if self.gateway.log.count("runs again") > restarts and pid not in self.pids else None

        await eventually(replaced, "a worker was replaced", self.gateway.program, _PATIENCE_S)

    async def said(self, text: str) -> None:
        """Wait until it has printed a text."""

        async def found() -> bool | None:
            return True if text in self.gateway.log else None

        await eventually(found, text, self.gateway.program, _PATIENCE_S)
