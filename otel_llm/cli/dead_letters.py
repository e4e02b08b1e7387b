"""`otel-llm dead-letters`: what destinations have refused for good, and what becomes of it."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer

from otel_llm.cli.options import ConfigOption, read_config
from otel_llm.errors import ConfigError, Permanent, Retryable

if TYPE_CHECKING:
    from otel_llm.component import Exporter
    from otel_llm.config import HostConfig
    from otel_llm.dead_letters import DeadLetter

__all__ = ["dead_letters"]

dead_letters = typer.Typer(no_args_is_help=True, help="List, send again or drop what destinations refused for good.")

_ATTEMPT_S: Final = 30.0

DestinationOption = Annotated[
    str | None, typer.Option("--destination", "-d", help="Only those of one exporter.", show_default=False)
]


@dead_letters.command("list")
def list_letters(
    config: ConfigOption,
    destination: DestinationOption = None,
    as_json: Annotated[bool, typer.Option("--json", help="For programs.")] = False,
) -> None:
    """List them, oldest first: when, where to, how much, why. Never what is in them."""
    import orjson
    from rich.console import Console
    from rich.table import Table

    found = _find(read_config(config), destination)
    if as_json:
        fields = ("time", "destination", "signal", "items", "reason")
        rows = [{name: getattr(letter, name) for name in fields} | {"path": str(letter.path)} for letter in found]
        typer.echo(orjson.dumps(rows, option=orjson.OPT_INDENT_2).decode())
        return
    table = Table("time", "destination", "signal", "items", "reason", box=None, pad_edge=False)
    for letter in found:
        table.add_row(letter.time, letter.destination, letter.signal, str(letter.items), letter.reason)
    Console().print(table)


@dead_letters.command("replay")
def replay(config: ConfigOption, destination: DestinationOption = None) -> None:
    """Send them again, one attempt each, through the exporters of the config; what is taken is deleted.

    The gateway may be running meanwhile. Exit 1 where some are left.
    """
    loaded = read_config(config)
    left = asyncio.run(_replay(loaded, _find(loaded, destination)))
    raise typer.Exit(1 if left else 0)


@dead_letters.command("drop")
def drop(
    config: ConfigOption,
    destination: DestinationOption = None,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
) -> None:
    """Delete them for good."""
    found = _find(read_config(config), destination)
    items = sum(letter.items for letter in found)
    if not yes:
        typer.confirm(f"delete {len(found)} dead letters with {items} items?", abort=True)
    for letter in found:
        letter.drop()
    typer.echo(f"deleted {len(found)} dead letters with {items} items")


def _find(config: HostConfig, destination: str | None) -> Sequence[DeadLetter]:
    from otel_llm.dead_letters import find

    if destination is not None and destination not in config.exporters:
        raise ConfigError(f"no exporter is called {destination}; defined: {', '.join(config.exporters)}")
    return list(find(_directory(config), destination))


def _directory(config: HostConfig) -> Path:
    """Return where a gateway with this config keeps them."""
    from otel_llm.component import Settings
    from otel_llm.journal import JournalProvider

    for each in config.extensions.values():
        extension = each.factory.create(each.config, Settings(each.id))
        if isinstance(extension, JournalProvider) and extension.dead_letters is not None:
            return extension.dead_letters
    raise ConfigError("dead letters are kept where `extensions.storage` has a directory, and this config names none")


async def _replay(config: HostConfig, letters: Sequence[DeadLetter]) -> int:
    """Return how many are left."""
    from otel_llm.component import Settings

    left = 0
    for name in dict.fromkeys(letter.destination for letter in letters):
        own = [letter for letter in letters if letter.destination == name]
        component = config.exporters.get(name)
        if component is None:
            typer.echo(f"{name}: {len(own)} left, no exporter is called so any more", err=True)
            left += len(own)
            continue
        exporter: Exporter = component.factory.create(component.config, Settings(name))
        await exporter.start()
        try:
            taken = [await _send(exporter, letter) for letter in own]
        finally:
            await exporter.shutdown()
        typer.echo(f"{name}: {sum(taken)} sent, {len(own) - sum(taken)} left")
        left += len(own) - sum(taken)
    return left


async def _send(exporter: Exporter, letter: DeadLetter) -> bool:
    try:
        async with asyncio.timeout(_ATTEMPT_S):
            rejected = await exporter.export(letter.batch())
    except (Retryable, Permanent, TimeoutError) as error:
        typer.echo(f"{letter.path.name}: {error or 'no answer in time'}", err=True)
        return False
    if rejected:
        typer.echo(f"{letter.path.name}: {rejected} of {letter.items} items rejected", err=True)
    letter.drop()
    return True
