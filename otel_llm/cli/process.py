"""`otel-llm process`: a dry run, OTLP/JSON in and out, one export request a line."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from typing import TYPE_CHECKING, Annotated, BinaryIO

import typer

from otel_llm.cli.options import ConfigOption, read_config
from otel_llm.errors import ConfigError, Refused
from otel_llm.signals import Signal

if TYPE_CHECKING:
    from otel_llm.chain import Chain
    from otel_llm.config import HostConfig

__all__ = ["process"]


def process(
    config: ConfigOption,
    signal: Annotated[Signal, typer.Option(help="Which of the config's pipelines.")] = Signal.TRACES,
    pipeline: Annotated[
        str | None, typer.Option(help="Its name, where the config has several of that signal.", show_default=False)
    ] = None,
) -> None:
    """Run OTLP/JSON from standard input through a config's processors, to standard output.

    One export request a line, one line out for each line in, in order. No receiver, exporter or extension is started;
    what comes in is checked and stripped as a receiver with `trust: context` does it. A line that cannot be read is
    named on standard error and gives {}; the exit status is then 1.
    """
    chain = _chain(read_config(config), signal, pipeline)
    chain.start()
    try:
        bad = _process_lines(chain, signal, sys.stdin.buffer, sys.stdout.buffer)
    finally:
        chain.shutdown()
    raise typer.Exit(1 if bad else 0)


def _chain(config: HostConfig, signal: Signal, pipeline: str | None) -> Chain:
    from otel_llm.chain import Chain
    from otel_llm.component import Settings

    names = [name for name in config.service.pipelines if name.partition("/")[0] == signal]
    wanted = [name for name in names if pipeline is None or name == pipeline]
    if len(wanted) != 1:
        known = ", ".join(names) or "none"
        asked = f"the {signal} pipeline to use" if pipeline is None else f"a {signal} pipeline called {pipeline}"
        raise ConfigError(f"service.pipelines: cannot tell {asked}; defined: {known}")
    steps = [config.processors[name] for name in config.service.pipelines[wanted[0]].processors]
    return Chain([(step.id, step.factory.create(step.config, Settings(step.id))) for step in steps])


def _process_lines(chain: Chain, signal: Signal, lines: Iterable[bytes], out: BinaryIO) -> int:
    """Write one line for each; return how many could not be taken whole."""
    from otel_llm import otlp_json
    from otel_llm.intake import admit, opened
    from otel_llm.request import Request

    bad = 0
    for number, line in enumerate(lines, start=1):
        result = b"{}"
        try:
            request = Request(signal, line, "json")
            batch = opened(request)
            rejected = admit(request, batch)
            chain.run(batch)
            batch.sweep()
            result = otlp_json.encode(signal, batch.to_bytes())
            problem = f"{rejected} items with invalid ids left out" if rejected else None
        except Refused as error:
            problem = str(error)
        if problem:
            bad += 1
            typer.echo(f"line {number}: {problem}", err=True)
        out.write(result + b"\n")
        out.flush()
    return bad
