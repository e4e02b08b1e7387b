"""`otel-llm components`: what is installed."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated

import typer

__all__ = ["components"]


def components(as_json: Annotated[bool, typer.Option("--json", help="For programs.")] = False) -> None:
    """List the installed components: kind, name, stability and the distribution that brings each."""
    import orjson
    from rich.console import Console
    from rich.table import Table

    from otel_llm.registry import Registry

    found = Registry().components()
    if as_json:
        rows = [{**asdict(each), "kind": each.kind.value} for each in found]
        typer.echo(orjson.dumps(rows, option=orjson.OPT_INDENT_2).decode())
        return
    table = Table("kind", "name", "stability", "distribution", box=None, pad_edge=False)
    for each in found:
        stability = each.stability or f"unusable: {each.problem}"
        table.add_row(each.kind.value, each.name, stability, f"{each.distribution} {each.version}")
    Console().print(table)
