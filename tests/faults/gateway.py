"""`otel-llm run` as a process that can be started, stopped and killed over and over, always at the same ports."""

from __future__ import annotations

import json
import sys
from contextlib import AsyncExitStack
from signal import SIGHUP, SIGKILL
from typing import TYPE_CHECKING, Any, Final, Self

import aiohttp

from bench.process_tree import rss_mib
from tests.e2e.program import Program, eventually, run
from tests.faults.metrics import Metrics
from tests.faults.network import reserved_port

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path
    from types import TracebackType

__all__ = ["SECRET", "Gateway"]

SECRET: Final = "canary-backend-9f86d081884c"
"""A header of every exporter; for its backend alone."""

_PORTS: Final = ("grpc", "http", "metrics", "health")


class Gateway:
    """Change `config` before `start`."""

    def __init__(self, directory: Path, backends: Mapping[str, str]) -> None:
        """Take a directory for all files, and the backends' endpoints by the names of their exporters."""
        self.directory = directory
        self.state = directory / "state"
        """What waits on disk."""
        self._stack = AsyncExitStack()
        self.ports = {name: self._stack.enter_context(reserved_port()) for name in _PORTS}
        self.config = self._default_config(backends)
        self.base_mib = 0.0
        """Resident memory when it had just started."""
        self.starts = 0
        """How many processes of it there have been. Each counts from zero."""
        self.program: Program
        """The last of them."""
        self.logs: list[Path] = []
        """What each process prints goes to one of these."""

    @property
    def exporter(self) -> dict[str, Any]:
        """The config of the first exporter."""
        exporters: dict[str, dict[str, Any]] = self.config["exporters"]
        return next(iter(exporters.values()))

    @property
    def log(self) -> str:
        """What all of them have printed."""
        return "".join(log.read_text(errors="replace") for log in self.logs)

    @property
    def rss_mib(self) -> float:
        """Resident memory."""
        return rss_mib(self.program.pid)

    async def start(self, *prefix: str) -> None:
        """Start it, and wait until it takes requests.

        Args:
            prefix: a command that runs the one that follows it, such as `env`.
        """
        program = self.program = await self.launch(*prefix)
        self.starts += 1

        async def ready() -> bool | None:
            return True if "ready" in program.output.splitlines() else None

        await eventually(ready, "the gateway was ready", program, timeout_s=60)
        self.base_mib = self.rss_mib

    async def launch(self, *prefix: str) -> Program:
        """Start a process of its config, whatever comes of that."""
        self.logs.append(self.directory / f"otel-llm-{len(self.logs)}.log")
        command = [*prefix, sys.executable, "-m", "otel_llm", "run", "--config", str(self._write_config())]
        return await self._stack.enter_async_context(run(command, self.logs[-1]))

    async def reload(self, outcome: str = "\nreloaded\n") -> None:
        """Have it read its config again, and wait until it has said *outcome*."""
        self._write_config()
        before = self.log.count(outcome)
        self.program.signal(SIGHUP)

        async def said() -> bool | None:
            return True if self.log.count(outcome) > before else None

        await eventually(said, f"it said {outcome.strip()}", self.program)

    async def stop(self) -> None:
        """Ask it to end, and see it end well."""
        assert 0 == await self.program.stop(), self.program.output

    async def kill(self) -> None:
        """End it with SIGKILL, as the kernel does when memory runs out."""
        assert -SIGKILL == await self.program.kill()

    async def get(self, port: str, path: str) -> tuple[int, str]:
        """Get a page."""
        url = f"http://127.0.0.1:{self.ports[port]}{path}"
        async with aiohttp.ClientSession() as session, session.get(url) as page:
            return page.status, await page.text()

    async def metrics(self) -> Metrics:
        """Return what it has counted."""
        status, text = await self.get("metrics", "/metrics")
        assert 200 == status
        return Metrics(text)

    async def counted(self, name: str, at_least: float, **labels: str) -> Metrics:
        """Wait until a metric has reached a value."""

        async def reached() -> Metrics | None:
            metrics = await self.metrics()
            return metrics if metrics.total(name, **labels) >= at_least else None

        return await eventually(reached, f"{name} was {at_least}", self.program)

    async def drained(self, timeout_s: float = 30.0) -> Metrics:
        """Wait until nothing waits for any destination."""

        async def empty() -> Metrics | None:
            metrics = await self.metrics()
            return None if metrics.total("exporter_queue_size") else metrics

        return await eventually(empty, "nothing waited", self.program, timeout_s)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, _type: type[BaseException] | None, _error: BaseException | None, _at: TracebackType | None
    ) -> None:
        await self._stack.aclose()

    def _write_config(self) -> Path:
        path = self.logs[-1].with_suffix(".yaml")
        path.write_text(json.dumps(self.config))
        return path

    def _default_config(self, backends: Mapping[str, str]) -> dict[str, Any]:
        endpoint = {name: f"127.0.0.1:{port}" for name, port in self.ports.items()}
        protocols = {name: {"endpoint": endpoint[name]} for name in ("grpc", "http")}
        processors = ["gen_ai_normalizer", "cost"]
        return {
            "receivers": {"otlp": {"protocols": protocols}},
            "processors": {name: {} for name in processors},
            "exporters": {name: _exporter(name, backend) for name, backend in backends.items()},
            "extensions": {
                "health": {"endpoint": endpoint["health"]},
                "storage": {"directory": str(self.state)},
            },
            "service": {
                "extensions": ["health", "storage"],
                "telemetry": {
                    "metrics": {"endpoint": endpoint["metrics"]},
                    "logs": {"level": "debug", "format": "json"},
                },
                "pipelines": {"traces": {"receivers": ["otlp"], "processors": processors, "exporters": list(backends)}},
            },
        }


def _exporter(name: str, endpoint: str) -> dict[str, Any]:
    plain_text = {"tls": {"insecure": True}} if name.partition("/")[0] == "otlp" else {}
    retry = {"initial_interval": "50ms", "max_interval": "500ms"}
    return {"endpoint": endpoint, "headers": {"x-api-key": SECRET}, "retry_on_failure": retry, **plain_text}
