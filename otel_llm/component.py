"""What a component is: a closed config type, a factory, and one class with one method that does the work.

This module is what an author of a component imports. The host does the rest: it times, counts, catches and calls what
comes next.
"""

from __future__ import annotations

import logging
import time
from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Generic, Literal, Protocol, TypeVar

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from otel_llm.endpoint import Endpoint, Worker
from otel_llm.reload.files import Watch, Watched
from otel_llm.request import Answer, Request
from otel_llm.telemetry import Meter
from otel_llm.units import parse_duration, parse_integer

if TYPE_CHECKING:
    from otel_llm.batch import Batch
    from otel_llm.detection import Rule
    from otel_llm.log_record import LogRecord
    from otel_llm.resource import Resource
    from otel_llm.span import Span

__all__ = [
    "Applies",
    "Config",
    "Consume",
    "Count",
    "Duration",
    "Endpoint",
    "Exporter",
    "ExporterFactory",
    "Extension",
    "ExtensionFactory",
    "Factory",
    "Find",
    "HostView",
    "OnError",
    "Processor",
    "ProcessorFactory",
    "Receiver",
    "ReceiverFactory",
    "Settings",
    "Stability",
    "Worker",
]

OnError = Literal["forward", "drop"]
Applies = Literal["gen_ai", "all"]
Stability = Literal["alpha", "beta", "stable"]
T = TypeVar("T")

Consume = Callable[[Request], Awaitable[Answer]]

Duration = Annotated[float, BeforeValidator(parse_duration), Field(ge=0)]
"""A time in seconds, written with its unit: `200ms`, `5s`, `1m30s`. A bare number other than 0 is refused."""

Count = Annotated[int, BeforeValidator(parse_integer), Field(ge=0)]
"""A whole number, zero or more. `true` is not 1."""


class Config(BaseModel):
    """Root of every component's settings: closed, frozen, documented by the docstring under each field."""

    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True)

    def weaknesses(self) -> Iterable[str]:
        """Return what works but is not safe, such as a key that others may read: a sentence each, without its place.

        Asked of every part of a config once the component could be made of it. Warnings, and errors with `--strict`.
        """
        return ()

    def needs_one_process(self) -> str:
        """Return why the component cannot run in several workers of a gateway, as a sentence; empty if it can."""
        return ""


class Find(Protocol):
    """How a component asks for what is beside it."""

    def __call__(self, kind: type[T], /) -> T | None:
        """Return the extension that is of that kind, of those before it in `service.extensions`, or the settings, of
        that type, of a processor that a pipeline names; None without one."""
        ...


def _nothing(_kind: type[Any], /) -> None:
    """Find nothing: there is no host."""


@dataclass(frozen=True)
class Settings:
    """What the host gives a component besides its config."""

    name: str
    """Its name in the config, such as `otlp` or `otlp/eu`."""
    meter: Meter = field(default_factory=Meter)
    """Makes metrics that the host's metrics endpoint shows."""
    logger: logging.Logger = field(default_factory=lambda: logging.getLogger("otel_llm"))
    clock: Callable[[], float] = time.time
    """Seconds since 1970."""
    watch: Watch = Watched
    """Reads files that the config names: `rules = settings.watch(parse_rules, config.file)`, then `rules.value`
    wherever they are needed. The host reads them again when they change; without a host they stay as they were."""
    worker: Worker | None = None
    """Which of the gateway's workers it works in; None where the gateway is one process."""
    find: Find = _nothing
    """Finds an extension by what it is, such as `settings.find(StoreProvider)`, or the settings of a processor by their
    type. Whoever has asked is made anew when that changes."""


