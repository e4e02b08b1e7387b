"""Connections that take too long, or are too many."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import suppress

import pytest
from aiohttp import web

from otel_llm.http_connection import HttpLimits
from otel_llm.http_server import HttpServer

Serve = Callable[[HttpLimits], Awaitable[HttpServer]]
Connect = Callable[[HttpServer], Awaitable[tuple[asyncio.StreamReader, asyncio.StreamWriter]]]

GET = b"GET / HTTP/1.1\r\nHost: test\r\n\r\n"
LARGE = b"x" * 64 * 1024 * 1024
"""More than the system takes off a server that nobody reads from."""


@pytest.fixture
async def serve() -> AsyncIterator[Serve]:
    """Start servers that answer `hello`, or with a `LARGE` body at `/large`. They end with the test."""
    started: list[HttpServer] = []

    async def answer(request: web.BaseRequest) -> web.Response:
        return web.Response(body=LARGE if request.path == "/large" else b"hello")

    async def start(limits: HttpLimits) -> HttpServer:
        server = HttpServer("extensions.test.endpoint", "127.0.0.1:0", answer, limits=limits)
        started.append(server)
        await server.start()
        return server

    yield start
    for server in started:
        await server.shutdown()


@pytest.fixture
async def connect() -> AsyncIterator[Connect]:
    """Open connections that end with the test."""
    writers: list[asyncio.StreamWriter] = []

    async def open_one(server: HttpServer) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        reader, writer = await asyncio.open_connection(server.endpoint.host, server.endpoint.port)
        writers.append(writer)
        return reader, writer

    yield open_one
    for writer in writers:
        writer.transport.abort()
        with suppress(ConnectionError):
            await writer.wait_closed()


@pytest.mark.parametrize("sent", [b"", b"GET", b"GET / HTTP/1.1\r\nHost: te"], ids=["nothing", "a word", "half"])
async def test_headers_that_do_not_come_close_the_connection(serve: Serve, connect: Connect, sent: bytes) -> None:
    """I20: whoever opens a connection and does not say what for loses it."""
    reader, writer = await connect(await serve(HttpLimits(read_header_timeout_s=0.05)))
    writer.write(sent)

    assert b"" == await reader.read()


async def test_headers_that_come_byte_by_byte_close_the_connection(serve: Serve, connect: Connect) -> None:
    """I20: that something comes does not help."""
    reader, writer = await connect(await serve(HttpLimits(read_header_timeout_s=0.2)))

    async def drip() -> None:
        writer.write(b"GET / HTTP/1.1\r\nX: ")
        while True:
            writer.write(b"X")
            await asyncio.sleep(0.01)

    dripping = asyncio.ensure_future(drip())
    try:
        assert b"" == await reader.read()
    except ConnectionResetError:
        pass  # a drop was on its way
    finally:
        dripping.cancel()


async def test_later_requests_have_a_timer_too(serve: Serve, connect: Connect) -> None:
    """A connection does not earn the right to be slow; idle, it may wait much longer."""
    reader, writer = await connect(await serve(HttpLimits(read_header_timeout_s=0.05, idle_timeout_s=3600)))
    for _ in range(2):
        writer.write(GET)
        assert (await reader.readuntil(b"hello")).startswith(b"HTTP/1.1 200 OK")
        await asyncio.sleep(0.1)
    writer.write(GET[:-2])

    assert b"" == await reader.read()


async def test_idle_connections_are_closed(serve: Serve, connect: Connect) -> None:
    """After an answer a connection may wait for so long."""
    reader, writer = await connect(await serve(HttpLimits(idle_timeout_s=0.05)))
    writer.write(GET)
    await reader.readuntil(b"hello")

    assert b"" == await reader.read()


async def test_who_does_not_read_the_answer_loses_the_connection(serve: Serve, connect: Connect) -> None:
    """What has been sent until then is not the whole of it."""
    server = await serve(HttpLimits(write_timeout_s=0.05))
    reader, writer = await connect(server)
    writer.write(GET.replace(b"/ ", b"/large "))
    await asyncio.sleep(0.2)  # long enough for the server to see that nobody reads
    received = 0
    try:
        while chunk := await reader.read(1 << 20):
            received += len(chunk)
    except ConnectionResetError:
        pass

    assert received < len(LARGE)


async def test_connections_are_limited(serve: Serve, connect: Connect, caplog: pytest.LogCaptureFixture) -> None:
    """S12: one more than there may be is told to come again; when one has gone it is let in. One line in the log."""
    server = await serve(HttpLimits(max_connections=2))
    held = [await connect(server) for _ in range(2)]
    for reader, writer in held:
        writer.write(GET)
        await reader.readuntil(b"hello")
    for _ in range(3):
        refused, _ = await connect(server)
        answer = await refused.read()
        assert answer.startswith(b"HTTP/1.1 503 Service Unavailable\r\n")
        assert b"\r\nRetry-After: 1\r\n" in answer
    held[0][1].close()
    await held[0][1].wait_closed()
    answer = b""
    while not answer.endswith(b"hello"):  # until the server has seen it go
        reader, writer = await connect(server)
        writer.write(GET.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n"))
        answer = await reader.read()

    assert ["extensions.test.endpoint: 2 connections are open; further ones are refused"] == [
        record.getMessage() for record in caplog.records
    ]


async def test_old_connections_are_closed_with_their_next_answer(serve: Serve, connect: Connect) -> None:
    """So that load is spread anew; the client learns of it from the answer, and loses nothing."""
    reader, writer = await connect(await serve(HttpLimits(max_age_s=1e-9)))
    writer.write(b"GET / HTTP/1.1\r\nHost: test\r\n\r\n")

    answer = await reader.read()

    assert b"Connection: close" in answer
    assert answer.endswith(b"hello")
