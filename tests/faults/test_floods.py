"""Clients that do not want an answer, but the gateway's time and memory (I18, S12): others are served."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import TYPE_CHECKING, Final

import pytest

from otel_llm.signals import Signal
from tests.e2e.program import eventually

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.faults.oracle import OracleWith

pytestmark = pytest.mark.faults

PREFACE: Final = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
DATA, HEADERS, RST_STREAM, SETTINGS, PING, WINDOW_UPDATE, CONTINUATION = 0, 1, 3, 4, 6, 8, 9
"""Types of frames (RFC 9113, section 6)."""
END_STREAM, END_HEADERS = 1, 4
INITIAL_WINDOW_SIZE: Final = 4
CANCEL: Final = (8).to_bytes(4)
STREAMS: Final = range(1, 10_000, 2)


def frame(kind: int, flags: int = 0, stream: int = 0, payload: bytes = b"") -> bytes:
    """Return a frame of HTTP/2."""
    return len(payload).to_bytes(3) + bytes((kind, flags)) + stream.to_bytes(4) + payload


def literal(name: str, value: str) -> bytes:
    """Return a header field that is not indexed (RFC 7541, section 6.2.2); both shorter than 127 bytes."""
    return b"\0" + bytes((len(name),)) + name.encode() + bytes((len(value),)) + value.encode()


REQUEST: Final = b"".join(
    literal(name, value)
    for name, value in {
        ":method": "POST",
        ":scheme": "http",
        ":path": Signal.TRACES.grpc_method,
        ":authority": "test",
        "te": "trailers",
        "content-type": "application/grpc",
    }.items()
)


def rapid_reset() -> Iterator[bytes]:
    """Ask and take it back, over and over (CVE-2023-44487)."""
    yield PREFACE + frame(SETTINGS)
    for stream in STREAMS:
        yield frame(HEADERS, END_HEADERS, stream, REQUEST) + frame(RST_STREAM, 0, stream, CANCEL)


def continuations() -> Iterator[bytes]:
    """Send headers that never end (VU#421644)."""
    yield PREFACE + frame(SETTINGS) + frame(HEADERS, 0, 1, REQUEST)
    for number in range(10_000):
        yield frame(CONTINUATION, 0, 1, literal(f"x-{number:08}", "x" * 100))


def pings() -> Iterator[bytes]:
    """Ask whether it is there, and hardly anything else."""
    yield PREFACE + frame(SETTINGS)
    for number in range(20_000):
        yield frame(PING, 0, 0, number.to_bytes(8))


def settings() -> Iterator[bytes]:
    """Change one's mind about everything."""
    yield PREFACE
    for number in range(10_000):
        yield frame(SETTINGS, 0, 0, INITIAL_WINDOW_SIZE.to_bytes(2) + number.to_bytes(4))


def no_window() -> Iterator[bytes]:
    """Ask, and let no byte of an answer through."""
    yield PREFACE + frame(SETTINGS, 0, 0, INITIAL_WINDOW_SIZE.to_bytes(2) + bytes(4))
    for stream in STREAMS:
        yield frame(HEADERS, END_HEADERS, stream, REQUEST) + frame(DATA, END_STREAM, stream, bytes(5))


def http_1() -> Iterator[bytes]:
    """Speak another protocol."""
    for _ in range(200):
        yield b"POST /v1/traces HTTP/1.1\r\nHost: test\r\nContent-Length: 0\r\n\r\n"


@pytest.mark.parametrize("flood", [rapid_reset, continuations, pings, settings, no_window, http_1])
async def test_s12(flood: Callable[[], Iterator[bytes]], oracle_with: OracleWith) -> None:
    """Eight connections do that as fast as they can: other clients are answered, memory stays, the log is quiet."""
    oracle = await oracle_with("otlp")
    await oracle.gateway.start()
    before = len(oracle.gateway.log.splitlines())

    async def attack() -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", oracle.gateway.ports["grpc"])
        reading = asyncio.create_task(reader.read())
        with suppress(OSError):
            for data in flood():
                writer.write(data)
                async with asyncio.timeout(1):  # one that is not read from any more has reached its end
                    await writer.drain()
        writer.transport.abort()
        with suppress(OSError):
            await reading

    async with oracle.sender.loading(), asyncio.TaskGroup() as attackers:
        for _ in range(8):
            attackers.create_task(attack())

    ledger = oracle.sender.ledger
    assert ledger.acked == ledger.spans.keys()
    assert not ledger.unanswered
    assert len(oracle.gateway.log.splitlines()) < before + 100
    assert oracle.gateway.rss_mib < oracle.gateway.base_mib + 100
    assert [] == oracle.violations(metrics=(await oracle.gateway.drained()).text)


async def test_s12_idle(oracle_with: OracleWith) -> None:
    """As many idle connections as there may be keep nobody out who is in; when they have gone everybody is served.

    Who is turned away at the HTTP port meanwhile is told 503 and when to come back, without a Status: nothing of what
    he wants has been read.
    """
    oracle = await oracle_with("otlp")
    await oracle.gateway.start()
    await oracle.sender.send(transport="grpc")

    idle = [
        await asyncio.open_connection("127.0.0.1", oracle.gateway.ports[port])
        for _ in range(1500)
        for port in ("grpc", "http")
    ]
    await oracle.sender.load(seconds=1, transport="grpc")
    assert 503 == (await oracle.gateway.get("http", "/"))[0]
    for _, writer in idle:
        writer.transport.abort()

    async def let_in() -> bool | None:
        return True if (await oracle.gateway.get("http", "/"))[0] == 404 else None

    await eventually(let_in, "others were let in", oracle.gateway.program)
    assert oracle.gateway.rss_mib < oracle.gateway.base_mib + 100
    assert [] == oracle.violations(metrics=(await oracle.gateway.drained()).text)
