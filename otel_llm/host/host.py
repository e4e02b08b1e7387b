"""The host: runs a config, changes over to another, and stops, each in the order in which nothing gets lost."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final, Self

from otel_llm.dead_letters import DeadLetters
from otel_llm.destination import Destination
from otel_llm.errors import ConfigError
from otel_llm.exporters.delivery import DeliveryConfig
from otel_llm.host.gate import Gate
from otel_llm.host.gauges import show_gauges
from otel_llm.host.graph import Graph, Part, Parts
from otel_llm.host.ports import check_ports
from otel_llm.journal.memory import MemoryJournal
from otel_llm.registry import Kind
from otel_llm.reload import Files
from otel_llm.telemetry import Meter

if TYPE_CHECKING:
    from collections.abc import Awaitable, Collection, Mapping, Sequence
    from pathlib import Path
    from types import TracebackType

    from otel_llm.component import Endpoint, Exporter, Worker
    from otel_llm.config import HostConfig
    from otel_llm.journal import Journal

__all__ = ["Host", "Review"]

Review = Callable[["HostConfig", "Sequence[Endpoint]"], None]

_READY_BELOW: Final = 0.95
"""How full the journal may be before a load balancer should send elsewhere."""
_DEAD_LETTER_BYTES: Final = 256 * 1024 * 1024
"""Of each destination's."""
_log = logging.getLogger(__name__)


