"""A program under test, run as a process of its own."""

from __future__ import annotations

import asyncio
import os
import socket
import time
from contextlib import asynccontextmanager
from pathlib import Path
from signal import Signals
from typing import TYPE_CHECKING, Final, NoReturn, TypeVar

import pytest

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Sequence

__all__ = ["ROOT", "Program", "eventually", "free_port", "missing", "run"]

ROOT: Final = Path(__file__).resolve().parents[2]
"""The checkout."""

T = TypeVar("T")


class Program:
    """A running process; what it prints goes to a file."""

    def __init__(self, process: asyncio.subprocess.Process, log: Path) -> None:
        self._process = process
        self._log = log

    @property
    def output(self) -> str:
        """What it has printed so far."""
        return self._log.read_text(errors="replace")

    @property
    def running(self) -> bool:
        """Whether it has not ended."""
        return self._process.returncode is None

    @property
    def pid(self) -> int:
        """Its process id."""
        return self._process.pid

    def signal(self, number: Signals) -> None:
        """Send a signal, if it has not ended."""
        if self.running:
            self._process.send_signal(number)

    async def wait(self, timeout_s: float = 20.0) -> int:
        """Wait for its end; return the exit status, which tells of SIGKILL where *timeout_s* were not enough."""
        try:
            return await asyncio.wait_for(self._process.wait(), timeout_s)
        except TimeoutError:
            return await self.kill()

    async def stop(self, timeout_s: float = 20.0) -> int:
        """Send SIGTERM; return the exit status, which tells of SIGKILL where *timeout_s* were not enough."""
        self.signal(Signals.SIGTERM)
        return await self.wait(timeout_s)

    async def kill(self) -> int:
        """Send SIGKILL; return the exit status."""
        if self.running:
            self._process.kill()
        return await self._process.wait()


@asynccontextmanager
async def run(command: Sequence[str | Path], log: Path) -> AsyncIterator[Program]:
    """Start *command* in the checkout; at the end kill it, if it still runs: what must end well is stopped before."""
    with log.open("wb") as output:
        process = await asyncio.create_subprocess_exec(
            *command, cwd=ROOT, stdout=output, stderr=asyncio.subprocess.STDOUT
        )
    program = Program(process, log)
    try:
        yield program
    finally:
        await program.kill()


async def eventually(
    probe: Callable[[], Awaitable[T | None]], what: str, program: Program | None = None, timeout_s: float = 20.0
) -> T:
    """Return the first result of *probe* that is not None.

    Raises:
        AssertionError: none came in time, or *program* ended.
    """
    deadline = time.monotonic() + timeout_s
    while True:
        result = await probe()
        if result is not None:
            return result
        told = f"\n{program.output}" if program else ""
        assert program is None or program.running, f"ended before {what}{told}"
        assert time.monotonic() < deadline, f"waited in vain for {what}{told}"
        await asyncio.sleep(0.05)


def missing(what: str) -> NoReturn:
    """Skip the test for want of something, or fail it where OTEL_LLM_REQUIRE_ALL says that nothing may be skipped."""
    if os.environ.get("OTEL_LLM_REQUIRE_ALL"):
        pytest.fail(what)
    pytest.skip(what)


def free_port() -> int:
    """Return a port that nothing listens on, for programs that cannot take a free one by themselves."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