class Processor(ABC):  # noqa: B024 - which of its methods a processor has is its own affair
    """One step of a chain: looks at one span or log record at a time and changes it in place.

    CPU only, unless it `waits`: no I/O, no thread of its own. One instance serves one thread. What a method raises
    costs that span this step, never the batch: see `on_error`. After a method has returned, the facades it was given
    are no longer its own.
    """

    on_error: ClassVar[OnError] = "forward"
    """What becomes of a span on which a method raised. `forward`: it goes on as it is, with the processor's name in
    `otel_llm.processor.errors`. `drop`: every text on it is replaced by `[UNSCANNED:error]` first (fails closed)."""

    markers: ClassVar[tuple[bytes, ...]] = ()
    """Bytes of which at least one stands in every request that holds work for it. Empty: every request may."""

    requires: ClassVar[tuple[str, ...]] = ()
    """Types of processors that must stand before it in a pipeline."""

    applies_to: ClassVar[Applies] = "gen_ai"
    """`gen_ai`: only spans with a `gen_ai.*` attribute, as they are after the steps before. `all`: every span.
    Log records are gen_ai when they, or their event name, are."""

    only_findings: bool = False
    """Whether it has work only where `rules` find something: what holds nothing is then not shown to it, but for texts
    that are longer than `longest_text`."""

    longest_text: int = 1 << 30
    """Characters, or bytes, of a text that is scanned before it is shown to a processor with `only_findings`."""

    remembered_texts: int = 0
    """Of how many texts it is remembered what `rules` found in them, so that none is scanned again."""

    waits: bool = False
    """Whether its methods may wait for something outside the process, for a bounded time. Its pipeline then runs on
    threads that may be kept waiting, never on the event loop. The only exception to what is said above of I/O."""

    def rules(self) -> Sequence[Rule]:
        """Return what texts are to be scanned for. The host scans each once for all processors: see `Item.findings`."""
        return ()

    def start(self) -> None:  # noqa: B027 - a default that does nothing is the point of it
        """Acquire resources. Called once, before the first span."""

    def begin_batch(self, spans: Sequence[Span], /) -> None:  # noqa: B027 - as above
        """Look at the spans of one batch together, before they come one by one."""

    def begin_log_batch(self, records: Sequence[LogRecord], /) -> None:  # noqa: B027 - as above
        """Look at the log records of one batch together, before they come one by one."""

    def process_resource(self, resource: Resource, /) -> None:  # noqa: B027 - as above
        """Change a resource or a scope. Called once for each in a batch, before the spans under it."""

    def process_span(self, span: Span, /) -> None:  # noqa: B027 - as above
        """Change a span."""

    def process_log(self, record: LogRecord, /) -> None:  # noqa: B027 - as above
        """Change a log record."""

    def shutdown(self) -> None:  # noqa: B027 - as above
        """Release resources. Safe to call twice, and without `start`."""


class Exporter(ABC):
    """Sends one batch to one destination, once. Queueing, merging, retrying and counting are the host's."""

    @property
    def target(self) -> str:
        """Where it sends, for people: an address, a path. Never with credentials."""
        return ""

    async def start(self) -> None:  # noqa: B027 - a default that does nothing is the point of it
        """Open what is needed. Must not wait for the destination to be there."""

    @abstractmethod
    async def export(self, batch: Batch, /) -> int:
        """Send *batch*; return how many of its items the destination refused (OTLP's partial success).

        Raises:
            Retryable: the same batch may be taken later.
            Permanent: it never will be.
        """

    async def shutdown(self) -> None:  # noqa: B027 - as above
        """Close. Safe to call twice, and without `start`."""


class Receiver(ABC):
    """Takes requests from a transport, asks *consume* for the answer, and says it in the transport's words."""

    @property
    def endpoints(self) -> Sequence[Endpoint]:
        """Where it listens. Known before `start`, so that every port in use is found at once."""
        return ()

    @abstractmethod
    async def start(self, consume: Consume, /) -> None:
        """Begin to take requests."""

    @abstractmethod
    async def shutdown(self, grace_s: float = 0.0) -> None:
        """Take no more; let what is under way finish within *grace_s* seconds. Safe to call twice, without `start`."""


class HostView(Protocol):
    """What an extension sees of the host."""

    @property
    def ready(self) -> bool:
        """Whether it takes requests and has room for them."""
        ...

    async def metrics(self) -> bytes:
        """Return all metrics as `telemetry.CONTENT_TYPE`."""
        ...


class Extension(ABC):
    """Something beside the pipelines, such as an endpoint that tells how the host is."""

    @property
    def endpoints(self) -> Sequence[Endpoint]:
        """Where it listens. Known before `start`."""
        return ()

    @abstractmethod
    async def start(self, host: HostView, /) -> None:
        """Begin. Everything has been built, and nothing flows yet."""

    @abstractmethod
    async def shutdown(self) -> None:
        """End, after receivers and destinations have. Safe to call twice, and without `start`."""


C = TypeVar("C", bound=Config)
T_co = TypeVar("T_co", covariant=True)


@dataclass(frozen=True)
class Factory(Generic[C, T_co]):
    """The object that an entry point names: a component's name, its config type, how to make it."""

    name: str
    """The same as the entry point's, the YAML key's and, for built-ins, the folder's."""
    config: type[C]
    create: Callable[[C, Settings], T_co]
    """May raise `ConfigError` for what the config type alone cannot see, such as a file that is not there."""
    stability: Stability = "alpha"

    def build(self, raw: dict[str, Any] | None = None, settings: Settings | None = None) -> T_co:
        """Validate *raw*, as it stands in YAML, and make the component. Raises pydantic's `ValidationError`."""
        return self.create(self.config.model_validate(raw or {}), settings or Settings(self.name))


class ProcessorFactory(Factory[C, Processor]):
    """An entry point of the group `otel_llm.processors`."""


class ExporterFactory(Factory[C, Exporter]):
    """An entry point of the group `otel_llm.exporters`."""


class ReceiverFactory(Factory[C, Receiver]):
    """An entry point of the group `otel_llm.receivers`."""


@dataclass(frozen=True)
class ExtensionFactory(Factory[C, Extension]):
    """An entry point of the group `otel_llm.extensions`."""

    once: bool = False
    """Where a gateway has several workers: one beside them and for all, in place of one in each."""
