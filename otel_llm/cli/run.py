"""`otel-llm run`: the gateway, until a signal ends it."""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import sys
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from otel_llm.cli import systemd
from otel_llm.cli.options import OptionalConfigOption, StrictOption, read_config
from otel_llm.errors import ConfigError, StartError
from otel_llm.reload import Reloader, Trigger
from otel_llm.runtime import freeze, prepare

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from otel_llm.component import Endpoint
    from otel_llm.config import HostConfig
    from otel_llm.host import Host, Review
    from otel_llm.workers import Supervisor

__all__ = ["run"]

_log = logging.getLogger(__name__)


def run(
    config: OptionalConfigOption = None,
    strict: StrictOption = False,
    demo: Annotated[bool, typer.Option("--demo", help="Send a short burst of demo traffic once it listens.")] = False,
) -> None:
    """Run the gateway until SIGTERM or SIGINT; a second signal ends it at once. SIGHUP has it read the config again."""
    trigger = Trigger(config)
    # The first process of a container has no default action for signals: until it serves, these are the only ones.
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: sys.exit(0))
    signal.signal(signal.SIGHUP, lambda *_: trigger.pull())

    prepare()
    import uvloop  # the host runs in any loop; that it is this one is this command's choice

    loaded = read_config(config)
    _log_as_configured(loaded)
    failure = uvloop.run(_serve(loaded, trigger, partial(_read_again, config, loaded), strict=strict, demo=demo))
    if failure:
        raise StartError(failure)


async def _serve(
    config: HostConfig, trigger: Trigger, read: Callable[[], HostConfig], *, strict: bool, demo: bool
) -> str:
    """Run until a signal ends it; return why it could not go on, empty if it could."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()

    def on_signal() -> None:
        if stop.is_set():
            os._exit(1)
        stop.set()

    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, on_signal)
    loop.add_signal_handler(signal.SIGHUP, trigger.pull)
    watchdog = asyncio.create_task(systemd.keep_alive())
    async with _gateway(config, partial(_review, strict=strict)) as host:
        freeze()
        _print_summary(host, "ready")
        systemd.notify("READY=1")
        tasks = [asyncio.create_task(_reload_when_asked(host, trigger, read))]
        if demo:
            tasks.append(asyncio.create_task(_demo(host)))
        failure = asyncio.create_task(host.failure())
        stopped = asyncio.create_task(stop.wait())
        await asyncio.wait([failure, stopped], return_when=asyncio.FIRST_COMPLETED)
        systemd.notify("STOPPING=1")
        typer.echo("stopping")
        for task in (*tasks, stopped):
            task.cancel()
        await asyncio.gather(*tasks, stopped, return_exceptions=True)
    failure.cancel()
    watchdog.cancel()
    typer.echo("stopped")
    return failure.result() if failure.done() else ""


def _gateway(config: HostConfig, review: Review) -> Host | Supervisor:
    """Return what runs a config: one process, this one, or several."""
    from otel_llm.host import Host
    from otel_llm.workers import Supervisor

    return Host(config, review=review) if config.service.workers == 1 else Supervisor(config, review)


def _read_again(path: Path | None, running: HostConfig) -> HostConfig:
    """Return the config as it is now.

    Raises:
        ConfigError: it is wrong, or not for the processes that there are.
    """
    config = read_config(path)
    if config.service.workers != running.service.workers:
        raise ConfigError("service.workers: a change of it needs a restart")
    return config


async def _reload_when_asked(host: Host | Supervisor, trigger: Trigger, read: Callable[[], HostConfig]) -> None:
    reloader = Reloader(host, read)
    while True:
        await trigger.wait(watch=host.config.service.reload.watch)
        with systemd.reloading():
            if await reloader.reload():
                _log_as_configured(host.config)
                freeze()
                _print_summary(host, "reloaded")


def _log_as_configured(config: HostConfig) -> None:
    from otel_llm import logs

    logs.configure(config.service.telemetry.logs.level, config.service.telemetry.logs.format)
    for warning in config.warnings:
        _log.warning("%s", warning)


def _review(config: HostConfig, endpoints: Sequence[Endpoint], *, strict: bool) -> None:
    """Say what of a config is not safe, or refuse it for that."""
    from otel_llm.security import check

    for weakness in check(config, endpoints, strict=strict):
        _log.warning("%s", weakness)


def _print_summary(host: Host | Supervisor, done: str) -> None:
    """Say where it listens and where it sends: one line each, which scripts may rely on."""
    for endpoint in host.endpoints:
        typer.echo(f"listening  {endpoint.name}  {endpoint}")
    for destination in host.destinations:
        typer.echo(f"sending    exporters.{destination.name}  {destination.target}")
    typer.echo(done)


async def _demo(host: Host | Supervisor) -> None:
    from otel_llm.demo import send

    open_to_all = (each for each in host.endpoints if ".grpc." in each.name and not each.protected)
    grpc = next(open_to_all, None)
    if grpc is None:
        _log.warning("--demo: no receiver listens for OTLP over gRPC, or none without asking who sends")
    else:
        await send(str(grpc))
