"""`otel-llm validate`: everything that is wrong with a config, without starting it."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import typer

from otel_llm.cli.options import ConfigOption, read_config

if TYPE_CHECKING:
    from otel_llm.config import HostConfig

__all__ = ["validate"]


def validate(config: ConfigOption) -> None:
    """Check a config: exit 0 if the gateway could run it, 2 with every error and its place if not."""
    loaded = read_config(config)
    asyncio.run(_build(loaded))
    for warning in loaded.warnings:
        typer.echo(f"warning: {warning}", err=True)
    typer.echo(f"{config}: valid")


async def _build(config: HostConfig) -> None:
    """Build every component: some problems, such as a file that is not there, only a component can find."""
    from otel_llm.host import Host

    await Host(config).shutdown()
