"""The extension `budgets`."""

from __future__ import annotations

import asyncio
import logging
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING, Final

from otel_llm.budget.alerts import Delivery, find_crossings, record_crossings
from otel_llm.budget.audit import record_budgets
from otel_llm.budget.estimate import make_estimate
from otel_llm.budget.file import read_budgets
from otel_llm.budget.service import BudgetService
from otel_llm.budget.snapshot import take_snapshot
from otel_llm.budget.view import Budgets, BudgetsProvider
from otel_llm.component import Extension
from otel_llm.digest import DigestsProvider, load_digests
from otel_llm.errors import ConfigError, OtelLlmError
from otel_llm.extensions.budgets.grpc import BudgetsGrpc
from otel_llm.extensions.budgets.http import BudgetsHttp
from otel_llm.store.provider import StoreProvider

if TYPE_CHECKING:
    from collections.abc import Sequence

    from otel_llm.budget.book import BudgetBook
    from otel_llm.component import Endpoint, HostView, Settings
    from otel_llm.extensions.budgets.config import BudgetsConfig

__all__ = ["BudgetsExtension"]

_EVERY_S: Final = 2.0
_log = logging.getLogger(__name__)


class BudgetsExtension(Extension, BudgetsProvider, DigestsProvider):
    """Reads the budgets, and every two seconds what they stand at; gives back what expired holds hold."""

    def __init__(self, config: BudgetsConfig, settings: Settings) -> None:
        provider = settings.find(StoreProvider)
        if provider is None:
            raise ConfigError(f"extensions.{settings.name}: needs the extension store, listed before it")
        self._store = provider.store
        self._clock = settings.clock
        self.budgets = Budgets(settings.watch(partial(read_budgets, str(config.file)), config.file))
        self.digests = load_digests(config.digest, f"extensions.{settings.name}.digest")
        self._recorded: BudgetBook | None = None
        self._told: set[tuple[str, str, int]] = set()
        """Crossings that have been written down: the store is not asked again about each, every two seconds."""
        self._delivery = Delivery(self._store, settings.meter)
        service = BudgetService(
            self._store.ledger,
            self.budgets,
            make_estimate(settings),
            self.digests,
            settings.clock,
            settings.meter,
        )
        http = [BudgetsHttp(config.http, settings, service)] if config.http else []
        grpc = [BudgetsGrpc(config.grpc, settings, service)] if config.grpc else []
        self._servers: Sequence[BudgetsHttp | BudgetsGrpc] = (*http, *grpc)
        self._failed = settings.meter.counter("budget_refresh_failed", "Times that the store could not be asked.")
        self._was_failing = False
        self._tasks: list[asyncio.Task[None]] = []

    @property
    def endpoints(self) -> Sequence[Endpoint]:
        """Where the budgets can be asked."""
        return [server.endpoint for server in self._servers]

    async def start(self, host: HostView, /) -> None:  # noqa: ARG002 - nothing is asked of it
        """Read what the budgets stand at, and begin to answer."""
        await self._refresh()
        for server in self._servers:
            await server.start()
        self._tasks = [asyncio.create_task(self._go_round()), asyncio.create_task(self._send_alerts())]

    async def shutdown(self) -> None:
        """End."""
        for server in self._servers:
            await server.shutdown()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _go_round(self) -> None:
        while True:
            await asyncio.sleep(_EVERY_S)
            await self._refresh()

    async def _send_alerts(self) -> None:
        """Send them beside the rounds, which must not wait for a receiver."""
        while True:
            with suppress(OtelLlmError):  # the rounds, which ask the store as often, say so
                await self._delivery.run(self.budgets.book.alerts, round(self._clock() * 1000))
            await asyncio.sleep(_EVERY_S)

    async def _refresh(self) -> None:
        now_ms = round(self._clock() * 1000)
        book = self.budgets.book
        try:
            if book is not self._recorded:
                await record_budgets(self._store, book, now_ms)
                self._recorded = book
            await self._store.ledger.expire(now_ms)
            self.budgets.snapshot = await take_snapshot(self._store.ledger, book, now_ms)
            await self._alert(book, now_ms)
        except OtelLlmError as error:
            self._failed.inc()
            if not self._was_failing:
                _log.error("budgets: %s; until it can, their state is unknown", error)
            self._was_failing = True
        else:
            self._was_failing = False

    async def _alert(self, book: BudgetBook, now_ms: int) -> None:
        crossings = list(find_crossings(book, self.budgets.snapshot, now_ms))
        new = [each for each in crossings if (each.charge.id, each.period, each.threshold) not in self._told]
        if new:
            await record_crossings(self._store, book, new, now_ms)
        self._told = {(each.charge.id, each.period, each.threshold) for each in crossings}
