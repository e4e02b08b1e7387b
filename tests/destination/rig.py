"""Destinations between a journal and exporters that do as they are told."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from otel_llm.component import Exporter
from otel_llm.destination import Destination
from otel_llm.exporters.delivery import DeliveryConfig
from otel_llm.journal import Cursor, Record
from otel_llm.journal.memory import DEFAULT_CAPACITY_BYTES, MemoryJournal
from otel_llm.signals import Signal
from otel_llm.telemetry import Meter

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from otel_llm.batch import Batch

FAST: Mapping[str, Any] = {
    "timeout": "20s",
    "sending_queue": {"batch": {"flush_timeout": "1ms"}},
    "retry_on_failure": {"initial_interval": "1ms", "max_interval": "2ms"},
}
"""Settings under which nothing in a test has to be waited for."""


class Backend(Exporter):
    """Answers every request as it is told: a number of rejected items, or an error to raise."""

    def __init__(self, answer: Callable[[Batch], int] = lambda _: 0) -> None:
        self.answer = answer
        self.requests: list[bytes] = []
        self.taken: list[bytes] = []
        self.under_way = self.most_under_way = 0
        self.open = asyncio.Event()
        self.open.set()
        self.state = "new"
        self._requested = asyncio.Event()

    async def start(self) -> None:
        """Remember it."""
        self.state = "started"

    async def export(self, batch: Batch, /) -> int:
        """Answer, as soon as the gate is open."""
        self.requests.append(batch.to_bytes())
        self._requested.set()
        self.under_way += 1
        self.most_under_way = max(self.most_under_way, self.under_way)
        try:
            await self.open.wait()
        finally:
            self.under_way -= 1
        rejected = self.answer(batch)
        self.taken.append(batch.to_bytes())
        return rejected

    async def shutdown(self) -> None:
        """Remember it."""
        self.state = "shut down"

    async def requested(self, times: int) -> None:
        """Wait until so many requests have come."""
        while len(self.requests) < times:
            self._requested.clear()
            await self._requested.wait()


class Rig:
    """A journal and destinations that read from it."""

    def __init__(self, capacity_bytes: int = DEFAULT_CAPACITY_BYTES) -> None:
        self.journal = MemoryJournal(capacity_bytes)
        self.meter = Meter()
        self.destinations: list[Destination] = []
        self.cursors: dict[str, Cursor] = {}

    async def connect(self, name: str, backend: Exporter, config: Mapping[str, Any] = FAST) -> Destination:
        """Start a destination that reads all pipelines."""
        delivery = DeliveryConfig.model_validate(config)
        drop_oldest = delivery.sending_queue.when_full == "drop_oldest"
        cursor = self.cursors[name] = self.journal.open_cursor(name, frozenset(Signal), drop_oldest=drop_oldest)
        destination = Destination(name, backend, cursor, delivery, self.meter)
        self.destinations.append(destination)
        await destination.start()
        return destination

    async def send(self, *payloads: bytes, signal: Signal = Signal.TRACES, items: int = 1) -> None:
        """Append a record for each payload."""
        await self.journal.append([Record(signal.value, signal, items, payload) for payload in payloads])

    async def drain(self) -> None:
        """Wait until everything has been delivered or given up."""
        for destination in self.destinations:
            await destination.drain(30)
        assert 0 == self.journal.used_bytes

    def count(self, name: str, exporter: str = "a", **labels: str) -> float:
        """Return a metric of a destination."""
        return self.meter.value(name, exporter=exporter, **labels)


def fail(error: Exception, times: int) -> Callable[[Batch], int]:
    """Return an answer that raises *error* as often as *times*, then takes everything."""
    left = iter(range(times))

    def answer(_: Batch) -> int:
        if next(left, None) is not None:
            raise error
        return 0

    return answer


def refuse(poison: bytes, error: Exception) -> Callable[[Batch], int]:
    """Return an answer that raises *error* for every request that has *poison* in it."""

    def answer(batch: Batch) -> int:
        if poison in batch.to_bytes():
            raise error
        return 0

    return answer
