"""What stands around the gateway: before it clients, behind it a sink or real backends."""

from __future__ import annotations

from contextlib import AsyncExitStack
from typing import TYPE_CHECKING

import pytest

from tests.e2e.backends import Collector, Jaeger, run_collector, run_jaeger
from tests.e2e.gateway import Gateway, run_gateway
from tests.e2e.sink import Sink
from tests.fake_provider import FakeProvider

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
    from pathlib import Path


@pytest.fixture
async def gateway(tmp_path: Path) -> AsyncIterator[Callable[[str], Awaitable[Gateway]]]:
    """Start `otel-llm run` with a config in YAML."""
    async with AsyncExitStack() as stack:

        async def start(config: str) -> Gateway:
            return await stack.enter_async_context(run_gateway(tmp_path, config))

        yield start


@pytest.fixture
async def sink() -> AsyncIterator[Sink]:
    """Keep whatever is exported to it."""
    async with Sink() as sink:
        yield sink


@pytest.fixture
def provider() -> Iterator[FakeProvider]:
    """Answer model calls."""
    with FakeProvider() as provider:
        yield provider


@pytest.fixture
async def jaeger(tmp_path: Path) -> AsyncIterator[Jaeger]:
    """Run a Jaeger."""
    async with run_jaeger(tmp_path) as jaeger:
        yield jaeger


@pytest.fixture
async def otelcol(tmp_path: Path) -> AsyncIterator[Callable[[str], Awaitable[Collector]]]:
    """Start a Collector that forwards to an OTLP/gRPC endpoint."""
    async with AsyncExitStack() as stack:

        async def start(target: str) -> Collector:
            return await stack.enter_async_context(run_collector(tmp_path, target))

        yield start
