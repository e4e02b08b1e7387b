"""One store: a database by its URL, and what is kept in it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlsplit

from otel_llm.budget.ledger import Ledger
from otel_llm.budget.ledger.crowd import MOST_SUBJECTS
from otel_llm.errors import ConfigError
from otel_llm.store.retention import keep_days

if TYPE_CHECKING:
    from otel_llm.store.database import Database

__all__ = ["Query", "Store", "open_store"]

Query = Callable[[str, Sequence[Any]], list[tuple[Any, ...]]]
"""Runs one statement with `?` for its parameters, and returns its rows. For SQL that all databases understand."""

_SQLITE: Final = "sqlite:///"
_POSTGRES: Final = frozenset({"postgres", "postgresql"})


@dataclass(frozen=True, slots=True)
class Store:
    """What components and commands share."""

    database: Database[Any]
    ledger: Ledger[Any]
    query: Callable[[Any], Query]
    """Makes one of a transaction's connection."""
    partitioned: bool = False
    """Whether calls are kept in a table for each day."""

    def admitting(self, url: str, *, timeout_s: float, grace_s: float) -> Store:
        """Return the same store with a Valkey or Redis server in front, as `Server` and `Admission` take it.

        Raises:
            ConfigError: there cannot be one, or its driver is not installed.
        """
        if not self.partitioned:
            raise ConfigError("is for PostgreSQL: SQLite is for one gateway, which decides by itself")
        try:
            from otel_llm.budget.admission import Admission, Server
        except ModuleNotFoundError:
            raise ConfigError("needs the module redis, which is not installed: install otel-llm[redis]") from None
        return replace(self, ledger=Admission.before(self.ledger, Server(url, timeout_s), grace_s))

    async def start(self) -> None:
        """Open it.

        Raises:
            StartError: it cannot be opened, or a newer version of the program has written it.
        """
        await self.database.start()
        await self.ledger.start()

    async def shutdown(self) -> None:
        """Close it. Safe to call twice, and without `start`."""
        await self.ledger.shutdown()
        await self.database.shutdown()

    async def keep_days(self, now_ms: int, oldest_ms: int) -> None:
        """Make room for the days to come, and drop whole days before *oldest_ms*, where calls are kept by the day."""
        if self.partitioned:
            await self.database.run(lambda connection: keep_days(self.query(connection), now_ms, oldest_ms))

    async def ask(self, sql: str, parameters: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
        """Read, in a transaction of its own."""
        return await self.database.read(lambda connection: self.query(connection)(sql, parameters))

    async def change(self, sql: str, parameters: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
        """Write, in a transaction of its own, durably."""
        return await self.database.run(lambda connection: self.query(connection)(sql, parameters), durable=True)


def open_store(url: str, most_subjects: int = MOST_SUBJECTS) -> Store:
    """Return the store at *url*, not started yet.

    Args:
        url: `sqlite:///relative/path`, `sqlite:////absolute/path` or `postgresql://...`.
        most_subjects: As `Ledger` takes it.

    Raises:
        ConfigError: no such URL, or its driver is not installed.
    """
    if url.startswith(_SQLITE) and len(url) > len(_SQLITE):
        return _sqlite(Path(url.removeprefix(_SQLITE)), most_subjects)
    if urlsplit(url).scheme in _POSTGRES:
        return _postgres(url, most_subjects)
    raise ConfigError("must be sqlite:///PATH, where PATH may begin with a further /, or postgresql://...")


def _sqlite(path: Path, most_subjects: int) -> Store:
    try:
        from otel_llm.budget.ledger.sqlite import SqliteTables
        from otel_llm.store.sqlite import SqliteDatabase
    except ModuleNotFoundError:
        raise ConfigError("SQLite needs the module apsw, which is not installed: install otel-llm[server]") from None

    def query(connection: Any) -> Query:
        return lambda sql, parameters: list(connection.execute(sql, parameters))

    database = SqliteDatabase(path)
    return Store(database, Ledger(database, SqliteTables, most_subjects), query)


def _postgres(url: str, most_subjects: int) -> Store:
    try:
        from otel_llm.budget.ledger.postgres import PostgresTables
        from otel_llm.store.postgres import PostgresDatabase
    except ModuleNotFoundError:
        raise ConfigError("PostgreSQL needs psycopg, which is not installed: install otel-llm[postgres]") from None

    def query(connection: Any) -> Query:
        def run(sql: str, parameters: Sequence[Any]) -> list[tuple[Any, ...]]:
            cursor = connection.execute(sql.replace("?", "%s"), parameters)
            return list(cursor) if cursor.description else []

        return run

    database = PostgresDatabase(url)
    return Store(database, Ledger(database, PostgresTables, most_subjects), query, partitioned=True)
