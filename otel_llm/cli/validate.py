"""`otel-llm validate`: everything that is wrong with a config, without starting it."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated

import typer

from otel_llm.cli.options import ConfigOption, StrictOption, read_config

if TYPE_CHECKING:
    from otel_llm.config import HostConfig

__all__ = ["validate"]


def validate(
    config: ConfigOption,
    strict: StrictOption = False,
    print_config: Annotated[
        bool, typer.Option("--print-config", help="Print it as it would run: with all defaults, without secrets.")
    ] = False,
) -> None:
    """Check a config: exit 0 if the gateway could run it, 2 with every error and its place if not."""
    from otel_llm.config.dump import dump_config

    loaded = read_config(config)
    weaknesses = asyncio.run(_build(loaded, strict=strict))
    for warning in (*loaded.warnings, *weaknesses):
        typer.echo(f"warning: {warning}", err=True)
    typer.echo(dump_config(loaded) if print_config else f"{config}: valid", nl=not print_config)


async def _build(config: HostConfig, *, strict: bool) -> Sequence[str]:
    """Build every component: some problems, such as a file that is not there, only a component can find."""
    from otel_llm.host import Host
    from otel_llm.security import check

    host = Host(config)
    try:
        return check(config, host.endpoints, strict=strict)
    finally:
        await host.shutdown()
