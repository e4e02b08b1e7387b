"""A pipeline: which processors a signal's batches go through, and what becomes a record for its destinations."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

from otel_llm.journal import Record

if TYPE_CHECKING:
    from collections.abc import Callable

    from otel_llm.batch import Batch
    from otel_llm.chain import Chain
    from otel_llm.signals import Signal
    from otel_llm.telemetry import Meter

__all__ = ["Pipeline"]


class Pipeline:
    """One entry of `service.pipelines`.

    Processors serve one thread each: every thread that brings a batch gets a chain of its own, made when it first does.
    """

    def __init__(self, name: str, signal: Signal, make_chain: Callable[[], Chain], meter: Meter) -> None:
        """Make one chain at once, so that what a config has wrong is found before anything starts.

        It goes to the first thread that brings a batch, which need not be the one that makes the pipeline.
        """
        self.name = name
        """Such as `traces` or `traces/eu`."""
        self.signal = signal
        self._make_chain = make_chain
        self._chains: list[Chain] = []
        self._spare = [self._start_chain()]
        self.waits = self._spare[0].waits
        """Whether its processors may wait for something outside."""
        self._own = threading.local()
        self._dropped = meter.counter(
            f"processor_dropped_{signal.items}", "Items that a processor dropped.", ("pipeline", "reason")
        )

    def has_work(self, batch: Batch) -> bool:
        """Tell from the bytes alone whether a processor may have work in *batch*."""
        return self._chain().has_work(batch)

    def process(self, batch: Batch, tenant: str | None = None) -> Record | None:
        """Run the chain over *batch* in place; return what is to be kept for the destinations, None for nothing."""
        self._chain().run(batch)
        for reason, count in batch.sweep().items():
            self._dropped.labels(self.name, reason).inc(count)
        if not batch.item_count:
            return None
        return Record(self.name, self.signal, batch.item_count, batch.to_bytes(), tenant)

    def shutdown(self) -> None:
        """Shut down every thread's processors. Call when no thread brings batches any more."""
        for chain in self._chains:
            chain.shutdown()
        self._chains.clear()

    def _chain(self) -> Chain:
        """Return this thread's."""
        chain: Chain | None = getattr(self._own, "chain", None)
        if chain is None:
            chain = self._own.chain = self._take_chain()
        return chain

    def _take_chain(self) -> Chain:
        try:
            return self._spare.pop()  # in one step: no other thread gets the same
        except IndexError:
            return self._start_chain()

    def _start_chain(self) -> Chain:
        chain = self._make_chain()
        chain.start()
        self._chains.append(chain)
        return chain
