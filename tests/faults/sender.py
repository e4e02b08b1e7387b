"""Clients as the OTLP specification wants them, which remember what became of every span."""

from __future__ import annotations

import asyncio
import random
import time
from collections import Counter
from contextlib import AsyncExitStack, asynccontextmanager
from enum import Enum, auto
from itertools import count, cycle
from typing import TYPE_CHECKING, Any, Final, Literal, NamedTuple, Self

import aiohttp
import grpc
import grpc.aio
from google.rpc.status_pb2 import Status  # type: ignore[import-untyped]  # has no stubs
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceResponse

from otel_llm.otlp_response import read_retry_after
from otel_llm.signals import Signal
from tests.faults.wire import Kept, Request, new_request

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator
    from types import TracebackType

__all__ = ["CREDENTIALS", "Answer", "Ledger", "Sender", "Transport"]

Transport = Literal["grpc", "http"]

CREDENTIALS: Final = "canary-sender-7d793037a076"
"""Sent with every request; for the gateway alone."""

_TIMEOUT_S: Final = 10.0
"""For one attempt, as SDKs have it."""

_PROTOBUF: Final = "application/x-protobuf"
_METADATA: Final = {"authorization": f"Bearer {CREDENTIALS}"}
_RETRYABLE: Final = {1, 4, 10, 11, 14, 15, 429, 502, 503, 504}
"""Statuses of gRPC and HTTP after which OTLP lets a client send again; RESOURCE_EXHAUSTED only with RetryInfo."""
_RESOURCE_EXHAUSTED: Final = 8
_GRPC_RETRIES: Final = {"grpc-status-details-bin", "google.rpc.retryinfo-bin"}
_NOT_CONNECTED: Final = "failed to connect"
"""How gRPC's details begin where a request could not even be sent."""
_CHANNEL: Final = (
    ("grpc.initial_reconnect_backoff_ms", 100),
    ("grpc.max_reconnect_backoff_ms", 300),
    ("grpc.enable_retries", 0),
)


class Answer(NamedTuple):
    """What the gateway said to one attempt."""

    transport: Transport
    code: int
    """Of gRPC, or of HTTP."""
    after_s: float | None = None
    """When to come back, if it said so."""

    @property
    def taken(self) -> bool:
        """Whether it was a success."""
        return self.code in (0, 200)

    @property
    def retryable(self) -> bool:
        """Whether a client may send the same again."""
        return self.code in _RETRYABLE or (self.code == _RESOURCE_EXHAUSTED and self.after_s is not None)


class Silence(Enum):
    """Why there was no answer to an attempt."""

    UNSENT = auto()
    """There was no connection."""
    BROKEN = auto()
    """The connection broke, or nothing came in time: it may have been taken."""


class Ledger:
    """What was sent, and what the gateway said to it."""

    def __init__(self) -> None:
        self.spans: dict[bytes, Kept] = {}
        """All that were sent."""
        self.acked: set[bytes] = set()
        """Those that the gateway answers for."""
        self.refused: set[bytes] = set()
        """Those that it refused for good."""
        self.given_up: set[bytes] = set()
        """Those that it asked to come back with, until the client had no more patience."""
        self.unanswered: Counter[bytes] = Counter()
        """Attempts of each span that may have been taken, although no answer came; it is sent again."""
        self.answers: Counter[Answer] = Counter()
        self.refused_items = 0
        """Spans in attempts that were refused, for now or for good."""
        self.complaints: list[str] = []
        """Answers that are not as OTLP wants them."""
        self.words: set[str] = set()
        """All that the gateway said beside statuses: bodies and details."""

    def codes(self) -> Counter[tuple[Transport, int]]:
        """Return how often each status was answered."""
        codes: Counter[tuple[Transport, int]] = Counter()
        for answer, times in self.answers.items():
            codes[answer.transport, answer.code] += times
        return codes


