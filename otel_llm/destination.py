"""Delivery to one destination: reading what waits, merging, trying again, counting.

Every exporter of a config has one of these, and each has a cursor of its own: what one destination does or does not do
is nothing to the others.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from collections import deque
from typing import TYPE_CHECKING, Final

from otel_llm.batch import Batch
from otel_llm.errors import Permanent, Retryable
from otel_llm.signals import Signal

if TYPE_CHECKING:
    from collections.abc import Sequence

    from otel_llm.component import Exporter
    from otel_llm.exporters.delivery import DeliveryConfig
    from otel_llm.journal import Cursor, Entry
    from otel_llm.telemetry import Meter

__all__ = ["Destination", "merge"]

_log = logging.getLogger(__name__)

REJECTED: Final = "rejected_by_backend"
EXHAUSTED: Final = "retries_exhausted"


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
    ) -> None:
        """Take what it is made of; `start` does the rest.

        Args:
            name: the exporter's name in the config, such as `otlp/eu`.
            exporter: started and shut down here.
            cursor: read here only.
            delivery: how long an attempt may take, how many are under way at once, how small requests are merged, when
                to try again.
            meter: where the metrics go.
        """
        self.name = name
        self.target = exporter.target
        """Where it sends, for people."""
        self._exporter = exporter
        self._cursor = cursor
        self._consumers = delivery.sending_queue.num_consumers
        self._linger_s = delivery.sending_queue.batch.flush_timeout
        self._max_bytes = delivery.sending_queue.batch.max_size
        self._retry = delivery.retry_on_failure
        self._timeout_s = delivery.timeout
        self._metrics = _Metrics(meter, name, cursor)
        self._condition = _Condition(name)
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
        signal = entries[0].record.signal
        payload = b"".join([entry.record.payload for entry in entries])
        batch = Batch(payload, signal, item_count=sum(entry.record.item_count for entry in entries))
        try:
            rejected = await self._send(batch)
        except Retryable as error:
            self._drop(batch, EXHAUSTED, str(error))
        except Permanent as error:
            if len(entries) > 1:
                # What was merged here is taken apart again: one record that will never be taken must not cost its
                # neighbours. At worst the destination gets the requests that it had got without merging.
                for entry in entries:
                    await self._deliver([entry])
                return
            self._drop(batch, error.reason, str(error))
        else:
            self._metrics.sent[signal].inc(batch.item_count - rejected)
            if rejected:
                self._metrics.drop(signal, rejected, REJECTED)
                self._condition.say(logging.WARNING, "the destination rejected items")
            else:
                self._condition.say(logging.INFO, _Condition.FINE)
        for entry in entries:
            self._cursor.ack(entry.position)
        self._acked.set()

    async def _send(self, batch: Batch) -> int:
        """Try until the batch is taken; return how many of its items were not.

        Raises:
            Retryable: that was the last attempt that the retry policy allows.
            Permanent: the destination will never take it.
        """
        began = time.monotonic()
        attempt = 0
        while True:
            try:
                return await self._attempt(batch)
            except Retryable as error:
                wait_s = self._retry.delay(attempt, error.after_s)
                if self._retry.gives_up(time.monotonic() - began + wait_s):
                    raise
                self._metrics.retries.inc()
                self._condition.say(logging.WARNING, f"{error}; trying again")
            attempt += 1
            await asyncio.sleep(wait_s)

    async def _attempt(self, batch: Batch) -> int:
        try:
            with self._metrics.in_flight.track_inprogress(), self._metrics.duration.time():
                async with asyncio.timeout(self._timeout_s):
                    rejected = await self._exporter.export(batch)
                    return min(max(rejected, 0), batch.item_count)
        except (Retryable, Permanent):
            raise
        except TimeoutError:
            raise Retryable("no answer in time") from None
        except Exception as error:  # noqa: BLE001 - a bug in an exporter costs one batch, not the destination
            raise Permanent(f"the exporter failed with {type(error).__name__}", reason="bug") from None

    def _drop(self, batch: Batch, reason: str, problem: str) -> None:
        self._metrics.failed[batch.signal].inc(batch.item_count)
        self._metrics.drop(batch.signal, batch.item_count, reason)
        self._condition.say(logging.ERROR, f"{problem}; items are dropped")


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


def _size(entries: Sequence[Entry]) -> int:
    return sum(len(entry.record.payload) for entry in entries)


class _Metrics:
    """What is counted for one destination. Named after the Collector's."""

    def __init__(self, meter: Meter, exporter: str, cursor: Cursor) -> None:
        self._exporter = exporter
        self.sent = {
            signal: meter.counter(
                f"exporter_sent_{signal.items}", "Items that the destination has taken.", ["exporter"]
            ).labels(exporter)
            for signal in Signal
        }
        self.failed = {
            signal: meter.counter(
                f"exporter_send_failed_{signal.items}", "Items of requests that were given up.", ["exporter"]
            ).labels(exporter)
            for signal in Signal
        }
        self._dropped = {
            signal: meter.counter(
                f"exporter_dropped_{signal.items}",
                "Items that this destination will not get, and why.",
                ["exporter", "reason"],
            )
            for signal in Signal
        }
        self.retries = meter.counter(
            "exporter_retries", "Attempts that failed and were followed by another.", ["exporter"]
        ).labels(exporter)
        self.in_flight = meter.gauge("exporter_in_flight_requests", "Requests under way.", ["exporter"]).labels(
            exporter
        )
        self.duration = meter.histogram(
            "exporter_send_duration_seconds", "Time of one attempt, whatever its outcome.", ["exporter"]
        ).labels(exporter)
        meter.gauge(
            "exporter_queue_size", "Items waiting for the destination, those under way included.", ["exporter"]
        ).labels(exporter).set_function(lambda: cursor.waiting_items)

    def drop(self, signal: Signal, items: int, reason: str) -> None:
        """Count items that this destination will not get."""
        self._dropped[signal].labels(self._exporter, reason).inc(items)


class _Condition:
    """Says in the log how delivery goes: when that changes, and each sentence at most once in `QUIET_S` seconds.

    Where every other request fails, changes alone would be as many as requests.
    """

    QUIET_S: Final = 30.0
    FINE: Final = "delivers again"

    def __init__(self, exporter: str) -> None:
        self._exporter = exporter
        self._last = self.FINE
        self._said: dict[str, float] = {}

    def say(self, level: int, sentence: str) -> None:
        """Log *sentence*, unless it is what was said last or was said a short time ago."""
        if sentence == self._last:
            return
        now = time.monotonic()
        if now - self._said.get(sentence, -self.QUIET_S) < self.QUIET_S:
            return
        self._last = sentence
        self._said[sentence] = now
        _log.log(level, "exporter %s: %s", self._exporter, sentence)
