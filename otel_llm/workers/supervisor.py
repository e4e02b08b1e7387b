"""The supervisor: what a host is where there is one process, for several."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import TYPE_CHECKING, Final, NamedTuple, Self

from otel_llm.errors import ConfigError, StartError
from otel_llm.host.graph import Graph
from otel_llm.host.ports import check_ports
from otel_llm.reload import Watched
from otel_llm.runtime import observe_process
from otel_llm.telemetry import Meter
from otel_llm.workers.messages import Assignment, Status
from otel_llm.workers.metrics import Ledger
from otel_llm.workers.place import Place
from otel_llm.workers.ports import SharedPorts

if TYPE_CHECKING:
    from collections.abc import Awaitable, Iterable, Mapping, Sequence
    from types import TracebackType

    from otel_llm.component import Endpoint
    from otel_llm.config import HostConfig
    from otel_llm.host import Review
    from otel_llm.host.graph import Parts
    from otel_llm.workers.process import WorkerProcess

__all__ = ["Supervisor"]

_REPORT_S: Final = 1.0
"""How long a page of metrics waits for a worker. Of one that does not answer it shows what it said last."""


class _Destination(NamedTuple):
    name: str
    target: str


class Supervisor:
    """Runs one config at a time in `service.workers` processes: `async with Supervisor(config): ...`, as a `Host`.

    It builds what a config says, to find out what is wrong with it before a worker hears of it, and where it listens.
    Of what it has built it starts only the extensions that there is one of.
    """

    def __init__(self, config: HostConfig, review: Review | None = None) -> None:
        """Build everything once.

        Args:
            config: what to run.
            review: sees every config, and where it listens, before it runs. May raise `ConfigError`.

        Raises:
            ConfigError: with the problems of all components.
        """
        self.meter = Meter()
        self._review = review
        self._extensions: Parts = {}
        self._graph = self._build(config)
        self._ports = SharedPorts()
        self._shared: Mapping[str, int] = {}
        self._ledger = Ledger()
        self._restarts = self.meter.counter("worker_restarts", "Workers that have ended and been started again.")
        self._places: list[Place] = []
        self._stopping = False
        self._changing = asyncio.Lock()

    async def __aenter__(self) -> Self:
        """Start everything.

        Raises:
            ConfigError, StartError: a worker cannot start.
            StartError: ports are in use; it names them all.
        """
        observe_process(self.meter)
        try:
            self._shared = self._hold(self._graph, ())
            await self._change_extensions(self._graph)
            self._places = [Place(each, self._heard, self._restarts) for each in self._assignments(self.config)]
            await _all(place.start() for place in self._places)
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
    def config(self) -> HostConfig:
        """What the workers run."""
        return self._graph.config

    @property
    def endpoints(self) -> Sequence[Endpoint]:
        """Where they listen, and where it does, with the real ports once it has started."""
        return [replace(each, port=self._shared.get(each.name, each.port)) for each in self._graph.endpoints]

    @property
    def destinations(self) -> Sequence[_Destination]:
        """Where they send."""
        return [_Destination(part.name, part.built.target) for part in self._graph.exporters]

    @property
    def ready(self) -> bool:
        """Whether any worker takes requests and has room for them."""
        return not self._stopping and any(process.ready for process in self._processes)

    async def metrics(self) -> bytes:
        """Return the metrics of all workers as one, and its own, as `telemetry.CONTENT_TYPE`."""
        reports = [asyncio.create_task(process.report()) for process in self._processes if process.ready]
        if reports:
            await asyncio.wait(reports, timeout=_REPORT_S)
        for report in reports:
            report.cancel()
        return self._ledger.text(self.meter.families())

    async def failure(self) -> str:
        """Wait until it can do its work no longer: for ever, since there is always a worker, or will be one."""
        never: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        return await never

    async def reload(self, config: HostConfig) -> None:
        """Have all workers run *config* instead, each as a host does. It is all of them or, in the end, none.

        Raises:
            ConfigError: it cannot be used, or not without a restart. What ran before goes on.
            StartError: something that it needs cannot be had. As above.
        """
        async with self._changing:
            graph = await asyncio.to_thread(self._build, config)
            before = self._shared
            try:
                self._shared = self._hold(graph, self.endpoints)
                await self._change(graph)
                self._graph, before = graph, self._shared
            finally:
                self._shared = before
                self._ports.keep(_shared(self._graph))

    async def shutdown(self) -> None:
        """Let all workers end in order, at the same time. Safe twice."""
        self._stopping = True
        async with self._changing:
            await asyncio.gather(*(place.shutdown() for place in self._places))
            for part in reversed(self._extensions.values()):
                await part.built.shutdown()
            self._ports.keep(())

    @property
    def _processes(self) -> list[WorkerProcess]:
        return [place.process for place in self._places if place.process is not None]

    def _build(self, config: HostConfig) -> Graph:
        """Build everything, and shut down at once what has started: processors."""
        graph = Graph(config, self.meter, Watched, dict(self._extensions))
        graph.discard()
        if self._review is not None:
            self._review(config, graph.endpoints)
        return graph

    def _assignments(self, config: HostConfig) -> list[Assignment]:
        count = config.service.workers
        return [Assignment(number, count, config.text, config.source, self._shared) for number in range(1, count + 1)]

    def _heard(self, process: WorkerProcess, status: Status) -> None:
        self._ledger.enter(process.number, process, status.metrics)

    def _hold(self, graph: Graph, besides: Iterable[Endpoint]) -> Mapping[str, int]:
        """Hold the workers' ports, and check its own."""
        shared = self._ports.hold(_shared(graph))
        check_ports((each for part in graph.single_extensions for each in part.built.endpoints), besides)
        return shared

    async def _change(self, graph: Graph) -> None:
        """Have the first worker change over, then the others and what runs here; or have all of them change back."""
        before = [place.assignment for place in self._places]
        first, *others = zip(self._places, self._assignments(graph.config), strict=True)
        await first[0].run(first[1])
        try:
            await _all(place.run(assignment) for place, assignment in others)
            await self._change_extensions(graph)
        except Exception:
            undoing = [place.run(assignment) for place, assignment in zip(self._places, before, strict=True)]
            await asyncio.gather(*undoing, return_exceptions=True)
            await self._change_extensions(self._graph)
            raise

    async def _change_extensions(self, graph: Graph) -> None:
        """Stop what runs and is not in *graph*; start what is in it and does not run."""
        wanted = {part.key: part for part in graph.single_extensions}
        for key, part in [*self._extensions.items()]:
            if wanted.get(key) is not part:
                await part.built.shutdown()
                del self._extensions[key]
        for key, part in wanted.items():
            if key not in self._extensions:
                self._extensions[key] = part
                await part.built.start(self)


def _shared(graph: Graph) -> list[Endpoint]:
    return [endpoint for part in graph.receivers for endpoint in part.built.endpoints]


async def _all(doing: Iterable[Awaitable[None]]) -> None:
    """Wait for all.

    Raises:
        ConfigError, StartError: with the problems of all, each once.
    """
    outcomes = await asyncio.gather(*doing, return_exceptions=True)
    failures = [outcome for outcome in outcomes if outcome is not None]
    for kind in (ConfigError, StartError):
        problems = [problem for each in failures if isinstance(each, kind) for problem in each.problems]
        if problems:
            raise kind(*dict.fromkeys(problems))
    for failure in failures:
        raise failure
