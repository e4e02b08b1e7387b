"""SQLite: the default, one file and nothing to run beside the program."""

from __future__ import annotations

import asyncio
import os
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import TYPE_CHECKING, Final, TypeVar

import apsw

from otel_llm.errors import Permanent, Retryable, StartError
from otel_llm.store.database import Database
from otel_llm.store.migrations import migrate, migrations

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from otel_llm.store.migrations import Migration

__all__ = ["OLDEST_SQLITE", "SqliteDatabase"]

R = TypeVar("R")

OLDEST_SQLITE: Final = (3, 51, 3)
"""Before it, a write-ahead log that is reset while another process reads may corrupt the database (sqlite.org/wal.html,
"The WAL-Reset Bug"). Which is why it is not Python's own SQLite that is used."""

_PATIENCE_S: Final = 5.0
_PAUSES_S: Final = (0.0001, 0.0005)
"""Between two tries to get the lock. SQLite's own busy handler waits for up to 0.1 s, most of it for nothing."""
_TRIES: Final = 8
"""In the time for which the lock is usually waited for: more would cost the others the processor."""
_LONG: Final = 2
"""Who has waited so many times as long tries four times as often: the lock goes to whoever comes upon it free."""

_CHECKPOINT_PAGES: Final = 8000
"""32 MiB of log."""
_CHECKPOINT_PATIENCE_S: Final = 0.05
"""For transactions under way, while all others wait."""

_OUT_OF_REACH: Final = (
    apsw.BusyError, apsw.LockedError, apsw.FullError, apsw.IOError, apsw.CantOpenError, apsw.ReadOnlyError,
    apsw.NoMemError, apsw.InterruptError,
)  # fmt: skip
"""What may be better the next time."""

_VERSIONS: Final = """
CREATE TABLE IF NOT EXISTS schema_migrations (version INTEGER NOT NULL PRIMARY KEY, applied_ms INTEGER NOT NULL) STRICT
"""


