"""Ledgers over every database there is, each on the real thing."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from otel_llm.budget.ledger import Ledger
from otel_llm.budget.ledger.memory import MemoryTables
from otel_llm.store.memory import MemoryDatabase
from otel_llm.store.store import Store, open_store

if TYPE_CHECKING:
    from pathlib import Path

    import pytest

__all__ = ["STORES", "open_admitted", "places", "store_of"]

STORES: Final = ("memory", "sqlite", "postgres", "postgres+valkey")


def places(kind: str, request: pytest.FixtureRequest) -> tuple[str, str]:
    """Return the URLs of an empty PostgreSQL database and of a place in Valkey, where a kind of store needs them."""
    postgres: str = request.getfixturevalue("postgres").new_database() if kind.startswith("postgres") else ""
    valkey: str = request.getfixturevalue("valkey").new_url() if kind.endswith("valkey") else ""
    return postgres, valkey


def open_admitted(postgres: str, valkey: str, grace_s: float = 0) -> Store:
    """Return a store with a Valkey server in front, which may be as slow as it likes."""
    return open_store(postgres).admitting(valkey, timeout_s=20, grace_s=grace_s)


def store_of(kind: str, directory: Path, postgres: str, valkey: str) -> Store:
    """Return a store of that kind."""
    if kind == "memory":
        database = MemoryDatabase(MemoryTables())
        return Store(database, Ledger(database, lambda each: each), lambda _: lambda _sql, _parameters: [])
    if kind == "sqlite":
        return open_store(f"sqlite:///{directory}/ledger.db")
    return open_admitted(postgres, valkey) if valkey else open_store(postgres)
