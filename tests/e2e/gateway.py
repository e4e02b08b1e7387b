"""The gateway as a process."""

from __future__ import annotations

import json
import sys
from contextlib import asynccontextmanager
from pathlib import Path
from string import Template
from tempfile import mkdtemp
from typing import TYPE_CHECKING, Any, Final

from tests.e2e.program import Program, eventually, run

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

__all__ = ["Gateway", "on_free_ports", "pricing_config", "run_gateway"]


class Gateway:
    """A running `otel-llm run`."""

    def __init__(self, program: Program, endpoints: dict[str, str]) -> None:
        self.program = program
        self.endpoints = endpoints
        """`host:port` of everything that listens, by its place in the config."""

    @property
    def grpc_endpoint(self) -> str:
        """Where it takes OTLP/gRPC, `host:port`."""
        return self.endpoints["receivers.otlp.protocols.grpc.endpoint"]

    @property
    def http_endpoint(self) -> str:
        """Where it takes OTLP/HTTP, `http://host:port`."""
        return f"http://{self.endpoints['receivers.otlp.protocols.http.endpoint']}"


@asynccontextmanager
async def run_gateway(directory: Path, config: str) -> AsyncIterator[Gateway]:
    """Start it with a config in YAML whose endpoints should have port 0. In the end it must stop well on SIGTERM."""
    home = Path(mkdtemp(prefix="gateway-", dir=directory))
    path = home / "otel-llm.yaml"
    path.write_text(config)
    command = [sys.executable, "-m", "otel_llm", "run", "--config", str(path)]
    async with run(command, home / "otel-llm.log") as program:

        async def ready() -> dict[str, str] | None:
            lines = [line.split() for line in program.output.splitlines()]
            return {line[1]: line[2] for line in lines if line[:1] == ["listening"]} if ["ready"] in lines else None

        yield Gateway(program, await eventually(ready, "the gateway was ready", program))
        assert 0 == await program.stop(), program.output


def pricing_config(exporter: str, **settings: Any) -> str:
    """Return a config that takes spans over gRPC and HTTP, normalises and prices them, and exports them."""
    return _PRICING.substitute(exporter=exporter, settings=json.dumps(settings))


def on_free_ports(config: str) -> str:
    """Return the config with port 0 where it leaves the ports to the defaults, which other tests may be using."""
    config = config.replace(
        "  otlp: {}\n", '  otlp: {protocols: {grpc: {endpoint: "127.0.0.1:0"}, http: {endpoint: "127.0.0.1:0"}}}\n', 1
    )
    config = config.replace("  health: {}\n", '  health: {endpoint: "127.0.0.1:0"}\n')
    if "telemetry:" not in config:
        config = config.replace("service:\n", 'service:\n  telemetry: {metrics: {endpoint: "127.0.0.1:0"}}\n', 1)
    return config


_PRICING: Final = Template("""
receivers:
  otlp: {protocols: {grpc: {endpoint: "127.0.0.1:0"}, http: {endpoint: "127.0.0.1:0"}}}
processors:
  gen_ai_normalizer: {}
  cost: {}
exporters:
  $exporter: $settings
service:
  telemetry: {metrics: {endpoint: "127.0.0.1:0"}}
  pipelines:
    traces: {receivers: [otlp], processors: [gen_ai_normalizer, cost], exporters: [$exporter]}
""")
