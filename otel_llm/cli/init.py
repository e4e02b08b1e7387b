"""`otel-llm init`: a first config."""

from __future__ import annotations

import sys
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final, TypeVar

import typer

from otel_llm.errors import ConfigError
from otel_llm.scaffold import BACKENDS, BUDGETS_FILE, render
from otel_llm.spelling import did_you_mean

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["init"]

T = TypeVar("T")


class Instrumentation(StrEnum):
    """What records the calls of an app."""

    OPENTELEMETRY = "opentelemetry"
    OPENINFERENCE = "openinference"
    OPENLLMETRY = "openllmetry"
    LANGFUSE = "langfuse"
    OTHER = "other"


_VARIABLES: Final = {Instrumentation.LANGFUSE: "LANGFUSE_BASE_URL", Instrumentation.OPENLLMETRY: "TRACELOOP_BASE_URL"}
"""What says where an instrumentation sends, where it is not the standard variable."""

_PATHS: Final = {Instrumentation.LANGFUSE: "/api/public/otel/v1/traces"}
"""Where an instrumentation sends over HTTP, where it is not the standard path."""


def init(
    backend: Annotated[
        str | None, typer.Option(help=f"Where traces go: {', '.join(BACKENDS)}.", show_default=False)
    ] = None,
    instrumentation: Annotated[
        Instrumentation | None, typer.Option(help="What records the calls of your apps.", show_default=False)
    ] = None,
    budgets: Annotated[bool | None, typer.Option(help="Charge calls to budgets.", show_default=False)] = None,
    output: Annotated[Path, typer.Option("--output", "-o", help="Where to write it.")] = Path("otel-llm.yaml"),
    force: Annotated[bool, typer.Option(help="Write over a file that is there.")] = False,
) -> None:
    """Write a commented config; what is not given is asked for, or left out where nobody can be asked."""
    from otel_llm.registry import Kind, Registry

    asking = sys.stdin.isatty()
    if backend is None:
        backend = _ask(f"Where do traces go? ({', '.join(BACKENDS)})", _backend, "debug") if asking else "debug"
    if instrumentation is None:
        instrumentation = Instrumentation.OPENTELEMETRY
        if asking:
            choices = ", ".join(Instrumentation)
            instrumentation = _ask(
                f"What records the calls of your apps? ({choices})", Instrumentation, "opentelemetry"
            )
    backend = _backend(backend)
    registry = Registry()
    can_budget = "budgets" in registry.names(Kind.EXTENSION)
    if budgets is None:
        budgets = can_budget and asking and typer.confirm("Charge calls to budgets?", default=False)
    if budgets and not can_budget:
        raise ConfigError("--budgets: the extension budgets is not installed")
    text = render(backend, registry.names(Kind.PROCESSOR), traces_url_path=_PATHS.get(instrumentation), budgets=budgets)
    _write(output, text, force=force)
    if budgets and not Path("budgets.yml").exists():
        _write(Path("budgets.yml"), BUDGETS_FILE, force=False)
        typer.echo("wrote budgets.yml")
    typer.echo(f"wrote {output}. Next:")
    for name, what in BACKENDS[backend].environment.items():
        typer.echo(f"  export {name}=...    # {what}")
    typer.echo(f"  otel-llm run --config {output}")
    variable = _VARIABLES.get(instrumentation, "OTEL_EXPORTER_OTLP_ENDPOINT")
    typer.echo(f"  export {variable}=http://127.0.0.1:4318    # where the apps run")
    typer.echo(f"  otel-llm doctor --config {output}")


def _backend(name: str) -> str:
    if name not in BACKENDS:
        raise ConfigError(f"--backend: unknown{did_you_mean(name, BACKENDS)}; there are {', '.join(BACKENDS)}")
    return name


def _ask(question: str, read: Callable[[str], T], default: str) -> T:
    """Ask until the answer is one that *read* takes."""
    while True:
        try:
            return read(typer.prompt(question, default=default))
        except (ConfigError, ValueError):
            typer.echo("none of these", err=True)


def _write(path: Path, text: str, *, force: bool) -> None:
    try:
        with path.open("w" if force else "x", encoding="utf-8") as file:
            file.write(text)
    except FileExistsError:
        raise ConfigError(f"{path}: is there already: --force writes over it") from None
    except OSError:
        raise ConfigError(f"{path}: cannot be written") from None
