"""Opening a database: its schema is brought up to date, and one from the future is refused."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest

from otel_llm.errors import Permanent, Retryable, StartError
from otel_llm.store.migrations import Migration, migrate, migrations
from otel_llm.store.postgres import PostgresDatabase
from otel_llm.store.sqlite import SqliteDatabase

if TYPE_CHECKING:
    from pathlib import Path

    from otel_llm.store.database import Database


@pytest.fixture(params=["sqlite", "postgres"])
def open_database(request: pytest.FixtureRequest, tmp_path: Path) -> Any:
    """Return what opens the same empty database again and again."""
    if request.param == "sqlite":
        return lambda: SqliteDatabase(tmp_path / "state" / "otel-llm.db")
    url = request.getfixturevalue("postgres").new_database()
    return lambda: PostgresDatabase(url)


async def test_a_newer_schema_is_refused(open_database: Any) -> None:
    """A program that does not know what is in a database keeps its hands off it."""
    database: Database[Any] = open_database()
    await database.start()
    await database.run(lambda connection: connection.execute("INSERT INTO schema_migrations VALUES (999, 0)"))
    await database.shutdown()
    later = open_database()
    with pytest.raises(StartError, match="version 999"):
        await later.start()
    await later.shutdown()


async def test_gateways_that_start_at_once_migrate_once(open_database: Any) -> None:
    """The others wait, and find the schema there."""
    databases: list[Database[Any]] = [open_database() for _ in range(4)]
    await asyncio.gather(*(each.start() for each in databases))
    versions = await databases[0].read(
        lambda connection: list(connection.execute("SELECT version FROM schema_migrations"))
    )
    await asyncio.gather(*(each.shutdown() for each in databases))

    assert [(1,), (2,), (3,), (4,)] == versions


async def test_what_a_database_refuses_is_permanent(open_database: Any) -> None:
    """A statement that is wrong stays wrong; nothing of its transaction stays, and the next one goes through."""
    database: Database[Any] = open_database()
    await database.start()

    def fail(connection: Any) -> None:
        connection.execute("INSERT INTO schema_migrations VALUES (998, 0)")
        connection.execute("SELECT no_such_column FROM schema_migrations")

    with pytest.raises(Permanent):
        await database.run(fail)
    assert [(1,), (2,), (3,), (4,)] == await database.read(
        lambda each: list(each.execute("SELECT version FROM schema_migrations"))
    )
    await database.shutdown()
    await database.shutdown()


async def test_a_server_that_is_away() -> None:
    """The program does not start, and once it runs an operation may be tried again."""
    database = PostgresDatabase("postgresql://127.0.0.1:1/none")
    with pytest.raises(StartError):
        await database.start()
    with pytest.raises(Retryable):
        await database.run(lambda connection: connection.execute("SELECT 1"))
    await database.shutdown()


async def test_a_file_that_is_no_database(tmp_path: Path) -> None:
    """It is refused, and left as it was."""
    path = tmp_path / "notes.txt"
    path.write_text("not a database, but long enough to look like one" * 100)
    database = SqliteDatabase(path)
    with pytest.raises(StartError):
        await database.start()
    await database.shutdown()

    assert path.read_text().startswith("not a database")


async def test_the_log_begins_anew_while_all_write(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is in SQLite's log comes into the database without a pause of those who write, and the log stays short."""
    monkeypatch.setattr("otel_llm.store.sqlite._CHECKPOINT_PAGES", 20)
    path = tmp_path / "otel-llm.db"
    both = [SqliteDatabase(path), SqliteDatabase(path)]
    for each in both:
        await each.start()

    def write(connection: Any) -> None:
        connection.execute("UPDATE schema_migrations SET applied_ms = applied_ms + 1")

    def salt() -> bytes:
        return tmp_path.joinpath("otel-llm.db-wal").read_bytes()[16:24]  # another one for each log

    def applied(connection: Any) -> int:
        ((most,),) = connection.execute("SELECT max(applied_ms) FROM schema_migrations")
        return int(most)

    before = await both[0].read(applied)
    await both[0].run(write)
    salts = {salt()}
    written = 1
    async with asyncio.timeout(60):
        while len(salts) < 4:
            await asyncio.gather(*(each.run(write) for each in both))
            written += 2
            salts.add(salt())
    after = await both[1].read(applied)
    for each in both:
        await each.shutdown()

    assert written == after - before


async def test_nobody_else_may_read_the_file(tmp_path: Path) -> None:
    """Who spends how much is nobody's business."""
    database = SqliteDatabase(tmp_path / "state" / "otel-llm.db")
    await database.start()
    await database.shutdown()

    assert 0o600 == (tmp_path / "state" / "otel-llm.db").stat().st_mode & 0o777
    assert 0o700 == (tmp_path / "state").stat().st_mode & 0o777


def test_migrations_go_forward_only() -> None:
    """Those that are missing are applied, in order, and no other."""
    applied: list[int] = []
    steps = [Migration(version, "") for version in (1, 2, 3)]
    migrate(1, steps, lambda step: applied.append(step.version))

    assert [2, 3] == applied
    assert (
        [1, 2, 3, 4]
        == [step.version for step in migrations("sqlite")]
        == [step.version for step in migrations("postgres")]
    )
