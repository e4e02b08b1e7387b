"""Hostile requests at the doors of a running gateway, and what they make of its process."""

from __future__ import annotations

import re
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, Final

import grpc
import pytest
from aiohttp import ClientSession

from otel_llm.signals import Signal
from otel_llm.testing import make_request
from tests.admission.wire_format import field, in_span
from tests.e2e.gateway import run_gateway

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from tests.e2e.gateway import Gateway

MIB: Final = 1024 * 1024
CONFIG: Final = """
receivers:
  otlp: {protocols: {grpc: {endpoint: "127.0.0.1:0"}, http: {endpoint: "127.0.0.1:0"}}}
exporters: {debug: {}}
service:
  telemetry: {metrics: {endpoint: "127.0.0.1:0"}}
  pipelines:
    traces: {receivers: [otlp], exporters: [debug]}
"""
HUGE_ATTRIBUTE: Final = in_span(field(9, field(1, b"k") + field(2, field(1, b"x" * (60 * MIB)))))
EMPTY_SPANS: Final = field(1, field(2, field(2, b"") * 8_000_000))


def peak(gateway: Gateway) -> int:
    """Return the most resident memory that its process has had so far."""
    status = Path(f"/proc/{gateway.program._process.pid}/status").read_text("ascii")
    return int(re.findall(r"VmHWM:\s+(\d+) kB", status)[0]) * 1024


async def over_grpc(gateway: Gateway, body: bytes) -> int:
    """Send a request; return gRPC's status."""
    options = (("grpc.max_send_message_length", -1),)
    async with grpc.aio.insecure_channel(gateway.grpc_endpoint, options=options) as channel:
        call: grpc.aio.UnaryUnaryMultiCallable[bytes, bytes] = channel.unary_unary(Signal.TRACES.grpc_method)
        try:
            await call(body)
        except grpc.aio.AioRpcError as error:
            code: int = error.code().value[0]
            return code
    return 0


async def over_http(gateway: Gateway, body: bytes) -> int:
    """Send a request; return HTTP's status."""
    url = gateway.http_endpoint + Signal.TRACES.http_path
    headers = {"Content-Type": "application/x-protobuf"}
    async with ClientSession(headers=headers) as client, client.post(url, data=BytesIO(body)) as response:
        return response.status


@pytest.mark.parametrize(("send", "ok", "invalid"), [(over_grpc, 0, 3), (over_http, 200, 400)], ids=["grpc", "http"])
async def test_a_gateway_outlives_them_within_its_multiple(
    tmp_path: Path, send: Callable[[Gateway, bytes], Awaitable[int]], ok: int, invalid: int
) -> None:
    """I10, I30: a huge text is taken and many spans are not, for four times their bytes; then others are served."""
    async with run_gateway(tmp_path, CONFIG) as gateway:
        assert ok == await send(gateway, make_request({"a": 1}))
        before = peak(gateway)
        assert invalid == await send(gateway, EMPTY_SPANS)
        assert peak(gateway) - before <= 4 * len(EMPTY_SPANS)
        assert ok == await send(gateway, HUGE_ATTRIBUTE)
        assert peak(gateway) - before <= 4 * len(HUGE_ATTRIBUTE)
        assert ok == await send(gateway, make_request({"a": 1}))
