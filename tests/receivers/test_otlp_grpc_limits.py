"""What OTLP/gRPC allows one connection, and how many there may be."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import grpc
import pytest

from otel_llm.signals import Signal
from tests.receivers.test_otlp_grpc import (
    DATA,
    END_HEADERS,
    GRPC,
    HEADERS,
    PREFACE,
    channel_to,
    connect,
    export,
    literal,
    refusal,
)

if TYPE_CHECKING:
    from otel_llm.component import Receiver
    from tests.receivers.conftest import Door, Start


def limited(setting: str) -> str:
    """Return a receiver's settings with one of gRPC's."""
    return f"protocols: {{grpc: {{endpoint: 127.0.0.1:0, {setting}}}}}"


def lifetime(**settings: str) -> str:
    """Return a receiver's settings with some of its connections' lifetime."""
    written = ", ".join(f"{key}: {value}" for key, value in settings.items())
    return limited(f"keepalive: {{server_parameters: {{{written}}}}}")


async def open_streams(receiver: Receiver, streams: int) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    """Begin so many requests on a connection of their own, and send no message on any."""
    fields = {
        ":method": "POST",
        ":scheme": "http",
        ":path": Signal.TRACES.grpc_method,
        ":authority": "test",
        "te": "trailers",
        "content-type": "application/grpc",
    }
    block = b"".join(literal(name.encode(), value.encode()) for name, value in fields.items())
    reader, writer = await connect(receiver)
    writer.write(PREFACE)
    for stream in range(1, 2 * streams, 2):
        writer.write(len(block).to_bytes(3) + bytes((HEADERS, END_HEADERS)) + stream.to_bytes(4) + block)
    return reader, writer


async def finished(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bytes:
    """Return what comes until the server closes the connection."""
    try:
        return await reader.read()
    finally:
        writer.close()
        with suppress(ConnectionError):
            await writer.wait_closed()


async def settled(tasks: int) -> None:
    """Wait until there are so many tasks again."""
    while len(asyncio.all_tasks()) > tasks:
        await asyncio.sleep(0.01)


async def test_streams_without_a_message_end_with_their_connection(start: Start, door: Door) -> None:
    """I3: gRPC for Python never answers them and keeps a task for each: until the connection is too old."""
    receiver = await start(lifetime(max_connection_age="300ms", max_connection_age_grace="100ms"))
    await export(receiver, b"first")  # what the server needs once is there then
    before = len(asyncio.all_tasks())
    reader, writer = await open_streams(receiver, 50)
    while len(asyncio.all_tasks()) < before + 50:
        await asyncio.sleep(0.01)

    assert b"" != await finished(reader, writer)
    await settled(before)
    assert [b"first"] == door.bodies


async def test_message_cut_short_ends_with_its_connection(start: Start, door: Door) -> None:
    """I3: a length of 100 and 5 bytes."""
    receiver = await start(lifetime(max_connection_age="300ms", max_connection_age_grace="100ms"))
    reader, writer = await open_streams(receiver, 1)
    cut = b"\x00\x00\x00\x00\x64hello"
    writer.write(len(cut).to_bytes(3) + bytes((DATA, 0)) + (1).to_bytes(4) + cut)

    assert b"" != await finished(reader, writer)
    assert [] == door.requests


async def test_idle_connections_are_closed(start: Start) -> None:
    """A client that asks for nothing is told to go, if the config says so."""
    reader, writer = await open_streams(await start(lifetime(max_connection_idle="100ms")), 0)

    assert b"connection idle" in await finished(reader, writer)


async def test_clients_do_not_notice_that_connections_age(start: Start, door: Door) -> None:
    """B13: they open a new one, and no request is lost."""
    receiver = await start(lifetime(max_connection_age="50ms", max_connection_age_grace="10s"))
    async with channel_to(receiver) as channel:
        call: grpc.aio.UnaryUnaryMultiCallable[bytes, bytes] = channel.unary_unary(Signal.TRACES.grpc_method)
        for _ in range(40):
            await call(b"spans", wait_for_ready=True)
            await asyncio.sleep(0.01)

    assert 40 == len(door.requests)


async def test_zero_is_no_limit(start: Start) -> None:
    """As in the Collector; gRPC itself would close everything at once."""
    receiver = await start(lifetime(max_connection_idle="0", max_connection_age="0", max_connection_age_grace="0"))

    assert b"" == await export(receiver, b"spans")


async def test_connections_are_limited(start: Start) -> None:
    """S12: one more than there may be is closed, and those that are open go on."""
    receiver = await start(limited("max_connections: 2"))
    async with channel_to(receiver) as channel:
        call: grpc.aio.UnaryUnaryMultiCallable[bytes, bytes] = channel.unary_unary(Signal.TRACES.grpc_method)
        await call(b"spans")
        held = await open_streams(receiver, 1)
        await held[0].readexactly(9)
        refused = await open_streams(receiver, 1)
        with suppress(ConnectionError):  # the same, while the server had not read what was sent
            assert b"" == await finished(*refused)
        assert b"" == await call(b"spans")
        held[1].close()
        await held[1].wait_closed()


@pytest.mark.parametrize(
    ("size", "code"), [(4_000, None), (20_000, grpc.StatusCode.RESOURCE_EXHAUSTED)], ids=["4 kB", "20 kB"]
)
async def test_metadata_is_limited(start: Start, door: Door, size: int, code: grpc.StatusCode | None) -> None:
    """I21: 20 kB never come to us: gRPC itself answers RESOURCE_EXHAUSTED. Between 8 and 16 kB it does so at random."""
    options: dict[str, Any] = {"metadata": (("x", "a" * size),)}
    receiver = await start(GRPC)
    if code is None:
        assert b"" == await export(receiver, b"spans", **options)
    else:
        assert code == (await refusal(receiver, b"spans", **options))[0]

    assert (code is None) == bool(door.requests)


async def test_a_client_that_cancels_is_forgotten(start: Start, door: Door) -> None:
    """What it asked for ends without an answer, and others are served."""
    receiver = await start(GRPC)
    door.open.clear()
    leaving = asyncio.ensure_future(export(receiver, b"leaves"))
    await door.entered.wait()
    leaving.cancel()
    with pytest.raises(asyncio.CancelledError):
        await leaving
    door.open.set()

    assert b"" == await export(receiver, b"stays")
    assert [b"leaves", b"stays"] == door.bodies
