"""What every case of the list starts from."""

from __future__ import annotations

from contextlib import AsyncExitStack
from typing import TYPE_CHECKING

import pytest

from tests.faults.oracle import Oracle
from tests.faults.sink import Sink

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence
    from pathlib import Path

    from tests.faults.oracle import OracleWith


@pytest.fixture
async def oracle_with(tmp_path: Path) -> AsyncIterator[OracleWith]:
    """Set up an oracle with an exporter of each name, such as `otlp` or `otlphttp/eu`. The gateway is not started."""
    async with AsyncExitStack() as stack:

        async def make(*exporters: str, grpc_options: Sequence[tuple[str, int]] = ()) -> Oracle:
            sinks = {name: Sink("grpc" if name.split("/")[0] == "otlp" else "http", grpc_options) for name in exporters}
            return await stack.enter_async_context(Oracle(tmp_path, sinks))

        yield make
