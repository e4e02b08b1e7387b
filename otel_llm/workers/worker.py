"""A worker: a host that does what its supervisor says, and ends with it."""

from __future__ import annotations

import asyncio
import ctypes
import os
import signal
import socket
import sys
from contextlib import suppress
from typing import TYPE_CHECKING, Final

from otel_llm.errors import ConfigError, StartError
from otel_llm.workers.messages import Assignment, Channel, Refusal, Report, Running, Status, Stop

if TYPE_CHECKING:
    from otel_llm.config import HostConfig
    from otel_llm.host import Host

__all__ = ["main"]

_BEAT_S: Final = 1.0
"""How often it shows that its event loop goes round."""
_PR_SET_PDEATHSIG: Final = 1
"""prctl(2)."""


def main() -> None:
    """Run until the supervisor says stop, or is gone. Exit status: 0, or 1 where it could not do its work."""
    supervisor = os.getppid()
    # A terminal and some service managers send signals to all processes: what they mean is for the supervisor to say.
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    with suppress(AttributeError, OSError):  # Linux' own. Elsewhere a worker that hangs outlives its supervisor
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != supervisor:
        sys.exit(1)

    import uvloop

    from otel_llm.runtime import prepare

    prepare()
    end = socket.socket(fileno=int(sys.argv[1]))
    end.set_inheritable(False)
    sys.exit(uvloop.run(_serve(end)))


async def _serve(end: socket.socket) -> int:
    from otel_llm.component import Worker
    from otel_llm.host import Host

    channel = await Channel.over(end)
    first = await channel.receive()
    if not isinstance(first, Assignment):
        return 1
    ports = dict(first.ports)
    try:
        config = _read(first)
        _log_as_configured(config, first.number)
        host = Host(config, worker=Worker(first.number, first.count, ports))
        status = await _run(host, channel, ports)
    except (ConfigError, StartError) as error:
        channel.send(_refusal(error))
        status = 1
    await channel.close()
    return status


async def _run(host: Host, channel: Channel, ports: dict[str, int]) -> int:
    from otel_llm.runtime import freeze

    beat = _Beat(host, channel)
    async with host:
        freeze()
        channel.send(Running())
        beating = asyncio.create_task(beat.go_on())
        obeying = asyncio.create_task(_obey(host, channel, ports, beat))
        failing = asyncio.create_task(host.failure())
        await asyncio.wait([obeying, failing], return_when=asyncio.FIRST_COMPLETED)
        for task in (obeying, failing):
            task.cancel()
    beating.cancel()
    beat.report()
    return 1 if failing.done() and not failing.cancelled() else 0


async def _obey(host: Host, channel: Channel, ports: dict[str, int], beat: _Beat) -> None:
    """Do as one is told, until it is to stop."""
    while True:
        match await channel.receive():
            case Assignment() as assignment:
                ports.update(assignment.ports)
                channel.send(await _reload(host, assignment))
            case Report(number):
                beat.report(number)
            case Stop():
                return
            case None:
                os._exit(1)  # the supervisor has been killed, and its successor needs the ports and the journal


async def _reload(host: Host, assignment: Assignment) -> Running | Refusal:
    from otel_llm.runtime import freeze

    try:
        await host.reload(await asyncio.to_thread(_read, assignment))
    except (ConfigError, StartError) as error:
        return _refusal(error)
    except Exception as error:  # noqa: BLE001 - a plug-in may raise anything; what ran before goes on
        return Refusal("config", [f"failed with {type(error).__name__}"])
    _log_as_configured(host.config, assignment.number)
    freeze()
    return Running()


def _read(assignment: Assignment) -> HostConfig:
    from otel_llm.config import load_config

    return load_config(assignment.text, source=assignment.source)


def _log_as_configured(config: HostConfig, worker: int) -> None:
    from otel_llm import logs

    logs.configure(config.service.telemetry.logs.level, config.service.telemetry.logs.format, worker)


def _refusal(error: ConfigError | StartError) -> Refusal:
    return Refusal("config" if isinstance(error, ConfigError) else "start", error.problems)


class _Beat:
    """Tells the supervisor how the host is."""

    def __init__(self, host: Host, channel: Channel) -> None:
        self._host = host
        self._channel = channel
        self._report = 0

    def report(self, number: int = 0) -> None:
        """Tell it now, as asked with the report of that *number*."""
        self._report = max(self._report, number)
        self._channel.send(Status(self._host.ready, self._report, self._host.meter.families()))

    async def go_on(self) -> None:
        """Tell it every second, until cancelled."""
        while True:
            self.report()
            await asyncio.sleep(_BEAT_S)
