"""What the tests of workers start from: the oracle's gateway, with several of them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.faults.conftest import oracle_with
from tests.workers.gateway import Workers

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from tests.faults.oracle import OracleWith

__all__ = ["oracle_with", "workers_of"]


@pytest.fixture
def workers_of(oracle_with: OracleWith) -> Callable[[int], Awaitable[Workers]]:
    """Set up an oracle whose gateway has so many workers. It is not started."""

    async def make(count: int) -> Workers:
        return Workers(await oracle_with("otlp"), count)

    return make
