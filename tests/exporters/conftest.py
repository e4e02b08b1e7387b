"""Backends and exporters that are running."""

from __future__ import annotations

import asyncio
import socket
from typing import TYPE_CHECKING

import grpc.aio
import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from tests.exporters.backends import GrpcBackend, HttpBackend, Start

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from otel_llm.component import Exporter


@pytest.fixture
async def grpc_backend() -> AsyncIterator[GrpcBackend]:
    """A gRPC server that takes everything, unless told."""
    backend = GrpcBackend()
    server = grpc.aio.server(options=[("grpc.max_receive_message_length", -1)])
    server.add_generic_rpc_handlers((backend,))
    backend.endpoint = f"127.0.0.1:{server.add_insecure_port('127.0.0.1:0')}"
    await server.start()
    yield backend
    await server.stop(None)


@pytest.fixture
async def http_backend() -> AsyncIterator[HttpBackend]:
    """An HTTP server that takes everything, unless told."""
    backend = HttpBackend()
    app = web.Application(client_max_size=1 << 30)
    app.router.add_route("*", "/{path:.*}", backend.handle)
    server = TestServer(app)
    await server.start_server()
    backend.endpoint = f"http://127.0.0.1:{server.port}"
    yield backend
    await server.close()


@pytest.fixture
def free_port() -> int:
    """A port on which nobody listens."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.fixture
async def resetting_port() -> AsyncIterator[int]:
    """A port at which connections are reset as soon as something has been read."""

    async def reset(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(65536)
        writer.transport.abort()

    server = await asyncio.start_server(reset, "127.0.0.1", 0)
    yield server.sockets[0].getsockname()[1]
    server.close()
    await server.wait_closed()


@pytest.fixture
async def started() -> AsyncIterator[Start]:
    """Starts exporters, and shuts them down in the end, twice."""
    exporters: list[Exporter] = []

    async def start(exporter: Exporter) -> Exporter:
        await exporter.start()
        exporters.append(exporter)
        return exporter

    yield start
    for exporter in exporters * 2:
        await exporter.shutdown()
