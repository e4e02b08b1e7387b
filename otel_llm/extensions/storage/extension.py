"""The extension `storage`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Final

from otel_llm.component import Extension
from otel_llm.journal.disk import DiskJournal, DiskOptions
from otel_llm.journal.memory import MemoryJournal
from otel_llm.journal.sync import SyncJournal

if TYPE_CHECKING:
    from otel_llm.component import HostView, Settings
    from otel_llm.extensions.storage.config import StorageConfig
    from otel_llm.journal import Journal

__all__ = ["Storage"]

_MIB: Final = 1024 * 1024
_MEMORY_MIB: Final = 64
_DISK_MIB: Final = 4096


class Storage(Extension):
    """Brings the journal along."""

    def __init__(self, config: StorageConfig, settings: Settings) -> None:
        self._config = config
        self._settings = settings

    def journal(self) -> Journal:
        """Return the journal in which everything waits. Called once, before anything starts."""
        match self._config.effective_mode:
            case "memory":
                return MemoryJournal((self._config.max_size_mib or _MEMORY_MIB) * _MIB)
            case "sync":
                return SyncJournal((self._config.max_size_mib or _MEMORY_MIB) * _MIB)
            case "disk":
                return self._disk_journal()

    @property
    def dead_letters(self) -> Path | None:
        """In the state directory, beside the journal."""
        return Path(self._config.directory) / "dead-letters" if self._config.directory else None

    def _disk_journal(self) -> DiskJournal:
        config = self._config
        options = DiskOptions(
            capacity_bytes=(config.max_size_mib or _DISK_MIB) * _MIB,
            fsync_interval_s=config.fsync_interval if config.fsync == "interval" else None,
            max_age_s=config.max_age,
            min_free_bytes=None if config.min_free_mib is None else config.min_free_mib * _MIB,
        )
        directory = Path(config.directory or "") / "journal"
        return DiskJournal(directory, options, self._settings.meter, self._settings.clock)

    async def start(self, host: HostView, /) -> None:
        """Do nothing: the host owns the journal."""

    async def shutdown(self) -> None:
        """Do nothing, as above."""
