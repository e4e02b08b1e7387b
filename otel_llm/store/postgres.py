"""PostgreSQL: for several gateways on one ledger."""

from __future__ import annotations

import asyncio
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Final, TypeVar

import psycopg
from psycopg import errors

from otel_llm.errors import Permanent, Retryable, StartError
from otel_llm.store.database import Database
from otel_llm.store.migrations import migrate, migrations

if TYPE_CHECKING:
    from collections.abc import Callable

    from otel_llm.store.migrations import Migration

__all__ = ["CONNECTIONS", "PostgresDatabase"]

R = TypeVar("R")

CONNECTIONS: Final = 8
"""Of one gateway, at most."""

_TRIES: Final = 5
"""Of a transaction that others came in between of."""
_SETTINGS: Final = "-c lock_timeout=5s -c statement_timeout=30s -c idle_in_transaction_session_timeout=30s"
_CONNECT_TIMEOUT_S: Final = 5
_MIGRATION_LOCK: Final = 0x6F74656C_6C6C6D  # "otelllm"
_VERSIONS: Final = """
CREATE TABLE IF NOT EXISTS schema_migrations (version bigint PRIMARY KEY, applied_ms bigint NOT NULL)
"""
_COLLISIONS: Final = (errors.DeadlockDetected, errors.SerializationFailure)


class PostgresDatabase(Database[psycopg.Connection]):
    """A handful of connections, each used by one thread at a time."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._threads = ThreadPoolExecutor(CONNECTIONS, "postgres")
        self._idle: list[psycopg.Connection] = []
        self._lock = threading.Lock()

    async def start(self) -> None:
        """Connect, and bring the schema up to date; of gateways that start together, one does."""
        try:
            await self._in_thread(self._prepare)
        except psycopg.Error as error:
            raise StartError("the store's PostgreSQL database cannot be used") from error

    async def run(self, work: Callable[[psycopg.Connection], R], *, durable: bool = False) -> R:
        """See `Database`."""
        begin = "BEGIN" if durable else "BEGIN; SET LOCAL synchronous_commit = off"
        return await self._in_thread(lambda: self._transact(work, begin))

    async def read(self, work: Callable[[psycopg.Connection], R]) -> R:
        """See `Database`."""
        return await self._in_thread(lambda: self._transact(work, "BEGIN READ ONLY ISOLATION LEVEL REPEATABLE READ"))

    async def shutdown(self) -> None:
        """See `Database`."""
        self._threads.shutdown()
        while self._idle:
            self._idle.pop().close()

    async def _in_thread(self, work: Callable[[], R]) -> R:
        return await asyncio.get_running_loop().run_in_executor(self._threads, work)

    def _transact(self, work: Callable[[psycopg.Connection], R], begin: str) -> R:
        for _ in range(_TRIES):
            try:
                connection = self._begin(begin)
                try:
                    result = work(connection)
                    connection.execute("COMMIT")
                except BaseException:
                    self._roll_back(connection)
                    raise
                self._release(connection)
            except _COLLISIONS:
                continue
            except (psycopg.OperationalError, psycopg.InterfaceError, errors.InsufficientResources) as error:
                raise Retryable("the store's database cannot be used at the moment") from error
            except psycopg.Error as error:
                raise Permanent("the store does not take this", reason="store") from error
            return result
        raise Retryable("the store is too busy")

    def _begin(self, begin: str) -> psycopg.Connection:
        """Return a connection in a new transaction. One that has died while it was idle is replaced."""
        while True:
            with self._lock:
                connection = self._idle.pop() if self._idle else None
            if connection is None:
                break
            try:
                connection.execute(begin)
            except psycopg.OperationalError:
                connection.close()
            else:
                return connection
        connection = self._connect()
        connection.execute(begin)
        return connection

    def _release(self, connection: psycopg.Connection) -> None:
        with self._lock:
            self._idle.append(connection)

    def _roll_back(self, connection: psycopg.Connection) -> None:
        try:
            connection.execute("ROLLBACK")
        except psycopg.Error:
            connection.close()
        else:
            self._release(connection)

    def _connect(self) -> psycopg.Connection:
        return psycopg.connect(self._url, autocommit=True, options=_SETTINGS, connect_timeout=_CONNECT_TIMEOUT_S)

    def _prepare(self) -> None:
        with self._connect() as connection, connection.transaction():
            connection.execute("SELECT pg_advisory_xact_lock(%s)", (_MIGRATION_LOCK,))
            connection.execute(_VERSIONS)
            row = connection.execute("SELECT coalesce(max(version), 0) FROM schema_migrations").fetchone()

            def apply(migration: Migration) -> None:
                connection.execute(migration.sql)
                applied = (migration.version, time.time_ns() // 10**6)
                connection.execute("INSERT INTO schema_migrations VALUES (%s, %s)", applied)

            migrate(row[0] if row else 0, migrations("postgres"), apply)
