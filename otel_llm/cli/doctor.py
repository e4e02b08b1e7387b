"""`otel-llm doctor`: what is wrong with a running set-up, and what to do about it."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Annotated, Final

import typer

from otel_llm.cli.options import OptionalConfigOption, read_config

if TYPE_CHECKING:
    from otel_llm.config import HostConfig

__all__ = ["doctor"]

_COLOURS: Final = {"ok": typer.colors.GREEN, "warning": typer.colors.YELLOW, "problem": typer.colors.RED}


def doctor(
    config: OptionalConfigOption = None,
    send: Annotated[bool, typer.Option(help="Send one test span through the running gateway.")] = True,
) -> None:
    """Check a running gateway end to end: disk, backends and their credentials, clocks, ports, health, a test span.

    Every problem comes with what to do about it. Exit 1 where there is one, 2 where the config cannot be used.
    """
    problems = asyncio.run(_show(read_config(config), send=send))
    raise typer.Exit(1 if problems else 0)


async def _show(config: HostConfig, *, send: bool) -> int:
    """Print what is found; return how many problems there are."""
    from otel_llm.doctor import examine

    problems = 0
    async for finding in examine(config, send=send):
        typer.echo(f"{typer.style(f'{finding.state:<8}', fg=_COLOURS[finding.state])} {finding.what}")
        if finding.advice:
            typer.echo(f"{'':<8} {finding.advice}")
        problems += finding.state == "problem"
    return problems
