"""The extension `store`."""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING, Final

from otel_llm.component import Extension
from otel_llm.errors import ConfigError, OtelLlmError
from otel_llm.store.provider import StoreProvider
from otel_llm.store.retention import Retention
from otel_llm.store.store import open_store

if TYPE_CHECKING:
    from otel_llm.component import HostView, Settings
    from otel_llm.extensions.store.config import StoreConfig

__all__ = ["StoreExtension"]

_EVERY_S: Final = 3600.0
_log = logging.getLogger(__name__)


class StoreExtension(Extension, StoreProvider):
    """Opens the store, and removes from it what is not kept any longer."""

    def __init__(self, config: StoreConfig, settings: Settings) -> None:
        place = f"extensions.{settings.name}"
        try:
            self.store = open_store(config.url.get_secret_value(), config.max_subjects)
        except ConfigError as error:
            raise ConfigError(*(f"{place}.url: {each}" for each in error.problems)) from None
        try:
            if (admission := config.admission) is not None:
                url = admission.url.get_secret_value()
                self.store = self.store.admitting(url, timeout_s=admission.timeout, grace_s=admission.grace)
        except ConfigError as error:
            raise ConfigError(*(f"{place}.admission: {each}" for each in error.problems)) from None
        self._retention = Retention(self.store, config.retention.model_dump(), settings.clock)
        self._upkeep: asyncio.Task[None] | None = None

    async def start(self, host: HostView, /) -> None:  # noqa: ARG002 - nothing is asked of it
        """Open it.

        Raises:
            StartError: it cannot be opened, or a newer version of the program has written it.
        """
        await self.store.start()
        self._upkeep = asyncio.create_task(self._keep_up())

    async def shutdown(self) -> None:
        """Close it."""
        if self._upkeep is not None:
            self._upkeep.cancel()
            await asyncio.gather(self._upkeep, return_exceptions=True)
        await self.store.shutdown()

    async def _keep_up(self) -> None:
        while True:
            try:
                await self._retention.run()
            except OtelLlmError as error:
                _log.warning("old rows of the store could not be removed: %s", error)
            await asyncio.sleep(_EVERY_S)
