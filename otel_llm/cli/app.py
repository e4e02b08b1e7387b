"""Finds commands and runs one."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from functools import partial
from importlib import import_module
from importlib.metadata import entry_points
from typing import Annotated, Any, Final, TypeAlias

import typer

from otel_llm import __version__
from otel_llm.errors import ConfigError, OtelLlmError, StartError

__all__ = ["GROUP", "main", "make_app"]

GROUP: Final = "otel_llm.commands"
"""Entry points of commands that components bring along: functions with typer's annotations, or a `typer.Typer`."""

Command: TypeAlias = Callable[..., Any] | typer.Typer

_BUILT_IN: Final = (
    *("run", "init", "validate", "doctor", "components", "process", "demo"),
    *("dead-letters", "budgets", "spend", "prices", "erase"),
)


def main() -> None:
    """Run the command line and exit: 0 done, 1 could not be done, 2 the command or its configuration is wrong."""
    try:
        make_app(sys.argv[1] if len(sys.argv) > 1 else "")()
    except ConfigError as error:
        _fail(error.problems, 2)
    except StartError as error:
        _fail(error.problems, 1)
    except OtelLlmError as error:
        _fail((str(error),), 1)


def make_app(wanted: str = "") -> typer.Typer:
    """Return the command line, with *wanted* alone if it is a command: importing all of them takes a second."""
    app = typer.Typer(
        no_args_is_help=True,
        add_completion=False,
        pretty_exceptions_enable=False,
        context_settings={"help_option_names": ["-h", "--help"]},
    )
    app.callback()(_root)
    commands = _commands()
    for name, load in commands.items():
        if wanted == name or wanted not in commands:
            command = load()
            if isinstance(command, typer.Typer):
                app.add_typer(command, name=name)
            else:
                app.command(name)(command)
    return app


def _show_version(on: bool) -> None:
    if on:
        typer.echo(f"otel-llm {__version__}")
        raise typer.Exit


def _root(
    _version: Annotated[
        bool, typer.Option("--version", help="Show the version and exit.", callback=_show_version)
    ] = False,
) -> None:
    """Put gen_ai traces in order: normalised and priced, on their way to any OTLP backend."""


def _commands() -> Mapping[str, Callable[[], Command]]:
    """Return how to load each command: the built-in ones first, then those of installed components by name."""
    built_in = {name: partial(_load_built_in, name) for name in _BUILT_IN}
    installed = {point.name: point.load for point in sorted(entry_points(group=GROUP), key=lambda point: point.name)}
    return {**built_in, **{name: load for name, load in installed.items() if name not in built_in}}


def _load_built_in(name: str) -> Command:
    module = name.replace("-", "_")
    return getattr(import_module(f"otel_llm.cli.{module}"), module)  # type: ignore[no-any-return]  # getattr is untyped


def _fail(problems: tuple[str, ...], status: int) -> None:
    for problem in problems:
        typer.echo(f"error: {problem}", err=True)
    sys.exit(status)
