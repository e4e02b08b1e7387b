"""Backends that answer as a test tells them, and the way to them: real servers, real delivery."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import Any, NamedTuple

import grpc
from aiohttp import web

from otel_llm.batch import Batch
from otel_llm.component import Exporter
from otel_llm.destination import Destination
from otel_llm.exporters.delivery import DeliveryConfig
from otel_llm.journal import Record
from otel_llm.journal.memory import MemoryJournal
from otel_llm.signals import Signal
from otel_llm.telemetry import Meter

Trailers = Sequence[tuple[str, str | bytes]]


class GrpcAnswer(NamedTuple):
    """What a `GrpcBackend` says."""

    code: grpc.StatusCode = grpc.StatusCode.OK
    trailers: Trailers = ()
    body: bytes = b""


class GrpcRequest(NamedTuple):
    """What came to a `GrpcBackend`."""

    method: str
    body: bytes
    metadata: dict[str, Any]


class GrpcBackend(grpc.GenericRpcHandler):
    """An OTLP/gRPC server that knows no message types."""

    def __init__(self) -> None:
        self.requests: list[GrpcRequest] = []
        self.answer: Callable[[], GrpcAnswer] = GrpcAnswer
        self.taken: list[bytes] = []
        self.endpoint = ""

    def service(self, handler_call_details: grpc.HandlerCallDetails) -> grpc.RpcMethodHandler[bytes, bytes]:
        """Take every method."""
        method = handler_call_details.method

        async def export(body: bytes, context: Any) -> bytes:
            self.requests.append(GrpcRequest(method, body, dict(context.invocation_metadata())))
            answer = self.answer()
            if answer.code is not grpc.StatusCode.OK:
                await context.abort(answer.code, "details of the backend", tuple(answer.trailers))
            self.taken.append(body)
            return answer.body

        return grpc.unary_unary_rpc_method_handler(export)


HttpAnswer = Callable[[web.Request], Awaitable[web.StreamResponse]]


class HttpRequest(NamedTuple):
    """What came to an `HttpBackend`."""

    path: str
    body: bytes
    headers: dict[str, str]


class HttpBackend:
    """An HTTP server."""

    def __init__(self) -> None:
        self.requests: list[HttpRequest] = []
        self.answer: HttpAnswer = http_answer(200)
        self.endpoint = ""

    async def handle(self, request: web.Request) -> web.StreamResponse:
        """Remember a request, and answer."""
        headers = {name.lower(): value for name, value in request.headers.items()}
        self.requests.append(HttpRequest(str(request.raw_path), await request.read(), headers))
        return await self.answer(request)


def http_answer(
    status: int, body: bytes = b"", content_type: str = "application/x-protobuf", **headers: str
) -> HttpAnswer:
    """Return an answer without surprises."""

    async def answer(_: web.Request) -> web.Response:
        names = {name.replace("_", "-"): value for name, value in headers.items()}
        return web.Response(status=status, body=body, headers={"content-type": content_type, **names})

    return answer


Start = Callable[[Exporter], Awaitable[Exporter]]


async def deliver(exporter: Exporter, payloads: Sequence[bytes], **retry: str) -> Meter:
    """Deliver trace requests as the host does, until nothing waits; return what was counted."""
    meter, journal = Meter(), MemoryJournal()
    config = {
        "timeout": "20s",
        "sending_queue": {"batch": {"flush_timeout": "1ms", "max_size": 1}},
        "retry_on_failure": {"initial_interval": "1ms", "max_interval": "2ms", **retry},
    }
    cursor = journal.open_cursor("backend", frozenset({"traces"}))
    destination = Destination("backend", exporter, cursor, DeliveryConfig.model_validate(config), meter)
    await destination.start()
    for payload in payloads:
        await journal.append([Record("traces", Signal.TRACES, Batch(payload).item_count, payload)])
    await destination.drain(60)
    await destination.shutdown()
    assert 0 == journal.used_bytes
    return meter
