"""`otel-llm demo`: realistic traffic, to see what the gateway makes of it."""

from __future__ import annotations

from typing import Annotated

import typer

__all__ = ["demo"]


def demo(
    endpoint: Annotated[str, typer.Option(help="Where OTLP over gRPC is listened for.")] = "127.0.0.1:4317",
    traces: Annotated[int, typer.Option(min=1, help="How many traces to send.")] = 40,
) -> None:
    """Send traces of made-up applications: chats, an agent with tools, embeddings, errors, and spans without gen_ai."""
    import uvloop
    from rich.progress import Progress

    from otel_llm.demo import send

    with Progress() as progress:
        task = progress.add_task("sending", total=traces)
        uvloop.run(send(endpoint, traces, on_sent=lambda: progress.advance(task)))
    typer.echo(f"sent {traces} traces to {endpoint}")
