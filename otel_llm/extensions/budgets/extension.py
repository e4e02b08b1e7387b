"""The extension `budgets`."""

from __future__ import annotations

import asyncio
import logging
from functools import partial
from typing import TYPE_CHECKING, Final

from otel_llm.budget.audit import record_budgets
from otel_llm.budget.estimate import load_estimate
from otel_llm.budget.file import read_budgets
from otel_llm.budget.service import BudgetService
from otel_llm.budget.snapshot import take_snapshot
from otel_llm.budget.view import Budgets, BudgetsProvider
from otel_llm.component import Extension
from otel_llm.digest import load_digests
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


class BudgetsExtension(Extension, BudgetsProvider):
    """Reads the budgets, and every two seconds what they stand at; gives back what expired holds hold."""

    def __init__(self, config: BudgetsConfig, settings: Settings) -> None:
        provider = settings.extension(StoreProvider)
        if provider is None:
            raise ConfigError(f"extensions.{settings.name}: needs the extension store, listed before it")
        self._store = provider.store
        self._clock = settings.clock
        self.budgets = Budgets(settings.watch(partial(read_budgets, str(config.file)), config.file))
        self._recorded: BudgetBook | None = None
        service = BudgetService(
            self._store.ledger,
            self.budgets,
            load_estimate(),
            load_digests(config.digest, f"extensions.{settings.name}.digest"),
            settings.clock,
            settings.meter,
        )
        http = [BudgetsHttp(config.http, settings, service)] if config.http else []
        grpc = [BudgetsGrpc(config.grpc, settings, service)] if config.grpc else []
        self._servers: Sequence[BudgetsHttp | BudgetsGrpc] = (*http, *grpc)
        self._failed = settings.meter.counter("budget_refresh_failed", "Times that the store could not be asked.")
        self._was_failing = False
        self._rounds: asyncio.Task[None] | None = None

    @property
    def endpoints(self) -> Sequence[Endpoint]:
        """Where the budgets can be asked."""
        return [server.endpoint for server in self._servers]

    async def start(self, host: HostView, /) -> None:  # noqa: ARG002 - nothing is asked of it
        """Read what the budgets stand at, and begin to answer."""
        await self._refresh()
        for server in self._servers:
            await server.start()
        self._rounds = asyncio.create_task(self._go_round())

    async def shutdown(self) -> None:
        """End."""
        for server in self._servers:
            await server.shutdown()
        if self._rounds is not None:
            self._rounds.cancel()
            await asyncio.gather(self._rounds, return_exceptions=True)

    async def _go_round(self) -> None:
        while True:
            await asyncio.sleep(_EVERY_S)
            await self._refresh()

    async def _refresh(self) -> None:
        now_ms = round(self._clock() * 1000)
        book = self.budgets.book
        try:
            if book is not self._recorded:
                await record_budgets(self._store, book, now_ms)
                self._recorded = book
            await self._store.ledger.expire(now_ms)
            self.budgets.snapshot = await take_snapshot(self._store.ledger, book, now_ms)
        except OtelLlmError as error:
            self._failed.inc()
            if not self._was_failing:
                _log.error("budgets: %s; until it can, their state is unknown", error)
            self._was_failing = True
        else:
            self._was_failing = False
