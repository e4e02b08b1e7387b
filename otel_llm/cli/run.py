"""`otel-llm run`: the gateway, until a signal ends it."""

from __future__ import annotations

import asyncio
import gc
import logging
import os
import signal
from typing import TYPE_CHECKING, Annotated

import typer

from otel_llm.cli.options import OptionalConfigOption, read_config

if TYPE_CHECKING:
    from otel_llm.config import HostConfig
    from otel_llm.host import Host

__all__ = ["run"]

_log = logging.getLogger(__name__)


def run(
    config: OptionalConfigOption = None,
    demo: Annotated[bool, typer.Option("--demo", help="Send a short burst of demo traffic once it listens.")] = False,
) -> None:
    """Run the gateway until SIGTERM or SIGINT; a second signal ends it at once."""
    os.environ.setdefault("GRPC_VERBOSITY", "ERROR")  # gRPC's core logs every lost connection; destinations say it once
    import uvloop  # the host runs in any loop; that it is this one is this command's choice
    from prometheus_client import disable_created_metrics

    from otel_llm import logs

    disable_created_metrics()  # type: ignore[no-untyped-call]  # a second series for each counter, which nobody reads

    loaded = read_config(config)
    logs.configure(loaded.service.telemetry.logs.level, loaded.service.telemetry.logs.format)
    for warning in loaded.warnings:
        _log.warning("%s", warning)
    uvloop.run(_serve(loaded, demo=demo))


async def _serve(config: HostConfig, *, demo: bool) -> None:
    from otel_llm.host import Host

    stop = asyncio.Event()
    loop = asyncio.get_running_loop()

    def on_signal() -> None:
        if stop.is_set():
            os._exit(1)
        stop.set()

    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, on_signal)
    async with Host(config) as host:
        gc.collect()
        gc.freeze()  # price tables and the like live as long as the process: collections need not walk them
        _print_summary(host)
        sending = asyncio.create_task(_demo(host)) if demo else None
        await stop.wait()
        if sending is not None:
            sending.cancel()
        typer.echo("stopping")
    typer.echo("stopped")


def _print_summary(host: Host) -> None:
    """Say where it listens and where it sends: one line each, which scripts may rely on."""
    for endpoint in host.endpoints:
        typer.echo(f"listening  {endpoint.name}  {endpoint}")
    for destination in host.destinations:
        typer.echo(f"sending    exporters.{destination.name}  {destination.target}")
    typer.echo("ready")


async def _demo(host: Host) -> None:
    from otel_llm.demo import send

    grpc = next((endpoint for endpoint in host.endpoints if ".grpc." in endpoint.name), None)
    if grpc is None:
        _log.warning("--demo: no receiver listens for OTLP over gRPC")
    else:
        await send(str(grpc))
