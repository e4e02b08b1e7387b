"""A host whose components say what happens to them, and what speaks to it."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from pathlib import Path
from typing import TYPE_CHECKING, Self

import grpc

from otel_llm.component import (
    Config,
    Endpoint,
    Exporter,
    ExporterFactory,
    Extension,
    ExtensionFactory,
    Processor,
    ProcessorFactory,
    Settings,
)
from otel_llm.config import HostConfig, load_config
from otel_llm.errors import ConfigError, Retryable, StartError
from otel_llm.host import Host, Review
from otel_llm.registry import Registry
from otel_llm.signals import Signal

if TYPE_CHECKING:
    from collections.abc import Sequence

    from otel_llm.batch import Batch
    from otel_llm.component import HostView
    from otel_llm.span import Span

CONFIG = """
receivers: {otlp: {protocols: {grpc: {endpoint: "127.0.0.1:0"}}}}
processors: {stamp: {text: old}}
exporters: {sink/a: {}}
service:
  telemetry: {metrics: {endpoint: none}}
  shutdown: {grace: 5s, drain: 10s}
  pipelines: {traces: {receivers: [otlp], processors: [stamp], exporters: [sink/a]}}
"""


class StampConfig(Config):
    """Settings of the processor."""

    text: str = ""
    """What to write on every span."""

    file: Path | None = None
    """A file that holds it."""


def first_word(data: bytes) -> str:
    """Return what a file says, or refuse it."""
    if data.startswith(b"bad"):
        raise ConfigError("the file is bad")
    return data.decode().split()[0]


class Stamp(Processor):
    """Writes a text on every span."""

    def __init__(self, config: StampConfig, settings: Settings) -> None:
        self._text = config.text
        self._watched = settings.watch(first_word, config.file) if config.file else None

    def process_span(self, span: Span, /) -> None:
        span.set("stamp", self._watched.value if self._watched else self._text)


class SinkConfig(Config):
    """Settings of the exporter."""

    note: str = ""
    """Something to change."""

    breaks: bool = False
    """Whether it cannot be started."""


class Sink(Exporter):
    """Keeps the spans' stamps, unless it is shut."""

    def __init__(self, backend: Backend, *, breaks: bool) -> None:
        self._backend = backend
        self._breaks = breaks

    async def start(self) -> None:
        if self._breaks:
            raise StartError("the sink cannot be started")
        self._backend.states.append("started")
        self._backend.started.set()

    async def export(self, batch: Batch, /) -> int:
        if self._backend.away:
            raise Retryable("away", after_s=0.01)
        self._backend.stamps += [span.get_str("stamp") or "" for span in batch.spans]
        self._backend.came.set()
        return 0

    async def shutdown(self) -> None:
        self._backend.states.append("shut down")


class Backend:
    """What is behind an exporter, whichever it is at the time."""

    def __init__(self) -> None:
        self.away = False
        self.stamps: list[str] = []
        self.states: list[str] = []
        self.started = asyncio.Event()
        self.came = asyncio.Event()

    async def has(self, count: int) -> list[str]:
        """Wait until so many spans have come; return their stamps."""
        while len(self.stamps) < count:
            self.came.clear()
            await asyncio.wait_for(self.came.wait(), 20)
        return self.stamps


class BellConfig(Config):
    """Settings of the extension."""

    note: str = ""
    """Something to change."""


class Bell(Extension):
    """Notes when it starts and ends."""

    def __init__(self, events: list[str], note: str) -> None:
        self._events = events
        self._note = note

    async def start(self, _host: HostView, /) -> None:
        self._events.append(f"{self._note} on")

    async def shutdown(self) -> None:
        self._events.append(f"{self._note} off")


class Rig:
    """Makes configs of YAML whose components are the ones above."""

    def __init__(self) -> None:
        self.backends: defaultdict[str, Backend] = defaultdict(Backend)
        self.events: list[str] = []
        self._registry = Registry(
            extra=[
                ProcessorFactory("stamp", StampConfig, Stamp),
                ExporterFactory("sink", SinkConfig, self._sink),
                ExtensionFactory("bell", BellConfig, self._bell),
            ]
        )

    def config(self, text: str = CONFIG) -> HostConfig:
        """Return a config as the program reads it."""
        return load_config(text, registry=self._registry)

    def host(self, text: str = CONFIG, review: Review | None = None) -> Host:
        """Return a host that has not been started."""
        return Host(self.config(text), review=review)

    def _sink(self, config: SinkConfig, settings: Settings) -> Sink:
        return Sink(self.backends[settings.name], breaks=config.breaks)

    def _bell(self, config: BellConfig, _settings: Settings) -> Bell:
        return Bell(self.events, config.note)


class Client:
    """Sends over one connection that stays open."""

    def __init__(self, host: Host) -> None:
        self._channel = grpc.aio.insecure_channel(str(endpoint(host)))
        self._export: grpc.aio.UnaryUnaryMultiCallable[bytes, bytes]
        self._export = self._channel.unary_unary(Signal.TRACES.grpc_method)

    async def send(self, *bodies: bytes) -> None:
        """Send requests at once; all must be taken."""
        await asyncio.gather(*(self._export(body) for body in bodies))

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._channel.close()


def endpoint(host: Host, name: str = "receivers.otlp.protocols.grpc.endpoint") -> Endpoint:
    """Return where something listens."""
    return next(each for each in host.endpoints if each.name == name)


def states(rig: Rig, *names: str) -> Sequence[Sequence[str]]:
    """Return what has become of these exporters."""
    return [rig.backends[name].states for name in names]
