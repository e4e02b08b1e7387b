"""A backend that misbehaves on command, and knows of every span what became of it here."""

from __future__ import annotations

import asyncio
import random
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from enum import Enum, auto
from typing import TYPE_CHECKING, Any, Final, Literal, NamedTuple, Self

import grpc
import grpc.aio
from aiohttp import web

from otel_llm.otlp_response import retry_trailers, success
from otel_llm.signals import Signal
from tests.faults.network import Door
from tests.faults.wire import Kept, spans_in

if TYPE_CHECKING:
    from types import TracebackType

__all__ = ["TAKE", "Arrival", "Behaviour", "Fate", "Reply", "Sink", "at_random", "first"]


class Fate(Enum):
    """What a reply means for the spans of a request, by the OTLP specification."""

    TAKEN = auto()
    LATER = auto()
    """Refused, and may be sent again."""
    NEVER = auto()
    """Refused, and must not be sent again."""


@dataclass(frozen=True)
class Reply:
    """How a request is answered."""

    code: grpc.StatusCode | int = 200
    """A status of gRPC or of HTTP, as the sink speaks. 200 is success in both."""
    body: bytes = b""
    headers: Mapping[str, str | bytes] = field(default_factory=dict)
    """Trailers, for gRPC."""
    after_s: float | None = None
    """Asks to come back then, in the words of the protocol."""
    details: str = ""
    """gRPC's `grpc-message`."""
    rejected: int = 0
    """How many of the spans are not taken although the rest is."""
    delay_s: float = 0.0
    """Between taking the spans and answering."""
    reset: bool = False
    """Break off all connections in place of answering."""

    @property
    def content(self) -> bytes:
        """The body; where spans are rejected, the response that says so."""
        return success(Signal.TRACES, self.rejected, "rejected", "protobuf") if self.rejected else self.body

    @property
    def fate(self) -> Fate:
        """What OTLP says that it means."""
        if self.code in _SUCCESS:
            return Fate.TAKEN
        asks = self.code is grpc.StatusCode.RESOURCE_EXHAUSTED and self.after_s is not None
        return Fate.LATER if self.code in _RETRYABLE or asks else Fate.NEVER


_SUCCESS: Final = {grpc.StatusCode.OK, *range(200, 300)}
_RETRYABLE: Final = {
    *(429, 502, 503, 504),
    grpc.StatusCode.CANCELLED,
    grpc.StatusCode.DEADLINE_EXCEEDED,
    grpc.StatusCode.ABORTED,
    grpc.StatusCode.OUT_OF_RANGE,
    grpc.StatusCode.UNAVAILABLE,
    grpc.StatusCode.DATA_LOSS,
}


class Arrival(NamedTuple):
    """One request that has come in whole."""

    at: float
    """`time.monotonic()`."""
    ids: Sequence[bytes]
    """Its spans'."""
    headers: Mapping[str, Any]
    """Or metadata; names in lower case."""
    path: str
    """Empty for gRPC."""
    body: bytes


Behaviour = Callable[[Arrival], Reply]


def TAKE(_: Arrival) -> Reply:  # noqa: N802 - used as the constant that it is
    """Take everything."""
    return Reply()


def at_random(share: float, reply: Reply) -> Behaviour:
    """Answer that share of requests with *reply*, and take the others."""
    dice = random.Random(4)
    return lambda _: reply if dice.random() < share else Reply()


def first(times: int, reply: Reply) -> Behaviour:
    """Answer so many requests with *reply*, and take those after them."""
    left = iter(range(times))
    return lambda _: Reply() if next(left, None) is None else reply


