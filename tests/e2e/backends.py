"""Real backends: where their binaries are, how they are started, how they are asked."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any, Final

import aiohttp

from tests.e2e.program import ROOT, Program, eventually, free_port, missing, run
from tests.emitters.environment import programs_of

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping, Sequence
    from pathlib import Path

__all__ = ["Collector", "Jaeger", "Phoenix", "find_backend", "run_collector", "run_jaeger", "run_phoenix"]

_JAEGER_LISTENERS: Final = (
    "collector.otlp.grpc",
    "collector.otlp.http",
    "query.http-server",
    "query.grpc-server",
    "admin.http",
    "collector.grpc-server",
    "collector.http-server",
)


def find_backend(name: str) -> str:
    """Return the path of a backend's binary, or say that it is missing."""
    places = (os.environ.get("OTEL_LLM_BACKENDS"), str(ROOT / ".backends"), os.environ.get("PATH"))
    found = shutil.which(name, path=os.pathsep.join(place for place in places if place))
    if found is None:
        missing(f"{name} is not here: build it with `make backends`, or name its directory in OTEL_LLM_BACKENDS")
    return found


class Jaeger:
    """A Jaeger that keeps spans in memory."""

    def __init__(self, program: Program, ports: dict[str, int]) -> None:
        self._program = program
        self._query_url = f"http://127.0.0.1:{ports['query.http-server']}"
        self.grpc_endpoint = f"127.0.0.1:{ports['collector.otlp.grpc']}"
        self.http_endpoint = f"http://127.0.0.1:{ports['collector.otlp.http']}"

    async def trace(self, trace_id: bytes, span_count: int) -> dict[str, dict[str, Any]]:
        """Wait until the query API knows so many spans of a trace; return them by name, as its JSON has them."""
        return await self._spans(f"/api/traces/{trace_id.hex()}", span_count)

    async def service(self, name: str, span_count: int) -> dict[str, dict[str, Any]]:
        """Wait until the query API knows so many spans of a service; return them by name, as its JSON has them."""
        return await self._spans(f"/api/traces?service={name}", span_count)

    async def _spans(self, query: str, span_count: int) -> dict[str, dict[str, Any]]:
        async with aiohttp.ClientSession(self._query_url) as session:

            async def known() -> dict[str, dict[str, Any]] | None:
                async with session.get(query) as response:
                    if response.status != 200:
                        return None
                    traces = (await response.json())["data"] or ()
                spans = [span for trace in traces for span in trace["spans"]]
                return {span["operationName"]: span for span in spans} if len(spans) >= span_count else None

            return await eventually(known, f"{span_count} spans in Jaeger", self._program)


class Phoenix:
    """An Arize Phoenix that keeps spans in a file of its own."""

    def __init__(self, program: Program, port: int) -> None:
        self._program = program
        self.http_endpoint = f"http://127.0.0.1:{port}"

    async def spans(self, *names: str) -> dict[str, dict[str, Any]]:
        """Wait until its API knows spans of all these names; return their attributes by name."""
        async with aiohttp.ClientSession(self.http_endpoint) as session:

            async def known() -> dict[str, dict[str, Any]] | None:
                async with session.get("/v1/projects/default/spans") as response:
                    if response.status != 200:  # there is no project before its first span
                        return None
                    spans = {span["name"]: span["attributes"] for span in (await response.json())["data"]}
                return spans if spans.keys() >= {*names} else None

            return await eventually(known, f"{len(names)} spans in Phoenix", self._program, timeout_s=60)


class Collector:
    """An OpenTelemetry Collector that receives OTLP and forwards it."""

    def __init__(self, port: int) -> None:
        self.grpc_endpoint = f"127.0.0.1:{port}"


@asynccontextmanager
async def run_jaeger(directory: Path) -> AsyncIterator[Jaeger]:
    """Start a Jaeger on free ports."""
    binary = find_backend("jaeger")
    ports = {listener: free_port() for listener in _JAEGER_LISTENERS}
    flags = [f"--{listener}.host-port=127.0.0.1:{port}" for listener, port in ports.items()]
    async with run([binary, *flags], directory / "jaeger.log") as program:
        await _listening(program, list(ports.values()))
        yield Jaeger(program, ports)


@asynccontextmanager
async def run_phoenix(directory: Path) -> AsyncIterator[Phoenix]:
    """Start a Phoenix; install it where it is not there. On a busy machine it makes its tables for a minute."""
    programs = await asyncio.to_thread(programs_of, "phoenix")
    port = free_port()
    settings = f"PHOENIX_WORKING_DIR={directory} PHOENIX_PORT={port} PHOENIX_GRPC_PORT={free_port()}"
    async with run(["env", *settings.split(" "), programs / "phoenix", "serve"], directory / "phoenix.log") as program:
        await _listening(program, [port], timeout_s=300)
        yield Phoenix(program, port)


@asynccontextmanager
async def run_collector(
    directory: Path, target: str, processors: Mapping[str, Any] | None = None
) -> AsyncIterator[Collector]:
    """Start a Collector that forwards to the OTLP/gRPC endpoint *target*, through *processors* in their order."""
    binary = find_backend("otelcol")
    port = free_port()
    config = directory / "otelcol.yaml"
    made = {"processors": json.dumps(processors or {}), "names": json.dumps([*(processors or {})])}
    config.write_text(_COLLECTOR_CONFIG.format(port=port, target=target, **made))
    async with run([binary, "--config", config], directory / "otelcol.log") as program:
        await _listening(program, [port])
        yield Collector(port)


_COLLECTOR_CONFIG = """
receivers: {{otlp: {{protocols: {{grpc: {{endpoint: "127.0.0.1:{port}"}}}}}}}}
processors: {processors}
exporters: {{otlp_grpc: {{endpoint: "{target}", tls: {{insecure: true}}}}}}
service:
  telemetry: {{metrics: {{level: none}}}}
  pipelines: {{traces: {{receivers: [otlp], processors: {names}, exporters: [otlp_grpc]}}}}
"""


async def _listening(program: Program, ports: Sequence[int], timeout_s: float = 20.0) -> None:
    async def connected() -> bool | None:
        try:
            for port in ports:
                _, writer = await asyncio.open_connection("127.0.0.1", port)
                writer.close()
                await writer.wait_closed()
        except OSError:
            return None
        return True

    await eventually(connected, "its ports", program, timeout_s)
