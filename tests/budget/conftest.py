"""A ledger over each database."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tests.budget.stores import STORES, ledger_of

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from otel_llm.budget.ledger import Ledger


@pytest.fixture(params=STORES)
async def ledger(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Ledger[Any]]:
    """An empty ledger over each database."""
    kind: str = request.param
    url = request.getfixturevalue("postgres").new_database() if kind == "postgres" else ""
    database, ledger = ledger_of(kind, tmp_path, url)
    await database.start()
    yield ledger
    await database.shutdown()
