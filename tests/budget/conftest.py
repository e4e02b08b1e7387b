"""A PostgreSQL server for all tests of budgets, and a ledger over each database."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from otel_llm.budget.ledger import Ledger
from tests.budget.stores import STORES, PostgresServer, database_of

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator
    from pathlib import Path


@pytest.fixture(scope="session")
def postgres(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PostgresServer]:
    """A server, started when the first test asks for it."""
    server = PostgresServer(tmp_path_factory.mktemp("postgres"))
    yield server
    server.stop()


@pytest.fixture(params=STORES)
async def ledger(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Ledger]:
    """An empty ledger over each database."""
    kind: str = request.param
    url = request.getfixturevalue("postgres").new_database() if kind == "postgres" else ""
    database = database_of(kind, tmp_path, url)
    await database.start()
    yield Ledger(database)
    await database.shutdown()
