"""Reads the config again, and lets the host change over to it."""

from __future__ import annotations

import asyncio
import logging
from contextlib import suppress
from typing import TYPE_CHECKING, Protocol

from otel_llm.errors import ConfigError, StartError
from otel_llm.reload.files import POLL_S, stamp

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from otel_llm.config import HostConfig
    from otel_llm.telemetry import Meter

__all__ = ["Reloader", "Trigger"]

_log = logging.getLogger(__name__)


class Runs(Protocol):
    """What runs a config: a host, or several in processes of their own."""

    meter: Meter

    async def reload(self, config: HostConfig) -> None:
        """Run *config* instead, or raise and go on as before; see `Host.reload`."""
        ...


class Reloader:
    """Reloads once for each call, and counts how it went."""

    def __init__(self, host: Runs, read: Callable[[], HostConfig]) -> None:
        """Take what reads the config: it may block, and raises `ConfigError`."""
        self._host = host
        self._read = read
        self._reloads = host.meter.counter("config_reloads", "Configs that have taken the place of the one before.")
        self._failed = host.meter.counter("config_reload_failed", "Configs that could not.")
        self._successful = host.meter.gauge("config_last_reload_successful", "1, or 0 if the last reload failed.")
        self._successful.set(1)

    async def reload(self) -> bool:
        """Let the host run what the config says now. False: it cannot, the log says why, and what ran goes on."""
        try:
            await self._host.reload(await asyncio.to_thread(self._read))
        except (ConfigError, StartError) as error:
            self._refuse(*error.problems)
            return False
        except Exception as error:  # noqa: BLE001 - a plug-in may raise anything; the program must go on
            self._refuse(f"failed with {type(error).__name__}")
            return False
        self._reloads.inc()
        self._successful.set(1)
        _log.info("reloaded")
        return True

    def _refuse(self, *problems: str) -> None:
        self._failed.inc()
        self._successful.set(0)
        for problem in problems:
            _log.error("not reloaded: %s", problem)


class Trigger:
    """Tells when to reload: when it is pulled and, where that is wanted, when the file has changed."""

    def __init__(self, path: Path | None) -> None:
        """Take the config file, if there is one, before it is read."""
        self._path = path
        self._pulled = asyncio.Event()
        self._seen = self._loaded = self._stamp()

    def pull(self) -> None:
        """Ask for a reload. Asked twice before it begins, it is one."""
        self._pulled.set()

    async def wait(self, *, watch: bool) -> None:
        """Wait until it is time to reload."""
        while not self._pulled.is_set() and not (watch and self._changed()):
            with suppress(TimeoutError):
                async with asyncio.timeout(POLL_S if watch else None):
                    await self._pulled.wait()
        self._pulled.clear()
        self._loaded = self._stamp()

    def _changed(self) -> bool:
        """Look at the file. As with other files, two looks must find the same: it may be half written."""
        before, self._seen = self._seen, self._stamp()
        return self._seen == before != self._loaded

    def _stamp(self) -> object:
        return None if self._path is None else stamp(self._path)
