"""The graph of one config: its components, built, and its pipelines, connected. It is the host that starts them."""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any, Final, Generic, TypeVar

from otel_llm.admission import Admission
from otel_llm.chain import Chain
from otel_llm.component import Endpoint, Exporter, Extension, ExtensionFactory, Processor, Receiver, Settings
from otel_llm.config import Component
from otel_llm.config.service import MetricsConfig
from otel_llm.errors import ConfigError
from otel_llm.intake import Intake
from otel_llm.journal import Journal, JournalProvider
from otel_llm.metrics_server import MetricsServer
from otel_llm.pipeline import Pipeline
from otel_llm.registry import Kind, type_of
from otel_llm.signals import Signal

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from otel_llm.component import Worker
    from otel_llm.config import HostConfig
    from otel_llm.reload import Watch
    from otel_llm.telemetry import Meter

__all__ = ["Graph", "Key", "Part", "Parts"]

T = TypeVar("T")
Key = tuple[Kind, str]

_WAITING_THREADS: Final = 16
"""Of which those are made that are needed. What waits has a limit of its own, so that some are always left."""
_PATIENCE_S: Final = 5.0
"""With a processor that hangs: what comes next must not hang with it."""
_METRICS: Final = ExtensionFactory("metrics", MetricsConfig, MetricsServer, once=True)
"""The metrics page: an extension that every config has."""


@dataclass(frozen=True, slots=True)
class Part(Generic[T]):
    """A component that has been built."""

    component: Component
    """What it was built from."""
    built: T
    asked: Mapping[type[Any], Any] = field(default_factory=dict)
    """What it has asked for of what is beside it, and got."""

    @property
    def name(self) -> str:
        """Its name in the config."""
        return self.component.id

    @property
    def key(self) -> Key:
        """What it is found by."""
        return self.component.kind, self.component.id


Parts = dict[Key, Part[Any]]
"""By kind and name, in the order in which they start: extensions, exporters, receivers."""


