"""Ledgers over every database there is, each on the real thing."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from otel_llm.budget.ledger import Ledger
from otel_llm.budget.ledger.memory import MemoryTables
from otel_llm.store.memory import MemoryDatabase
from otel_llm.store.store import open_store

if TYPE_CHECKING:
    from pathlib import Path

    from otel_llm.store.database import Database

__all__ = ["STORES", "ledger_of"]

STORES: Final = ("memory", "sqlite", "postgres")


def ledger_of(kind: str, directory: Path, postgres_url: str) -> tuple[Database[Any], Ledger[Any]]:
    """Return a database of that kind, and the ledger in it."""
    if kind == "memory":
        database = MemoryDatabase(MemoryTables())
        return database, Ledger(database, lambda each: each)
    store = open_store(f"sqlite:///{directory}/ledger.db" if kind == "sqlite" else postgres_url)
    return store.database, store.ledger
