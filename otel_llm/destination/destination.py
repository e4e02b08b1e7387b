"""The delivery loop of one destination.

Every exporter of a config has one of these, and each has a cursor of its own: what one destination does or does not do
is nothing to the others.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections import deque
from typing import TYPE_CHECKING

from otel_llm.batch import Batch
from otel_llm.destination.sender import Sender
from otel_llm.destination.telemetry import Condition, DestinationMetrics
from otel_llm.errors import Permanent

if TYPE_CHECKING:
    from collections.abc import Sequence

    from otel_llm.component import Exporter
    from otel_llm.dead_letters import DeadLetters
    from otel_llm.exporters.delivery import DeliveryConfig
    from otel_llm.journal import Cursor, Entry
    from otel_llm.signals import Signal
    from otel_llm.telemetry import Meter

__all__ = ["Destination", "merge"]

_log = logging.getLogger(__name__)


class Destination:
    """Delivers what its cursor reads through its exporter, each record at least once or counted as dropped.

    At all times and for each destination: accepted items = sent + dropped + waiting (`exporter_queue_size`).
    """

    def __init__(
        self,
        name: str,
        exporter: Exporter,
        cursor: Cursor,
        delivery: DeliveryConfig,
        meter: Meter,
        *,
        dead_letters: DeadLetters | None = None,
    ) -> None:
        """Take what it is made of; `start` does the rest.

        Args:
            name: the exporter's name in the config, such as `otlp/eu`.
            exporter: started and shut down here.
            cursor: read here only.
            delivery: how many requests are under way at once, how small ones are merged, when to try again.
            meter: where the metrics go.
            dead_letters: keeps what the destination refuses for good.
        """
        self.name = name
        self.target = exporter.target
        """Where it sends, for people."""
        self._exporter = exporter
        self._cursor = cursor
        self._consumers = delivery.sending_queue.num_consumers
        self._linger_s = delivery.sending_queue.batch.flush_timeout
        self._max_bytes = delivery.sending_queue.batch.max_size
        metrics = DestinationMetrics(meter, name, cursor)
        cursor.on_skip(metrics.drop)
        self._sender = Sender(exporter, delivery, metrics, Condition(name), dead_letters)
        self._turn = asyncio.Lock()
        self._ready: deque[Sequence[Entry]] = deque()
        self._acked = asyncio.Event()
        self._workers: list[asyncio.Task[None]] = []

    async def start(self) -> None:
        """Start the exporter and begin to deliver."""
        await self._exporter.start()
        self._workers = [asyncio.create_task(self._work()) for _ in range(self._consumers)]

    async def drain(self, timeout_s: float) -> None:
        """Wait until nothing waits, at most *timeout_s* seconds."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(timeout_s):
                while self._cursor.waiting_bytes:
                    self._acked.clear()
                    await self._acked.wait()

    async def shutdown(self) -> None:
        """Stop at once, and say how much was not delivered. Safe to call twice, and without `start`."""
        workers, self._workers = self._workers, []
        for worker in workers:
            worker.cancel()
        await asyncio.gather(*workers, return_exceptions=True)
        if workers and self._cursor.waiting_items:
            _log.warning("exporter %s: %d items were not delivered", self.name, self._cursor.waiting_items)
        await self._exporter.shutdown()

    async def _work(self) -> None:
        """Take turns with the other workers: one collects, the others send meanwhile."""
        while True:
            async with self._turn:
                if not self._ready:
                    self._ready.extend(merge(await self._collect(), self._max_bytes))
                entries = self._ready.popleft()
            await self._deliver(entries)

    async def _collect(self) -> list[Entry]:
        """Wait for something, then a little longer for what else comes, unless that makes a full request already."""
        entries = list(await self._cursor.read(self._max_bytes))
        room = self._max_bytes - _size(entries)
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(self._linger_s):
                while room > 0:
                    more = await self._cursor.read(room)
                    entries.extend(more)
                    room -= _size(more)
        return entries

    async def _deliver(self, entries: Sequence[Entry]) -> None:
        batch = _batch_of(entries)
        if len(entries) == 1:
            await self._sender.settle(batch)
        else:
            try:
                await self._sender.send(batch)
            except Permanent:
                # What was merged here is taken apart again: one record that will never be taken must not cost its
                # neighbours. At worst the destination gets the requests that it had got without merging.
                for entry in entries:
                    await self._deliver([entry])
                return
        for entry in entries:
            self._cursor.ack(entry.position)
        self._acked.set()


def merge(entries: Sequence[Entry], max_bytes: int) -> list[list[Entry]]:
    """Group entries, in order, into requests of one signal and at most *max_bytes*; a larger entry is one alone."""
    requests: list[list[Entry]] = []
    filling: dict[Signal, tuple[list[Entry], int]] = {}
    for entry in entries:
        signal, size = entry.record.signal, len(entry.record.payload)
        request, filled = filling.get(signal, ([], 0))
        if not request or filled + size > max_bytes:
            request, filled = [], 0
            requests.append(request)
        request.append(entry)
        filling[signal] = request, filled + size
    return requests


def _batch_of(entries: Sequence[Entry]) -> Batch:
    payload = b"".join([entry.record.payload for entry in entries])
    return Batch(payload, entries[0].record.signal, item_count=sum(entry.record.item_count for entry in entries))


def _size(entries: Sequence[Entry]) -> int:
    return sum(len(entry.record.payload) for entry in entries)