class SqliteDatabase(Database[apsw.Connection]):
    """A file with a connection that writes, one that reads and one for checkpoints, each in a thread of its own.

    Other processes may use the file too: transactions that write take its one lock when they begin.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._writer = _Connection(path)
        self._reader = _Connection(path)
        self._checkpoints = _Checkpoints(path)

    async def start(self) -> None:
        """Open the file, making it first if need be, and bring its schema up to date."""
        version = tuple(map(int, apsw.sqlite_lib_version().split(".")))
        if version < OLDEST_SQLITE:
            raise StartError("the store needs SQLite 3.51.3 or newer: versions before it may corrupt its file")
        try:
            await self._writer.call(self._prepare)
        except (apsw.Error, OSError) as error:
            raise StartError(f"{self._path}: cannot be opened as an SQLite database") from error

    async def run(self, work: Callable[[apsw.Connection], R], *, durable: bool = False) -> R:
        """See `Database`."""
        return await self._writer.call(lambda: self._writer.transact(work, "BEGIN IMMEDIATE", durable=durable))

    async def read(self, work: Callable[[apsw.Connection], R]) -> R:
        """See `Database`."""
        return await self._reader.call(lambda: self._reader.transact(work, "BEGIN", durable=False))

    async def shutdown(self) -> None:
        """See `Database`."""
        await self._reader.shutdown()
        await self._writer.shutdown()
        await self._checkpoints.shutdown()

    def _prepare(self) -> None:
        self._path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        os.close(os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600))
        connection = self._writer.open()
        connection.set_wal_hook(self._checkpoints.note)
        connection.pragma("journal_mode", "wal")
        connection.execute("BEGIN EXCLUSIVE")
        with connection:
            connection.execute(_VERSIONS)
            present = connection.execute("SELECT coalesce(max(version), 0) FROM schema_migrations").get
            migrate(present, migrations("sqlite"), self._apply)
        connection.execute("COMMIT")

    def _apply(self, migration: Migration) -> None:
        connection = self._writer.open()
        connection.execute(migration.sql)
        connection.execute("INSERT INTO schema_migrations VALUES (?, ?)", (migration.version, time.time_ns() // 10**6))


class _Connection:
    """A connection, opened when it is first needed, and the one thread that uses it."""

    def __init__(self, path: Path, patience_s: float = _PATIENCE_S) -> None:
        self._path = path
        self._patience_s = patience_s
        self._thread = ThreadPoolExecutor(1, "sqlite")
        self._connection: apsw.Connection | None = None
        self._is_durable: bool | None = None

    async def call(self, work: Callable[[], R]) -> R:
        """Run *work* in the thread."""
        return await asyncio.get_running_loop().run_in_executor(self._thread, work)

    def submit(self, work: Callable[[], None]) -> None:
        """Let *work* run in the thread, some time."""
        self._thread.submit(work)

    def open(self) -> apsw.Connection:
        """Return the connection."""
        if self._connection is None:
            connection = apsw.Connection(str(self._path))
            connection.set_busy_handler(_wait(self._patience_s))
            connection.pragma("foreign_keys", 0)  # the tables are written by us alone, and always together
            self._connection = connection
        return self._connection

    def transact(self, work: Callable[[apsw.Connection], R], begin: str, *, durable: bool) -> R:
        """Run *work* in a transaction."""
        try:
            connection = self.open()
            if self._is_durable != durable:
                connection.pragma("synchronous", "full" if durable else "normal")
                self._is_durable = durable
            connection.execute(begin)
            try:
                result = work(connection)
                connection.execute("COMMIT")
            except BaseException:
                if connection.in_transaction:
                    connection.execute("ROLLBACK")
                raise
        except _OUT_OF_REACH as error:
            raise Retryable("the store's file cannot be used at the moment") from error
        except apsw.Error as error:
            raise Permanent("the store does not take this", reason="store") from error
        return result

    async def shutdown(self) -> None:
        """Close it when all is done, and end the thread."""
        await asyncio.to_thread(self._end)

    def _end(self) -> None:
        self._thread.shutdown()
        if self._connection is not None:
            self._connection.close()
            self._connection = None


class _Checkpoints:
    """Brings what is in the log into the database, beside the transactions.

    SQLite's own way is that a transaction which leaves a long log behind does so. It then waits for the disk, and where
    several processes write so do all that follow, until by chance nobody has written meanwhile and the log begins anew.
    """

    def __init__(self, path: Path) -> None:
        self._connection = _Connection(path, _CHECKPOINT_PATIENCE_S)
        self._pages = 0
        self._due = _CHECKPOINT_PAGES

    def note(self, _connection: apsw.Connection, _name: str, pages: int) -> int:
        """Take the length of the log after a commit, in the thread that writes."""
        if pages < self._pages:
            self._due = _CHECKPOINT_PAGES
        self._pages = pages
        if pages >= self._due:
            self._due = pages + _CHECKPOINT_PAGES
            self._connection.submit(self._run)
        return apsw.SQLITE_OK

    async def shutdown(self) -> None:
        """Finish the last one."""
        await self._connection.shutdown()

    def _run(self) -> None:
        """Copy most of it while others write, and what they have added while they wait, so that the log begins anew."""
        with suppress(*_OUT_OF_REACH):  # another process does it, or reads: it is due again when the log has grown
            connection = self._connection.open()
            connection.pragma("schema_version")  # what has read nothing yet does not know of the log
            connection.wal_checkpoint(mode=apsw.SQLITE_CHECKPOINT_PASSIVE)
            connection.wal_checkpoint(mode=apsw.SQLITE_CHECKPOINT_RESTART)


def _wait(patience_s: float) -> Callable[[int], bool]:
    """Return a busy handler, which is called when the lock is not free, and says whether to try again."""
    shortest, longest = _PAUSES_S
    began = ended = usual = 0.0

    def wait(tries: int) -> bool:
        nonlocal began, ended, usual
        now = time.monotonic()
        if tries == 0:
            usual += (ended - began - usual) / 8
            began = now
        pause = usual / _TRIES
        if now - began > _LONG * usual:
            pause /= 4
        time.sleep(min(max(pause, shortest), longest))
        ended = time.monotonic()
        return ended - began < patience_s

    return wait
