"""A database that is gone with the process: for tests, and for trying things out."""

from __future__ import annotations

from typing import TYPE_CHECKING, Generic, Protocol, TypeVar

from otel_llm.store.database import Database

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["MemoryDatabase", "Undoable"]

R = TypeVar("R")


class Undoable(Protocol):
    """Tables that can take back what was done since the last commit."""

    def commit(self) -> None:
        """Keep it."""
        ...

    def rollback(self) -> None:
        """Take it back."""
        ...


T = TypeVar("T", bound=Undoable)


class MemoryDatabase(Database[T], Generic[T]):
    """Runs transactions on tables in memory, in the event loop."""

    def __init__(self, tables: T) -> None:
        self._tables = tables

    async def start(self) -> None:
        """Do nothing."""

    async def run(self, work: Callable[[T], R], *, durable: bool = False) -> R:  # noqa: ARG002 - nothing here is
        """Run one."""
        try:
            result = work(self._tables)
        except BaseException:
            self._tables.rollback()
            raise
        self._tables.commit()
        return result

    async def read(self, work: Callable[[T], R]) -> R:
        """Run one that only reads."""
        return work(self._tables)

    async def shutdown(self) -> None:
        """Do nothing."""
