"""What OTLP/HTTP allows a sender in time and in headers."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import TYPE_CHECKING

import pytest
from google.rpc.status_pb2 import Status  # type: ignore[import-untyped]  # has no stubs

from otel_llm.http_connection import HttpLimits
from otel_llm.receivers.otlp.config import HttpConfig
from tests.receivers.http_client import PROTOBUF, exchange, post, url_of

if TYPE_CHECKING:
    from otel_llm.telemetry import Meter
    from tests.receivers.conftest import Door, Start


def limited(setting: str) -> str:
    """Return a receiver's settings with one of HTTP's."""
    return f"protocols: {{http: {{endpoint: 127.0.0.1:0, {setting}}}}}"


def test_settings_are_those_of_the_connections() -> None:
    """The Collector's keys, and one of ours."""
    config = HttpConfig.model_validate(
        {"read_header_timeout": "1s", "write_timeout": "2s", "idle_timeout": "3s", "max_connections": 4}
    )

    assert HttpLimits(1, 2, 3, 4) == config.limits
    assert HttpLimits() == HttpConfig().limits


async def test_slow_headers_close_the_connection(start: Start) -> None:
    """I20: nothing is answered, because nothing was asked."""
    url = await url_of(start, limited("read_header_timeout: 50ms"))

    assert b"" == await exchange(url, b"POST /v1/traces HTTP/1.1\r\nHost")


@pytest.mark.parametrize("coding", [{}, {"Content-Encoding": "gzip"}])
async def test_slow_body_is_answered_408_and_closed(
    start: Start, door: Door, meter: Meter, coding: dict[str, str]
) -> None:
    """I20: a body that does not come to its end in time is refused, and counted."""
    url = await url_of(start, limited("read_timeout: 50ms"))
    keep_alive = post(PROTOBUF | coding | {"Content-Length": "9"}).replace(b"Connection: close\r\n", b"")
    head, _, content = (await exchange(url, keep_alive, b"\x1f\x8b")).partition(b"\r\n\r\n")

    assert head.startswith(b"HTTP/1.1 408 ")
    assert 4 == Status.FromString(content).code
    assert [] == door.requests
    assert 1 == meter.value("receiver_requests_total", receiver="otlp", transport="http", code="4")


async def test_time_to_be_processed_is_not_the_senders(start: Start, door: Door) -> None:
    """Timers stop when the whole request has come, however long its answer takes."""
    url = await url_of(start, limited("read_timeout: 50ms, read_header_timeout: 50ms, idle_timeout: 50ms"))
    door.open.clear()
    asyncio.get_running_loop().call_later(0.2, door.open.set)

    assert (await exchange(url, post(PROTOBUF | {"Content-Length": "5"}, b"spans"))).startswith(b"HTTP/1.1 200 OK")


@pytest.mark.parametrize(
    "request_",
    [
        pytest.param(post({"X": "a" * 1_000_000}), id="header of 1 MB"),
        pytest.param(post({f"X-{i}": "a" for i in range(10_000)}), id="10 000 headers"),
        pytest.param(post({}, path="/" + "a" * 1_000_000), id="path of 1 MB"),
    ],
)
async def test_headers_are_limited(start: Start, door: Door, request_: bytes) -> None:
    """I19: what is too much for a request's head is refused before all of it has come."""
    url = await url_of(start)
    answer = b""
    with suppress(ConnectionError):  # closed with the rest on its way, which may take the answer along
        answer = await exchange(url, request_)

    assert answer == b"" or answer.startswith(b"HTTP/1.0 400 Bad Request\r\n")
    assert [] == door.requests