class Sender:
    """Sends over gRPC and HTTP. Comes back as long as it is asked to, for *patience_s* seconds."""

    def __init__(self, grpc_port: int, http_port: int, patience_s: float = 10.0) -> None:
        self.ledger = Ledger()
        self.patience_s = patience_s
        self._ports = {"grpc": grpc_port, "http": http_port}
        self._attempts = {"grpc": self._attempt_grpc, "http": self._attempt_http}
        self._turns: Iterator[Transport] = cycle(("grpc", "http"))
        self._stack = AsyncExitStack()

    async def send(self, spans: int = 10, transport: Transport | None = None, **request: Any) -> Request:
        """Send that many new spans, by either transport in turn; return when nothing more will become of them."""
        made = new_request(spans, **request)
        await self.deliver(made, next(self._turns) if transport is None else transport)
        return made

    async def load(self, seconds: float, requests_per_s: float = 20, spans: int = 50, **request: Any) -> None:
        """Send for that time, whatever is answered; return when nothing more will become of any."""
        async with self.loading(requests_per_s, spans, **request):
            await asyncio.sleep(seconds)

    @asynccontextmanager
    async def loading(self, requests_per_s: float = 20, spans: int = 50, **request: Any) -> AsyncIterator[None]:
        """Send as long as the block lasts, whatever is answered; wait until nothing more will become of any."""
        async with asyncio.TaskGroup() as under_way:

            async def begin() -> None:
                started = time.monotonic()
                for number in count(1):
                    under_way.create_task(self.send(spans, **request))
                    await asyncio.sleep(started + number / requests_per_s - time.monotonic())

            beginning = under_way.create_task(begin())
            yield
            beginning.cancel()

    async def deliver(self, request: Request, transport: Transport) -> None:
        """Send a request until it is taken, refused for good, or patience ends."""
        ledger, ids = self.ledger, request.spans.keys()
        ledger.spans.update(request.spans)
        deadline = time.monotonic() + self.patience_s
        while True:
            answer = await self._attempts[transport](request.body)
            if answer is Silence.BROKEN:
                ledger.unanswered.update(ids)
            elif isinstance(answer, Answer):
                ledger.answers[answer] += 1
                if answer.taken:
                    ledger.acked.update(ids)
                    return
                ledger.refused_items += len(ids)
                if not answer.retryable:
                    ledger.refused.update(ids)
                    return
            wait_s = (answer.after_s if isinstance(answer, Answer) else None) or random.uniform(0.1, 0.3)
            if time.monotonic() + wait_s > deadline:
                ledger.given_up.update(ids)
                return
            await asyncio.sleep(wait_s)

    async def __aenter__(self) -> Self:
        channel = grpc.aio.insecure_channel(f"127.0.0.1:{self._ports['grpc']}", _CHANNEL)
        await self._stack.enter_async_context(channel)
        self._export: grpc.aio.UnaryUnaryMultiCallable[bytes, bytes] = channel.unary_unary(Signal.TRACES.grpc_method)
        self._http = await self._stack.enter_async_context(
            aiohttp.ClientSession(
                f"http://127.0.0.1:{self._ports['http']}",
                timeout=aiohttp.ClientTimeout(total=_TIMEOUT_S),
                headers={**_METADATA, "content-type": _PROTOBUF},
            )
        )
        return self

    async def __aexit__(
        self, _type: type[BaseException] | None, _error: BaseException | None, _at: TracebackType | None
    ) -> None:
        await self._stack.aclose()

    async def _attempt_grpc(self, body: bytes) -> Answer | Silence:
        try:
            response = await self._export(body, timeout=_TIMEOUT_S, metadata=tuple(_METADATA.items()))
        except grpc.aio.AioRpcError as error:
            return self._grpc_refusal(error)
        self._read_success(response)
        return Answer("grpc", 0)

    def _grpc_refusal(self, error: grpc.aio.AioRpcError) -> Answer | Silence:
        code: int = error.code().value[0]
        trailers = dict(error.trailing_metadata() or ())
        if error.code() in _OF_THE_CLIENT and not trailers:
            # No answer came: these are the client's own words for that.
            return Silence.UNSENT if (error.details() or "").startswith(_NOT_CONNECTED) else Silence.BROKEN
        self.ledger.words.add(error.details() or "")
        after_s = read_retry_after(trailers.items())
        if error.code() is grpc.StatusCode.UNAVAILABLE and not (after_s and trailers.keys() >= _GRPC_RETRIES):
            self.ledger.complaints.append(f"UNAVAILABLE with trailers {sorted(map(str, trailers))}")
        if not error.details():
            self.ledger.complaints.append(f"{error.code().name} without a word")
        return Answer("grpc", code, after_s)

    async def _attempt_http(self, body: bytes) -> Answer | Silence:
        try:
            async with self._http.post(Signal.TRACES.http_path, data=body) as response:
                content = await response.read()
        except aiohttp.ClientConnectorError:
            return Silence.UNSENT
        except (aiohttp.ClientError, TimeoutError, OSError):
            return Silence.BROKEN
        if response.content_type != _PROTOBUF:
            self.ledger.complaints.append(f"HTTP {response.status} as {response.content_type}")
        if response.status == 200:
            self._read_success(content)
            return Answer("http", 200)
        status = Status.FromString(content)
        self.ledger.words.add(status.message)
        after = response.headers.get("retry-after")
        if not status.code or not status.message:
            self.ledger.complaints.append(f"HTTP {response.status} without a Status that says why")
        if (response.status in _RETRYABLE) != (after is not None):
            self.ledger.complaints.append(f"HTTP {response.status} with Retry-After: {after}")
        return Answer("http", response.status, None if after is None else float(after))

    def _read_success(self, content: bytes) -> None:
        """Every span sent here is valid: a success takes all of them, and says nothing more."""
        if ExportTraceServiceResponse.FromString(content).HasField("partial_success"):
            self.ledger.complaints.append("partial success for a request of valid spans")


_OF_THE_CLIENT: Final = {
    grpc.StatusCode.UNAVAILABLE,
    grpc.StatusCode.DEADLINE_EXCEEDED,
    grpc.StatusCode.CANCELLED,
}
"""What gRPC says when the connection breaks, is refused, or nothing comes in time."""
