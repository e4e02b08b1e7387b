"""The exporter `store`."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Final

from otel_llm.budget.spans import call_of
from otel_llm.budget.view import BudgetsProvider
from otel_llm.component import Exporter, Settings
from otel_llm.errors import ConfigError
from otel_llm.signals import Signal
from otel_llm.store.provider import StoreProvider

if TYPE_CHECKING:
    from otel_llm.batch import Batch
    from otel_llm.budget.ledger import Call
    from otel_llm.exporters.store.config import StoreExporterConfig

__all__ = ["LATE_MS", "StoreExporter"]

LATE_MS: Final = 24 * 3600 * 1000
"""A call that began longer ago is counted as late. It is charged to the window in which it began all the same."""

_FATES: Final = ("charged", "resent", "conflicts", "duplicates", "repeated", "reversed")


class StoreExporter(Exporter):
    """Writes a row for every gen_ai span and charges every call, in one transaction a batch, each once."""

    def __init__(self, _config: StoreExporterConfig, settings: Settings) -> None:
        provider = settings.extension(StoreProvider)
        if provider is None:
            raise ConfigError(f"exporters.{settings.name}: needs the extension store")
        self._ledger = provider.store.ledger
        budgets = settings.extension(BudgetsProvider)
        self._budgets = budgets.budgets if budgets else None
        self._clock = settings.clock
        fates = settings.meter.counter("store_calls", "Calls that came to the store, by what became of them.", ["fate"])
        self._fates = {fate: fates.labels(fate) for fate in _FATES}
        self._late = settings.meter.counter("store_late_calls", "Calls that began more than 24 hours before.")

    @property
    def target(self) -> str:
        """Where it writes."""
        return "the store"

    async def export(self, batch: Batch, /) -> int:
        """Store a batch of spans. Of logs and metrics nothing is stored.

        Raises:
            Retryable: the store cannot be reached.
            Permanent: it does not take this.
        """
        if batch.signal is not Signal.TRACES:
            return 0
        now_ms = round(self._clock() * 1000)
        calls = await asyncio.to_thread(self._calls, batch, now_ms)
        if calls:
            done = await self._ledger.ingest(calls, now_ms)
            for fate, counter in self._fates.items():
                counter.inc(getattr(done, fate))
        return 0

    def _calls(self, batch: Batch, now_ms: int) -> list[Call]:
        book = self._budgets.book if self._budgets else None
        calls = [call_of(span, book, now_ms) for span in batch.spans if span.is_gen_ai]
        self._late.inc(sum(now_ms - call.row.start_ms > LATE_MS for call in calls))
        return calls
