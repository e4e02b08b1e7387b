"""The HTTP server that the OTLP receiver, the health check and the metrics page share."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable

import pytest
from aiohttp import ClientConnectionError, ClientSession, TCPConnector, web

from otel_llm.component import Endpoint
from otel_llm.errors import StartError
from otel_llm.http_server import Handler, HttpServer

Serve = Callable[[Handler], Awaitable[HttpServer]]


@pytest.fixture
async def serve() -> AsyncIterator[Serve]:
    """Start servers that end with the test."""
    started: list[HttpServer] = []

    async def start(handler: Handler) -> HttpServer:
        server = HttpServer("extensions.test.endpoint", "127.0.0.1:0", handler)
        started.append(server)
        await server.start()
        return server

    yield start
    for server in started:
        await server.shutdown()


async def path_of(request: web.BaseRequest) -> web.Response:
    """Answer with the path that was asked for."""
    return web.Response(text=request.path)


async def failing(_: web.BaseRequest) -> web.Response:
    """Fail with a text that must not get out."""
    raise RuntimeError("canary")


async def test_handler_sees_every_request(serve: Serve) -> None:
    """There are no routes: the handler decides on every path."""
    server = await serve(path_of)
    async with ClientSession() as client, client.get(f"http://{server.endpoint}/any/path") as response:
        assert "/any/path" == await response.text()


async def test_endpoint_has_the_real_port_once_started(serve: Serve) -> None:
    """Port 0 is there before the start, the port that was taken after it."""
    assert Endpoint("a.b", "127.0.0.1", 0) == HttpServer("a.b", "127.0.0.1:0", path_of).endpoint
    assert 0 != (await serve(path_of)).endpoint.port


async def test_exception_reaches_neither_client_nor_log(serve: Serve, caplog: pytest.LogCaptureFixture) -> None:
    """A handler that raises is answered for with 500, and its exception's type is logged, not its text."""
    server = await serve(failing)
    async with ClientSession() as client, client.get(f"http://{server.endpoint}/") as response:
        assert 500 == response.status
        text = await response.text()

    assert "RuntimeError" in caplog.text
    assert "canary" not in text + caplog.text


async def test_port_in_use_is_named(serve: Serve) -> None:
    """A second server on the same port does not start; it says where that is configured."""
    first = await serve(path_of)
    second = HttpServer("extensions.second.endpoint", str(first.endpoint), path_of)
    with pytest.raises(StartError, match=r"extensions\.second\.endpoint: cannot listen on .*the port is in use"):
        await second.start()


async def test_shutdown_closes_idle_connections_and_the_port(serve: Serve) -> None:
    """A client that keeps its connection alive does not keep the server alive."""
    server = await serve(path_of)
    async with ClientSession(connector=TCPConnector(keepalive_timeout=3600)) as client:
        async with client.get(f"http://{server.endpoint}/"):
            pass
        await asyncio.wait_for(server.shutdown(3600), 60)
        with pytest.raises(ClientConnectionError):
            await client.get(f"http://{server.endpoint}/")


async def test_shutdown_does_not_wait_for_a_body_that_does_not_come(serve: Serve) -> None:
    """A request whose body has come in part is ended with the grace."""
    reading = asyncio.Event()

    async def read(request: web.BaseRequest) -> web.Response:
        reading.set()
        return web.Response(body=b"".join([chunk async for chunk in request.content.iter_any()]))

    server = await serve(read)
    reader, writer = await asyncio.open_connection(server.endpoint.host, server.endpoint.port)
    writer.write(b"POST / HTTP/1.1\r\nHost: test\r\nContent-Length: 9\r\n\r\npart")
    await reading.wait()
    await server.shutdown(0.01)

    assert b"" == await reader.read()
    writer.close()
    await writer.wait_closed()


async def test_shutdown_is_safe_twice_and_without_start(serve: Serve) -> None:
    """Whoever cleans up need not know how far things had come."""
    await HttpServer("a.b", "127.0.0.1:0", path_of).shutdown()
    server = await serve(path_of)
    await server.shutdown()
    await server.shutdown()
