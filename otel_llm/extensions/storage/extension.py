"""The extension `storage`."""

from __future__ import annotations

import re
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Final

from otel_llm.component import Extension
from otel_llm.journal.adopting import AdoptingJournal
from otel_llm.journal.disk import DiskJournal, DiskOptions, has_records
from otel_llm.journal.memory import MemoryJournal
from otel_llm.journal.sync import SyncJournal

if TYPE_CHECKING:
    from otel_llm.component import HostView, Settings, Worker
    from otel_llm.extensions.storage.config import StorageConfig
    from otel_llm.journal import Journal

__all__ = ["Storage"]

_MIB: Final = 1024 * 1024
_MEMORY_MIB: Final = 64
_DISK_MIB: Final = 4096
_JOURNAL: Final = re.compile(r"journal(-[1-9]\d*)?")


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

    def _disk_journal(self) -> Journal:
        config = self._config
        options = DiskOptions(
            capacity_bytes=(config.max_size_mib or _DISK_MIB) * _MIB,
            fsync_interval_s=config.fsync_interval if config.fsync == "interval" else None,
            max_age_s=config.max_age,
            min_free_bytes=None if config.min_free_mib is None else config.min_free_mib * _MIB,
        )
        worker = self._settings.worker
        directory = Path(config.directory or "")
        make = partial(DiskJournal, meter=self._settings.meter, clock=self._settings.clock)
        left = [make(path, replace(options, sealed=True)) for path in _left_behind(directory, worker)]
        journal = make(directory / _name(worker.number if worker else 0), options)  # last: gauges show this one
        return AdoptingJournal(journal, left) if left else journal

    async def start(self, host: HostView, /) -> None:
        """Do nothing: the host owns the journal."""

    async def shutdown(self) -> None:
        """Do nothing, as above."""


def _name(number: int) -> str:
    """Return the directory of a worker's journal, or with 0 of the only process'."""
    return f"journal-{number}" if number else "journal"


def _left_behind(directory: Path, worker: Worker | None) -> list[Path]:
    """Return the journals in which something is and that nobody writes to any more. The first worker delivers it."""
    if worker is not None and worker.number > 1:
        return []
    used = {_name(number) for number in (range(1, worker.count + 1) if worker else [0])}
    found = (path for path in directory.glob("journal*") if _JOURNAL.fullmatch(path.name) and path.name not in used)
    return sorted(path for path in found if has_records(path))
