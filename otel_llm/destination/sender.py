"""One batch to its end: taken by the destination, or given up."""

from __future__ import annotations

import asyncio
import logging
import time
from typing import TYPE_CHECKING, Final

from otel_llm.destination.telemetry import Condition
from otel_llm.errors import Oversize, Permanent, Retryable

if TYPE_CHECKING:
    from otel_llm.batch import Batch
    from otel_llm.component import Exporter
    from otel_llm.dead_letters import DeadLetters
    from otel_llm.destination.telemetry import DestinationMetrics
    from otel_llm.exporters.delivery import DeliveryConfig

__all__ = ["Sender"]

REJECTED: Final = "rejected_by_backend"
EXHAUSTED: Final = "retries_exhausted"


class Sender:
    """Tries, tries again, splits, gives up, and counts all of it."""

    def __init__(
        self,
        exporter: Exporter,
        delivery: DeliveryConfig,
        metrics: DestinationMetrics,
        condition: Condition,
        dead_letters: DeadLetters | None = None,
    ) -> None:
        """Take what it sends with.

        Args:
            exporter: started by somebody else.
            delivery: how long an attempt may take, and when to try again.
            metrics: counts.
            condition: logs.
            dead_letters: keeps what is refused for good; None where there is no place to keep it.
        """
        self._exporter = exporter
        self._retry = delivery.retry_on_failure
        self._timeout_s = delivery.timeout
        self._metrics = metrics
        self._condition = condition
        self._dead_letters = dead_letters

    async def settle(self, batch: Batch) -> None:
        """Send *batch*; in parts where it is too large for the destination; give up what is refused for good."""
        try:
            await self.send(batch)
        except Oversize as error:
            parts = batch.halves()
            for part in parts:
                await self.settle(part)
            if not parts:
                await self._give_up(batch, error)
        except Permanent as error:
            await self._give_up(batch, error)

    async def send(self, batch: Batch) -> None:
        """Send *batch*, trying again for as long as the retry policy allows; past that it is dropped.

        Raises:
            Permanent: the destination will never take it as it is.
        """
        began = time.monotonic()
        attempt = 0
        while True:
            try:
                rejected = await self._attempt(batch)
            except Retryable as error:
                wait_s = self._retry.delay(attempt, error.after_s)
                if self._retry.gives_up(time.monotonic() - began + wait_s):
                    self._drop(batch, EXHAUSTED, f"{error}; items are dropped")
                    return
                self._metrics.retries.inc()
                self._condition.say(logging.WARNING, f"{error}; trying again")
            else:
                self._taken(batch, rejected)
                return
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

    def _taken(self, batch: Batch, rejected: int) -> None:
        self._metrics.sent[batch.signal].inc(batch.item_count - rejected)
        if rejected:
            self._metrics.drop(batch.signal, rejected, REJECTED)
            self._condition.say(logging.WARNING, "the destination rejected items")
        else:
            self._condition.say(logging.INFO, Condition.FINE)

    async def _give_up(self, batch: Batch, error: Permanent) -> None:
        """Count a batch as dropped here, and keep it where an operator can look at it and send it again."""
        kept = self._dead_letters is not None and await self._dead_letters.put(batch, error.reason)
        self._drop(batch, error.reason, f"{error}; items are {'kept as dead letters' if kept else 'dropped'}")

    def _drop(self, batch: Batch, reason: str, sentence: str) -> None:
        self._metrics.failed[batch.signal].inc(batch.item_count)
        self._metrics.drop(batch.signal, batch.item_count, reason)
        self._condition.say(logging.ERROR, sentence)
