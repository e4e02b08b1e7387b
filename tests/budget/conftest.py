"""A ledger over each database."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tests.budget.stores import STORES, places, store_of

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from otel_llm.budget.ledger import Ledger


@pytest.fixture(params=STORES)
async def ledger(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Ledger[Any]]:
    """An empty ledger over each database."""
    store = store_of(request.param, tmp_path, *places(request.param, request))
    await store.start()
    yield store.ledger
    await store.shutdown()