class Graph:
    """What a config names. Processors have been started; nothing else has."""

    def __init__(
        self,
        config: HostConfig,
        meter: Meter,
        watch: Watch,
        running: Parts | None = None,
        worker: Worker | None = None,
    ) -> None:
        """Build it. Takes a while: prices are loaded, rules compiled.

        Args:
            config: what to build.
            meter: for the components.
            watch: for the components.
            running: what runs already: of it is taken, and not built, what has the same settings.
            worker: which of the gateway's workers it is for: those have no extension that there is once.

        Raises:
            ConfigError: with the problems of all components.
        """
        self.config = config
        self._meter = meter
        self._watch = watch
        self._worker = worker
        self._problems: list[str] = []
        metrics = Component("service.telemetry.metrics", Kind.EXTENSION, _METRICS, config.service.telemetry.metrics)
        extensions = [metrics, *(config.extensions[name] for name in config.service.extensions)]
        self.parts: Parts = {}
        for component in (*extensions, *config.exporters.values(), *config.receivers.values()):
            if not (worker and _is_single(component)):
                part = self._part(component, running or {})
                self.parts[part.key] = part
        self._executor = ThreadPoolExecutor(1, thread_name_prefix="otel-llm-pipeline")
        self._huge = ThreadPoolExecutor(1, thread_name_prefix="otel-llm-huge")
        self._waiting = ThreadPoolExecutor(_WAITING_THREADS, thread_name_prefix="otel-llm-waiting")
        built = {name: self._try(partial(self._pipeline, name)) for name in config.service.pipelines}
        self._pipelines: dict[str, Pipeline] = {name: pipeline for name, pipeline in built.items() if pipeline}
        if self._problems:
            self.discard()
            raise ConfigError(*self._problems)

    @property
    def extensions(self) -> list[Part[Extension]]:
        """In the order in which they start."""
        return self._of(Kind.EXTENSION)

    @property
    def single_extensions(self) -> list[Part[Extension]]:
        """Those of which a gateway with several workers has one."""
        return [part for part in self.extensions if _is_single(part.component)]

    @property
    def exporters(self) -> list[Part[Exporter]]:
        """In the order of the config."""
        return self._of(Kind.EXPORTER)

    @property
    def receivers(self) -> list[Part[Receiver]]:
        """In the order of the config."""
        return self._of(Kind.RECEIVER)

    @property
    def endpoints(self) -> list[Endpoint]:
        """Where it listens, with the real ports of what has started."""
        parts: list[Part[Any]] = [*self.receivers, *self.extensions]
        return [endpoint for part in parts for endpoint in part.built.endpoints]

    @property
    def journal_provider(self) -> Part[Any] | None:
        """The extension that brings the journal."""
        return next((part for part in self.extensions if isinstance(part.built, JournalProvider)), None)

    @property
    def readers(self) -> dict[str, frozenset[str]]:
        """Which exporter reads which pipelines."""
        pipelines = self.config.service.pipelines.items()
        return {
            part.name: frozenset(name for name, each in pipelines if part.name in each.exporters)
            for part in self.exporters
        }

    def intakes(self, journal: Journal) -> Mapping[str, Intake]:
        """Return what each receiver hands its requests to."""
        pipelines = self.config.service.pipelines.items()
        admission = Admission(self.config.service.memory, self._meter)
        return {
            part.name: Intake(
                part.name,
                [self._pipelines[name] for name, each in pipelines if part.name in each.receivers],
                journal,
                self._executor,
                self._meter,
                admission=admission,
                huge=self._huge,
                waiting=self._waiting,
            )
            for part in self.receivers
        }

    async def finish(self) -> None:
        """Wait until all that has come has been handed to the journal. Nothing may come any more."""
        # Whoever has a request processed is woken before us, who wait for the threads, and goes to the journal at once.
        with suppress(TimeoutError):
            async with asyncio.timeout(_PATIENCE_S):
                for executor in (self._executor, self._huge, self._waiting):
                    await asyncio.to_thread(executor.shutdown)

    async def shutdown(self) -> None:
        """Shut the processors down when they are done. Safe to call twice."""
        await self.finish()
        self.discard()

    def discard(self) -> None:
        """Shut the processors down, which work on nothing."""
        for pipeline in self._pipelines.values():
            pipeline.shutdown()
        self._pipelines.clear()

    def _part(self, component: Component, running: Parts) -> Part[Any]:
        part = running.get((component.kind, component.id))
        same = part is not None and part.component == component
        if part is not None and same and all(self._find(kind) == found for kind, found in part.asked.items()):
            return part
        asked: dict[type[Any], Any] = {}
        return Part(component, self._try(partial(self._build, component, asked)), asked)

    def _find(self, kind: type[T]) -> T | None:
        extensions = [part.built for part in self.extensions]
        settings = [step.config for step in self.config.processors.values()]
        return next((each for each in (*extensions, *settings) if isinstance(each, kind)), None)

    def _of(self, kind: Kind) -> list[Part[Any]]:
        return [part for key, part in self.parts.items() if key[0] is kind]

    def _build(self, component: Component, asked: dict[type[Any], Any] | None = None) -> Any:
        def find(kind: type[T]) -> T | None:
            found = self._find(kind)
            if asked is not None:
                asked[kind] = found
            return found

        settings = Settings(component.id, self._meter, watch=self._watch, worker=self._worker, find=find)
        return component.factory.create(component.config, settings)

    def _try(self, build: Callable[[], T]) -> T | None:
        try:
            return build()
        except ConfigError as error:
            self._problems.extend(error.problems)
            return None

    def _pipeline(self, name: str) -> Pipeline:
        steps = [self.config.processors[step] for step in self.config.service.pipelines[name].processors]

        def make_chain() -> Chain:
            processors: list[tuple[str, Processor]] = [(step.id, self._build(step)) for step in steps]
            _check_order(name, processors)
            return Chain(processors, meter=self._meter)

        return Pipeline(name, Signal(name.partition("/")[0]), make_chain, self._meter)


def _is_single(component: Component) -> bool:
    return isinstance(component.factory, ExtensionFactory) and component.factory.once


def _check_order(pipeline: str, processors: Sequence[tuple[str, Processor]]) -> None:
    """Refuse a processor that lacks what has to come before it.

    Raises:
        ConfigError: it names both.
    """
    types = [type_of(name) for name, _ in processors]
    for position, (name, processor) in enumerate(processors):
        for needed in processor.requires:
            if needed not in types[:position]:
                raise ConfigError(f"service.pipelines.{pipeline}.processors: {name} needs {needed} before it")
