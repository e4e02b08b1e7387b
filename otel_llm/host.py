"""The host: builds what a config names, connects it, starts it back to front and stops it front to back."""

from __future__ import annotations

import errno
import logging
import os
import socket
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import AsyncExitStack
from functools import partial
from typing import TYPE_CHECKING, Any, Final, Self, TypeVar

from otel_llm.chain import Chain
from otel_llm.component import Endpoint, Exporter, Extension, Processor, Receiver, Settings
from otel_llm.destination import Destination
from otel_llm.errors import ConfigError, StartError
from otel_llm.exporters.delivery import DeliveryConfig
from otel_llm.intake import Intake
from otel_llm.journal import Journal, JournalProvider
from otel_llm.journal.memory import MemoryJournal
from otel_llm.metrics_server import MetricsServer
from otel_llm.pipeline import Pipeline
from otel_llm.signals import Signal
from otel_llm.telemetry import Meter

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from types import TracebackType

    from otel_llm.config import Component, HostConfig

__all__ = ["Host"]

T = TypeVar("T")

_READY_BELOW: Final = 0.95
"""How full the journal may be before a load balancer should send elsewhere."""
_DEFAULT_CAPACITY_BYTES: Final = 64 * 1024 * 1024
"""Of the journal, where no extension brings one."""
_THREADS: Final = 2
_log = logging.getLogger(__name__)


