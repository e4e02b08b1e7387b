"""`otel-llm run`, told to read its config again."""

from __future__ import annotations

from signal import SIGHUP
from typing import TYPE_CHECKING

import aiohttp

from tests.e2e.gateway import Gateway, run_gateway
from tests.e2e.otlp import attributes_of, export, trace_request
from tests.e2e.program import eventually
from tests.e2e.sink import Sink

if TYPE_CHECKING:
    from pathlib import Path

CALL = {"gen_ai.operation.name": "chat", "gen_ai.system": "openai", "gen_ai.request.model": "gpt-4o"}


def config(sink: Sink, processors: str, service: str = "") -> str:
    """Return a config in YAML."""
    return f"""
receivers: {{otlp: {{protocols: {{grpc: {{endpoint: "127.0.0.1:0"}}}}}}}}
processors: {{gen_ai_normalizer: {{}}}}
exporters: {{otlp: {{endpoint: "{sink.grpc_endpoint}", tls: {{insecure: true}}}}}}
service:
  telemetry: {{metrics: {{endpoint: "127.0.0.1:0"}}}}{service}
  pipelines: {{traces: {{receivers: [otlp], processors: {processors}, exporters: [otlp]}}}}
"""


async def send(gateway: Gateway) -> None:
    """Send a span of a model call."""
    await export(gateway.grpc_endpoint, trace_request(call=dict(CALL)).SerializeToString())


async def reloads(gateway: Gateway, outcome: str) -> str:
    """Return a counter, as it is shown."""
    url = f"http://{gateway.endpoints['service.telemetry.metrics.endpoint']}/metrics"
    async with aiohttp.ClientSession() as session, session.get(url) as answer:
        lines = (await answer.text()).splitlines()
    return next(line.split()[1] for line in lines if line.startswith(f"otel_llm_{outcome} "))


def write(directory: Path, text: str) -> None:
    """Change the file that the gateway was started with."""
    next(directory.glob("*/otel-llm.yaml")).write_text(text)


async def test_sighup_changes_what_is_done_to_spans(tmp_path: Path) -> None:
    """A good config is taken at the signal, a bad one refused with its place in the log; both are counted."""
    async with Sink() as sink, run_gateway(tmp_path, config(sink, "[]")) as gateway:

        async def said(words: str) -> bool | None:
            return True if words in gateway.program.output else None

        await send(gateway)
        write(tmp_path, config(sink, "[gen_ai_normalizer]"))
        gateway.program.signal(SIGHUP)
        await eventually(lambda: said("\nreloaded\n"), "it had reloaded", gateway.program)
        await send(gateway)
        write(tmp_path, config(sink, "[gen_ai_normaliser]"))
        gateway.program.signal(SIGHUP)
        await eventually(lambda: said("not reloaded: "), "it had refused", gateway.program)
        await send(gateway)
        names = ["gen_ai.provider.name" in attributes_of(span) for span in await sink.spans(3)]

        assert [False, True, True] == names
        assert "did you mean gen_ai_normalizer?" in gateway.program.output
        assert ["1.0", "1.0", "0.0"] == [
            await reloads(gateway, name)
            for name in ("config_reloads_total", "config_reload_failed_total", "config_last_reload_successful")
        ]


async def test_a_file_that_changes_is_read_where_that_is_configured(tmp_path: Path) -> None:
    """`service.reload.watch` needs no signal."""
    watched = "\n  reload: {watch: true}"
    async with Sink() as sink, run_gateway(tmp_path, config(sink, "[]", watched)) as gateway:

        async def reloaded() -> bool | None:
            return True if await reloads(gateway, "config_reloads_total") == "1.0" else None

        write(tmp_path, config(sink, "[gen_ai_normalizer]", watched))
        await eventually(reloaded, "it had reloaded", gateway.program)
        await send(gateway)

        assert "gen_ai.provider.name" in attributes_of((await sink.spans(1))[0])
