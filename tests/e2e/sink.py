"""A backend that takes every OTLP request, over gRPC and HTTP, and keeps it as it came."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple, Self

import grpc
import grpc.aio
from aiohttp import web
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from otel_llm.signals import Signal
from tests.e2e.program import eventually

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from types import TracebackType

    from opentelemetry.proto.trace.v1.trace_pb2 import ResourceSpans, Span

__all__ = ["Received", "Sink"]

_SIGNAL_OF_METHOD: Final = {signal.grpc_method: signal for signal in Signal}


class Received(NamedTuple):
    """One export request."""

    signal: Signal
    transport: str
    """`grpc` or `http`."""
    body: bytes
    """Its message, decompressed."""
    path: str
    """The path of its URL."""
    headers: dict[str, str]
    """Its headers or metadata, by names in lower case."""


class Sink:
    """Listens from `async with` to its end."""

    def __init__(self) -> None:
        self.received: list[Received] = []
        self.grpc_endpoint = ""
        """`host:port`."""
        self.http_endpoint = ""
        """`http://host:port`."""
        self._grpc = grpc.aio.server(handlers=[_TakeAll(self.received.append)])
        self._http = web.AppRunner(self._application(), access_log=None)

    @property
    def resource_spans(self) -> list[ResourceSpans]:
        """What arrived as traces, in order."""
        requests = (each.body for each in self.received if each.signal is Signal.TRACES)
        return [group for body in requests for group in ExportTraceServiceRequest.FromString(body).resource_spans]

    async def spans(self, count: int) -> list[Span]:
        """Wait for *count* spans; return all, in order of their start."""

        async def arrived() -> list[Span] | None:
            spans = [span for group in self.resource_spans for scope in group.scope_spans for span in scope.spans]
            return sorted(spans, key=lambda span: span.start_time_unix_nano) if len(spans) >= count else None

        return await eventually(arrived, f"{count} spans at the sink")

    async def __aenter__(self) -> Self:
        port = self._grpc.add_insecure_port("127.0.0.1:0")
        await self._grpc.start()
        self.grpc_endpoint = f"127.0.0.1:{port}"
        await self._http.setup()
        await web.TCPSite(self._http, "127.0.0.1", 0).start()
        self.http_endpoint = f"http://127.0.0.1:{self._http.addresses[0][1]}"
        return self

    async def __aexit__(
        self, _type: type[BaseException] | None, _error: BaseException | None, _at: TracebackType | None
    ) -> None:
        await self._grpc.stop(None)
        await self._http.cleanup()

    def _application(self) -> web.Application:
        application = web.Application(client_max_size=64 * 1024 * 1024)

        def route(signal: Signal) -> Callable[[web.Request], Awaitable[web.Response]]:
            async def take(request: web.Request) -> web.Response:
                headers = {name.lower(): value for name, value in request.headers.items()}
                self.received.append(Received(signal, "http", await request.read(), request.path, headers))
                return web.Response(content_type="application/x-protobuf")

            return take

        for signal in Signal:
            application.router.add_post("/{prefix:.*}" + signal.http_path[1:], route(signal))
        return application


class _TakeAll(grpc.GenericRpcHandler):
    """Leaves messages as bytes, so that what is compared is what came over the wire."""

    def __init__(self, take: Callable[[Received], None]) -> None:
        self._take = take

    def service(self, details: grpc.HandlerCallDetails) -> grpc.RpcMethodHandler[bytes, bytes] | None:
        signal = _SIGNAL_OF_METHOD.get(details.method)
        if signal is None:
            return None

        async def take(body: bytes, context: grpc.aio.ServicerContext[bytes, bytes]) -> bytes:
            headers = {key: str(value) for key, value in context.invocation_metadata() or ()}
            self._take(Received(signal, "grpc", body, details.method, headers))
            return b""

        return grpc.unary_unary_rpc_method_handler(take)