class Sink:
    """A server of OTLP/gRPC or OTLP/HTTP behind a door, from `async with` to its end."""

    def __init__(self, transport: Literal["grpc", "http"], grpc_options: Sequence[tuple[str, int]] = ()) -> None:
        self.behave: Behaviour = TAKE
        """How the next requests are answered."""
        self.door = Door()
        self.arrivals: list[Arrival] = []
        self.spans: dict[bytes, Kept] = {}
        """What was taken, as it came first."""
        self.times: Counter[bytes] = Counter()
        """How often each span was taken."""
        self.refused: set[bytes] = set()
        """Spans of requests that were refused for good."""
        self.not_owed: set[bytes] = set()
        """Spans that were acknowledged while it was no destination."""
        self.changed: set[bytes] = set()
        """Spans that came again and were not the same."""
        self.under_way = self.most_under_way = 0
        self._start = self._start_grpc if transport == "grpc" else self._start_http
        self._grpc_options = tuple(grpc_options)
        self._running = AsyncExitStack()
        scheme = "" if transport == "grpc" else "http://"
        self.endpoint = f"{scheme}127.0.0.1:{self.door.port}"
        """As an exporter is configured."""

    @property
    def duplicates(self) -> int:
        """How many spans were taken more than once, counted as often as they were too many."""
        return self.times.total() - len(self.times)

    async def restart(self) -> None:
        """Let a new server take new connections, and the old one finish what it has (gRPC: GOAWAY)."""
        old = self._running
        await self._start()
        await old.aclose()

    async def __aenter__(self) -> Self:
        await self._start()
        await self.door.open()
        return self

    async def __aexit__(
        self, _type: type[BaseException] | None, _error: BaseException | None, _at: TracebackType | None
    ) -> None:
        await self.door.__aexit__(None, None, None)
        await self._running.aclose()

    async def _start_grpc(self) -> None:
        server = grpc.aio.server(handlers=[_Export(self._serve_grpc)], options=(*_GRPC, *self._grpc_options))
        self.door.target_port = server.add_insecure_port("127.0.0.1:0")
        await server.start()
        self._running = AsyncExitStack()
        self._running.push_async_callback(server.stop, 1.0)

    async def _start_http(self) -> None:
        runner = web.ServerRunner(web.Server(self._serve_http, access_log=None), shutdown_timeout=1.0)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        self.door.target_port = runner.addresses[0][1]
        self._running = AsyncExitStack()
        self._running.push_async_callback(runner.cleanup)

    async def _serve_grpc(self, body: bytes, context: grpc.aio.ServicerContext[bytes, bytes]) -> bytes:
        metadata = {str(key): value for key, value in context.invocation_metadata() or ()}
        reply = await self._answer(body, metadata, "")
        if reply.fate is not Fate.TAKEN:
            assert isinstance(reply.code, grpc.StatusCode)
            trailers = (*reply.headers.items(), *retry_trailers(reply.code.value[0], "", reply.after_s)[:1])
            await context.abort(reply.code, reply.details, trailers)
        return reply.content

    async def _serve_http(self, request: web.BaseRequest) -> web.StreamResponse:
        headers = {name.lower(): value for name, value in request.headers.items()}
        reply = await self._answer(await request.read(), headers, request.path)
        assert isinstance(reply.code, int)
        answer = {"content-type": "application/x-protobuf", **reply.headers}
        if reply.after_s is not None:
            answer["retry-after"] = f"{reply.after_s:.0f}"
        return web.Response(status=reply.code, body=reply.content, headers={k: str(v) for k, v in answer.items()})

    async def _answer(self, body: bytes, headers: Mapping[str, Any], path: str) -> Reply:
        spans = dict(spans_in(body))
        arrival = Arrival(time.monotonic(), tuple(spans), headers, path, body)
        self.arrivals.append(arrival)
        reply = self.behave(arrival)
        if reply.fate is Fate.TAKEN:
            self.refused.update(arrival.ids[: reply.rejected])
            self._take({span_id: spans[span_id] for span_id in arrival.ids[reply.rejected :]})
        elif reply.fate is Fate.NEVER:
            self.refused.update(spans)
        self.under_way += 1
        self.most_under_way = max(self.most_under_way, self.under_way)
        try:
            await asyncio.sleep(reply.delay_s)
        finally:
            self.under_way -= 1
        if reply.reset:
            self.door.reset()
        return reply

    def _take(self, spans: Mapping[bytes, Kept]) -> None:
        for span_id, kept in spans.items():
            if self.spans.setdefault(span_id, kept) != kept:
                self.changed.add(span_id)
        self.times.update(spans.keys())


_GRPC: Final = (("grpc.so_reuseport", 0), ("grpc.max_receive_message_length", -1), ("grpc.max_send_message_length", -1))


class _Export(grpc.GenericRpcHandler):
    """Serves every method with messages as bytes."""

    def __init__(self, serve: Callable[[bytes, Any], Any]) -> None:
        self._method: grpc.RpcMethodHandler[bytes, bytes] = grpc.unary_unary_rpc_method_handler(serve)

    def service(self, _details: grpc.HandlerCallDetails) -> grpc.RpcMethodHandler[bytes, bytes]:
        return self._method