class Host:
    """Runs one config at a time: `async with Host(config) as host: ...`, in whatever event loop that is.

    It installs no signal handlers and starts no loop, so that a command, a test or an ASGI lifespan can run it alike.
    """

    def __init__(
        self,
        config: HostConfig,
        meter: Meter | None = None,
        review: Review | None = None,
        worker: Worker | None = None,
    ) -> None:
        """Build all components.

        Args:
            config: what to run.
            meter: where to count.
            review: sees every config, and where it listens, before it runs. May raise `ConfigError`.
            worker: which one this is of several; None where the gateway is one process.

        Raises:
            ConfigError: with the problems of all components.
        """
        self.meter = meter or Meter()
        self.files = Files(self.meter)
        """What components have asked for."""
        self._review = review
        self._worker = worker
        self._running: Parts = {}
        self._graph = self._build(config)
        provider = self._graph.journal_provider
        self._journal: Journal = provider.built.journal() if provider else MemoryJournal()
        self._gate = Gate()
        self._destinations: dict[str, Destination] = {}
        self._readers: Mapping[str, frozenset[str]] = {}
        self._takes_requests = False
        self._changing = asyncio.Lock()
        self._tasks: list[asyncio.Task[None]] = []
        self._failed: asyncio.Event = asyncio.Event()
        self._failure = ""

    async def __aenter__(self) -> Self:
        """Start everything.

        Raises:
            StartError: ports are in use; it names them all. Or something else cannot be had.
        """
        check_ports(self.endpoints)
        show_gauges(self.meter, self._journal)
        try:
            await self._change(self._graph)
        except BaseException:
            await self.shutdown()
            raise
        self._tasks = [asyncio.create_task(self.files.run()), asyncio.create_task(self._guard_journal())]
        self._takes_requests = True
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Stop everything."""
        await self.shutdown()

    @property
    def config(self) -> HostConfig:
        """What it runs."""
        return self._graph.config

    @property
    def endpoints(self) -> Sequence[Endpoint]:
        """Where it listens, with the real ports once it has started."""
        return self._graph.endpoints

    @property
    def destinations(self) -> Sequence[Destination]:
        """Where it sends, once it has started."""
        return list(self._destinations.values())

    @property
    def ready(self) -> bool:
        """Whether it takes requests and has room for them."""
        has_room = self._journal.used_bytes < _READY_BELOW * self._journal.capacity_bytes
        return self._takes_requests and has_room and not self._failed.is_set()

    async def metrics(self) -> bytes:
        """Return all metrics as `telemetry.CONTENT_TYPE`."""
        return self.meter.text()

    async def failure(self) -> str:
        """Wait until it can do its work no longer, and return why. All that is left is to stop it."""
        await self._failed.wait()
        return self._failure

    async def reload(self, config: HostConfig) -> None:
        """Run *config* instead. What is the same in both goes on; no request that has come is dropped.

        Requests wait for a moment in between, so that none is processed by one config and routed by the other.

        Raises:
            ConfigError: it cannot be used, or not without a restart. What ran before goes on.
            StartError: something that it needs cannot be had. As above; what had been stopped already is started again.
        """
        async with self._changing:
            before = self._graph
            graph = await asyncio.to_thread(self._build, config)
            try:
                _check_journal(before, graph)
                check_ports(graph.endpoints, besides=self.endpoints)
                try:
                    await self._change(graph)
                except Exception:
                    await self._change_back(before.config)
                    raise
            finally:
                if self._graph is not graph:
                    graph.discard()

    async def shutdown(self) -> None:
        """Take no more, answer what is under way, deliver what waits, within the config's limits. Safe twice."""
        self._takes_requests = False
        async with self._changing:
            for task in self._tasks:
                task.cancel()
            await asyncio.gather(*self._tasks, return_exceptions=True)
            running = list(self._running.values())
            await self._stop_receivers(running)
            await self._graph.shutdown()
            await self._stop_destinations(list(self._destinations))
            for part in reversed(_of(Kind.EXTENSION, running)):
                await self._stop(part, part.built.shutdown())
            await self._journal.shutdown()

    def _build(self, config: HostConfig) -> Graph:
        """Build what does not run yet. Takes a while: while requests are served it is done in a thread."""
        graph = Graph(config, self.meter, self.files.watch, dict(self._running), self._worker)
        try:
            if self._review is not None:
                self._review(config, graph.endpoints)
        except ConfigError:
            graph.discard()
            raise
        return graph

    async def _change(self, graph: Graph) -> None:
        """Stop what runs and is not in *graph*; start what is in it and does not run."""
        leaving = [part for key, part in self._running.items() if graph.parts.get(key) is not part]
        arriving = [part for key, part in graph.parts.items() if self._running.get(key) is not part]
        await self._stop_receivers(leaving)
        for part in reversed(_of(Kind.EXTENSION, leaving)):
            await self._stop(part, part.built.shutdown())
        for part in _of(Kind.EXTENSION, arriving):
            await self._start(part, part.built.start(self))
        replaced = self._graph
        if replaced is not graph:
            self._gate.shut()
            await replaced.finish()
        await self._connect(graph, _of(Kind.EXPORTER, arriving))
        for part in _of(Kind.RECEIVER, arriving):
            await self._start(part, part.built.start(self._gate.door(part.name)))
        self._graph = graph
        self._gate.open(graph.intakes(self._journal))
        if replaced is not graph:
            await replaced.shutdown()
        removed = self._destinations.keys() - graph.readers.keys()
        await self._stop_destinations(removed)
        for name in removed:
            await self._journal.close_cursor(name)
        self._running = dict(graph.parts)  # in its order, in which the next change or the end goes through them

    async def _change_back(self, config: HostConfig) -> None:
        """Start again what a change that failed has stopped. If that cannot be had either, nothing is left to do."""
        try:
            await self._change(await asyncio.to_thread(self._build, config))
        except Exception as error:  # noqa: BLE001 - whoever asked for the change hears of what began it
            self._fail(f"after a reload that failed, the config before cannot be run either ({type(error).__name__})")

    async def _connect(self, graph: Graph, arriving: Sequence[Part[Exporter]]) -> None:
        """Let every destination read what the config says. One whose exporter is another one goes on where it was."""
        # Of a pipeline that is gone a destination gets what waits; of one that it was taken away from, it does not.
        gone = {name: read - graph.config.service.pipelines.keys() for name, read in self._readers.items()}
        readers = {name: read | gone.get(name, frozenset()) for name, read in graph.readers.items()}
        for part in arriving:
            if part.name in self._destinations:
                await self._stop_destination(part.name)
            config = part.component.config
            delivery = config if isinstance(config, DeliveryConfig) else DeliveryConfig()
            drop_oldest = delivery.sending_queue.when_full == "drop_oldest"
            cursor = self._journal.open_cursor(part.name, readers[part.name], drop_oldest=drop_oldest)
            self._destinations[part.name] = Destination(
                part.name, part.built, cursor, delivery, self.meter, dead_letters=self._letters_of(part.name)
            )
            self._running[part.key] = part
        if graph is self._graph:
            await self._journal.start()
        else:
            await self._journal.subscribe(readers)
        self._readers = readers
        for part in arriving:
            await self._destinations[part.name].start()

    async def _start(self, part: Part[Any], starting: Awaitable[None]) -> None:
        self._running[part.key] = part
        await starting

    async def _stop(self, part: Part[Any], stopping: Awaitable[None]) -> None:
        """Stop a component, whatever it makes of it: the others must still end."""
        try:
            await stopping
        except Exception as error:  # noqa: BLE001 - a plug-in may raise anything
            _log.error("%s failed to shut down: %s", part.component.id, type(error).__name__)
        self._running.pop(part.key, None)

    async def _stop_receivers(self, parts: Sequence[Part[Any]]) -> None:
        grace_s = self.config.service.shutdown.grace
        receivers = _of(Kind.RECEIVER, parts)
        await asyncio.gather(*(self._stop(part, part.built.shutdown(grace_s)) for part in receivers))

    async def _stop_destinations(self, names: Collection[str]) -> None:
        """Deliver what waits, to all at once: one that is away must not use up the others' time."""
        limit_s = self.config.service.shutdown.drain
        await asyncio.gather(*(self._destinations[name].drain(limit_s) for name in names))
        await asyncio.gather(*(self._stop_destination(name) for name in names))

    async def _stop_destination(self, name: str) -> None:
        await self._stop(self._running[Kind.EXPORTER, name], self._destinations.pop(name).shutdown())

    def _letters_of(self, name: str) -> DeadLetters | None:
        provider = self._graph.journal_provider
        directory: Path | None = provider.built.dead_letters if provider else None
        return None if directory is None else DeadLetters(directory, name, _DEAD_LETTER_BYTES)

    def _fail(self, why: str) -> None:
        self._failure = why
        self._failed.set()

    async def _guard_journal(self) -> None:
        self._fail(await self._journal.broken())


def _of(kind: Kind, parts: Sequence[Part[Any]]) -> list[Part[Any]]:
    return [part for part in parts if part.component.kind is kind]


def _check_journal(before: Graph, after: Graph) -> None:
    """Refuse another journal: what waits in the one before would have to move.

    Raises:
        ConfigError: it names the extension.
    """
    provider = after.journal_provider or before.journal_provider
    if after.journal_provider is not before.journal_provider and provider is not None:
        raise ConfigError(f"extensions.{provider.name}: a change of it needs a restart")