class Host:
    """Runs one config: `async with Host(config) as host: ...`, in whatever event loop that is.

    It installs no signal handlers and starts no loop, so that a command, a test or an ASGI lifespan can run it alike.
    """

    def __init__(self, config: HostConfig, meter: Meter | None = None) -> None:
        """Build all components.

        Raises:
            ConfigError: with the problems of all of them.
        """
        self.meter = meter or Meter()
        self._config = config
        self._started_at = time.monotonic()
        self._running = False
        self._stack = AsyncExitStack()
        self._problems: list[str] = []
        self._extensions: dict[str, Extension] = self._build_all(config.extensions)
        exporters: dict[str, Exporter] = self._build_all(config.exporters)
        self._receivers: dict[str, Receiver] = self._build_all(config.receivers)
        pipelines = {name: self._try(partial(self._pipeline, name)) for name in config.service.pipelines}
        if self._problems:
            raise ConfigError(*self._problems)
        self._pipelines: dict[str, Pipeline] = {name: p for name, p in pipelines.items() if p is not None}
        self._journal = self._journal_of(self._extensions.values())
        self._destinations = [self._destination(name, exporter) for name, exporter in exporters.items()]
        self._metrics = MetricsServer(config.service.telemetry.metrics.endpoint, self.meter)
        self._executor = ThreadPoolExecutor(_THREADS, thread_name_prefix="otel-llm-pipeline")

    async def __aenter__(self) -> Self:
        """Start everything.

        Raises:
            StartError: ports are in use; it names them all.
        """
        refused = [problem for endpoint in self.endpoints if (problem := _why_not(endpoint))]
        if refused:
            raise StartError(*refused)
        try:
            await self._start()
        except BaseException:
            await self.shutdown()
            raise
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Stop everything."""
        await self.shutdown()

    @property
    def endpoints(self) -> Sequence[Endpoint]:
        """Where it listens, with the real ports once it has started."""
        parts: list[Receiver | Extension | MetricsServer] = [
            *self._receivers.values(),
            *self._extensions.values(),
            self._metrics,
        ]
        return [endpoint for part in parts for endpoint in part.endpoints]

    @property
    def destinations(self) -> Sequence[Destination]:
        """Where it sends."""
        return self._destinations

    @property
    def ready(self) -> bool:
        """Whether it takes requests and has room for them."""
        return self._running and self._journal.used_bytes < _READY_BELOW * self._journal.capacity_bytes

    async def shutdown(self) -> None:
        """Take no more, answer what is under way, deliver what waits, within the config's limits. Safe twice."""
        self._running = False
        await self._stack.aclose()
        self._executor.shutdown(wait=True)
        for pipeline in self._pipelines.values():
            pipeline.shutdown()
        await self._journal.shutdown()

    async def _start(self) -> None:
        limits = self._config.service.shutdown
        self._observe()
        self._stack.push_async_callback(self._metrics.shutdown)
        await self._metrics.start()
        for extension in self._extensions.values():
            self._stack.push_async_callback(extension.shutdown)
            await extension.start(self)
        for destination in self._destinations:
            self._stack.push_async_callback(destination.shutdown)
            await destination.start()
        self._stack.push_async_callback(self._drain)
        for name, receiver in self._receivers.items():
            self._stack.push_async_callback(receiver.shutdown, limits.grace)
            await receiver.start(self._intake(name).receive)
        self._running = True

    async def _drain(self) -> None:
        """Give every destination the same time, at once: one that is away must not use up the others'."""
        deadline = time.monotonic() + self._config.service.shutdown.drain
        for destination in self._destinations:
            await destination.drain(max(0.0, deadline - time.monotonic()))

    def _build_all(self, components: dict[str, Component]) -> dict[str, Any]:
        return {name: self._try(partial(self._build, component)) for name, component in components.items()}

    def _build(self, component: Component) -> Any:
        return component.factory.create(component.config, Settings(component.id, self.meter))

    def _try(self, build: Callable[[], T]) -> T | None:
        try:
            return build()
        except ConfigError as error:
            self._problems.extend(error.problems)
            return None

    def _pipeline(self, name: str) -> Pipeline:
        steps = [self._config.processors[step] for step in self._config.service.pipelines[name].processors]

        def make_chain() -> Chain:
            processors: list[tuple[str, Processor]] = [(step.id, self._build(step)) for step in steps]
            return Chain(processors, meter=self.meter)

        return Pipeline(name, Signal(name.partition("/")[0]), make_chain, self.meter)

    def _destination(self, name: str, exporter: Exporter) -> Destination:
        config = self._config.exporters[name].config
        delivery = config if isinstance(config, DeliveryConfig) else DeliveryConfig()
        pipelines = frozenset(p for p, parts in self._config.service.pipelines.items() if name in parts.exporters)
        return Destination(name, exporter, self._journal.open_cursor(name, pipelines), delivery, self.meter)

    def _intake(self, receiver: str) -> Intake:
        fed = [self._pipelines[p] for p, parts in self._config.service.pipelines.items() if receiver in parts.receivers]
        return Intake(receiver, fed, self._journal, self._executor, self.meter)

    @staticmethod
    def _journal_of(extensions: Any) -> Journal:
        provider = next((each for each in extensions if isinstance(each, JournalProvider)), None)
        return provider.journal() if provider else MemoryJournal(_DEFAULT_CAPACITY_BYTES)

    def _observe(self) -> None:
        """Show what is read only when somebody asks for the metrics."""
        gauge = self.meter.gauge
        gauge("process_uptime_seconds", "Time since the start.").set_function(
            lambda: time.monotonic() - self._started_at
        )
        gauge("process_memory_rss_bytes", "Resident memory.").set_function(_resident_bytes)
        gauge("journal_used_bytes", "Bytes that wait for destinations.").set_function(lambda: self._journal.used_bytes)
        gauge("journal_capacity_bytes", "Bytes that may wait.").set(self._journal.capacity_bytes)


def _why_not(endpoint: Endpoint) -> str | None:
    """Return why nothing can listen there, None if it can."""
    try:
        found = socket.getaddrinfo(endpoint.host, endpoint.port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    except socket.gaierror:
        return f"{endpoint.name}: the host name of {endpoint} is not known"
    family, kind, protocol, _, address = found[0]
    with socket.socket(family, kind, protocol) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # as servers do: a port in TIME_WAIT is free
        try:
            probe.bind(address)
        except OSError as error:
            why = "is in use" if error.errno == errno.EADDRINUSE else f"cannot be used: {os.strerror(error.errno or 0)}"
            return f"{endpoint.name}: {endpoint} {why}"
    return None


def _resident_bytes() -> float:
    try:
        with open("/proc/self/statm", encoding="ascii") as statm:  # noqa: PTH123 - a kernel file, read at every scrape
            return int(statm.read().split()[1]) * os.sysconf("SC_PAGESIZE")
    except OSError:  # not Linux
        return float("nan")
