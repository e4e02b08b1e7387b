"""The extension `storage`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from otel_llm.component import Extension, HostView
from otel_llm.journal.memory import MemoryJournal

if TYPE_CHECKING:
    from otel_llm.extensions.storage.config import StorageConfig
    from otel_llm.journal import Journal

__all__ = ["Storage"]

_MIB = 1024 * 1024


class Storage(Extension):
    """Brings the journal along."""

    def __init__(self, config: StorageConfig) -> None:
        self._capacity_bytes = config.max_size_mib * _MIB

    def journal(self) -> Journal:
        """Return the journal in which everything waits. Called once, before anything starts."""
        return MemoryJournal(self._capacity_bytes)

    async def start(self, host: HostView, /) -> None:
        """Do nothing: the host owns the journal."""

    async def shutdown(self) -> None:
        """Do nothing, as above."""
