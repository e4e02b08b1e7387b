"""Transports that guard a provider's client without touching its code.

    client = otel_llm.budget.Client()
    guarded = httpx2.Client(transport=GuardedTransport(client, dimensions={"route": "support_bot"}))
    openai.OpenAI(http_client=guarded)

Before a call leaves, it is reserved; a refusal is answered 429 in the provider's form, with the header by which the
`openai` and `anthropic` packages do not try again. What a call has used is settled when its answer has passed.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, Final, TypeAlias

import httpx2

from otel_llm.budget.client.calls import ProviderCall, UsageReader, read_call
from otel_llm.budget.client.reservation import BudgetExceeded, BudgetUnavailable, Reservation

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator

    from otel_llm.budget.client.client import AsyncClient, Client

__all__ = ["AsyncGuardedTransport", "GuardedTransport"]

Dimensions: TypeAlias = Mapping[str, str] | Callable[[], Mapping[str, str]] | None

_BAD: Final = 400
_EVENTS: Final = "text/event-stream"


class GuardedTransport(httpx2.BaseTransport):
    """Reserves before a call, settles after it. Whatever is no call passes."""

    def __init__(
        self, client: Client, transport: httpx2.BaseTransport | None = None, *, dimensions: Dimensions = None
    ) -> None:
        """Take a client, and the transport to guard.

        Args:
            client: Asks the budgets. It is not closed here.
            transport: Sends what is let through; by default httpx2's own.
            dimensions: Whom the calls are for, or what returns that when a call is made.
        """
        self._client = client
        self._inner = transport or httpx2.HTTPTransport()
        self._dimensions = _callable(dimensions)

    def handle_request(self, request: httpx2.Request) -> httpx2.Response:
        """Send a request, if the budgets let it through."""
        call = read_call(request, request.read())
        if call is None:
            return self._inner.handle_request(request)
        try:
            reservation = self._client.reserve(call.model, dimensions=self._dimensions(), **_question(call))
        except (BudgetExceeded, BudgetUnavailable) as error:
            return _refusal(error)
        try:
            response = self._inner.handle_request(_as_decided(request, call, reservation))
        except BaseException:
            self._client.release(reservation)
            raise
        if response.status_code >= _BAD:
            self._client.release(reservation)
            return response
        return _with_stream(response, _Settling(response, self._client, reservation))

    def close(self) -> None:
        """Close the transport that is guarded."""
        self._inner.close()


class AsyncGuardedTransport(httpx2.AsyncBaseTransport):
    """The same for asyncio."""

    def __init__(
        self, client: AsyncClient, transport: httpx2.AsyncBaseTransport | None = None, *, dimensions: Dimensions = None
    ) -> None:
        """Take a client, and the transport to guard; see `GuardedTransport`."""
        self._client = client
        self._inner = transport or httpx2.AsyncHTTPTransport()
        self._dimensions = _callable(dimensions)

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        """Send a request, if the budgets let it through."""
        call = read_call(request, await request.aread())
        if call is None:
            return await self._inner.handle_async_request(request)
        try:
            reservation = await self._client.reserve(call.model, dimensions=self._dimensions(), **_question(call))
        except (BudgetExceeded, BudgetUnavailable) as error:
            return _refusal(error)
        try:
            response = await self._inner.handle_async_request(_as_decided(request, call, reservation))
        except BaseException:
            await self._client.release(reservation)
            raise
        if response.status_code >= _BAD:
            await self._client.release(reservation)
            return response
        return _with_stream(response, _AsyncSettling(response, self._client, reservation))

    async def aclose(self) -> None:
        """Close the transport that is guarded."""
        await self._inner.aclose()


class _Reading:
    """Reads what an answer says of its usage, while it passes."""

    def __init__(self, response: httpx2.Response) -> None:
        self._reader = UsageReader()
        self._is_stream = response.headers.get("Content-Type", "").startswith(_EVENTS)
        self._whole = bytearray()
        self._settled = False

    def _see(self, chunk: bytes) -> None:
        if self._is_stream:
            self._reader.feed_event_stream(chunk)
        else:
            self._whole += chunk

    def _end(self) -> dict[str, Any] | None:
        """Return what to settle; None if that is not known, or has been done. The call's span will say it then."""
        if self._settled:
            return None
        self._settled = True
        if not self._is_stream:
            self._reader.feed_json(bytes(self._whole))
        return self._reader.usage


class _Settling(_Reading, httpx2.SyncByteStream):
    """An answer's content, settled at its end."""

    def __init__(self, response: httpx2.Response, client: Client, reservation: Reservation) -> None:
        super().__init__(response)
        self._stream: Any = response.stream
        self._client = client
        self._reservation = reservation

    def __iter__(self) -> Iterator[bytes]:
        for chunk in self._stream:
            self._see(chunk)
            yield chunk

    def close(self) -> None:
        self._stream.close()
        usage = self._end()
        if usage is not None:
            self._client.settle(self._reservation, **usage)


class _AsyncSettling(_Reading, httpx2.AsyncByteStream):
    """The same for asyncio."""

    def __init__(self, response: httpx2.Response, client: AsyncClient, reservation: Reservation) -> None:
        super().__init__(response)
        self._stream: Any = response.stream
        self._client = client
        self._reservation = reservation

    async def __aiter__(self) -> AsyncIterator[bytes]:
        async for chunk in self._stream:
            self._see(chunk)
            yield chunk

    async def aclose(self) -> None:
        await self._stream.aclose()
        usage = self._end()
        if usage is not None:
            await self._client.settle(self._reservation, **usage)


def _callable(dimensions: Dimensions) -> Callable[[], Mapping[str, str]]:
    if callable(dimensions):
        return dimensions
    fixed = dict(dimensions or {})
    return lambda: fixed


def _question(call: ProviderCall) -> dict[str, Any]:
    return {
        "provider": call.provider,
        "input_text": call.input_text,
        "max_output_tokens": call.max_output_tokens,
    }


def _as_decided(request: httpx2.Request, call: ProviderCall, reservation: Reservation) -> httpx2.Request:
    """Return the request to the model that was decided on, asking for an answer that can be read as it passes."""
    content = request.content if reservation.model == call.model else call.with_model(reservation.model)
    headers = [(key, value) for key, value in request.headers.multi_items() if key.lower() not in _REPLACED]
    return httpx2.Request(
        request.method,
        request.url,
        headers=[*headers, ("Accept-Encoding", "identity")],
        content=content,
        extensions=request.extensions,
    )


_REPLACED: Final = frozenset({"content-length", "accept-encoding", "transfer-encoding"})


def _with_stream(response: httpx2.Response, stream: httpx2.SyncByteStream | httpx2.AsyncByteStream) -> httpx2.Response:
    return httpx2.Response(
        response.status_code, headers=response.headers, stream=stream, extensions=response.extensions
    )


def _refusal(error: BudgetExceeded | BudgetUnavailable) -> httpx2.Response:
    body = error.body if isinstance(error, BudgetExceeded) else {"error": "budget_unavailable"}
    kind = body.get("error", "budget_exceeded")
    headers = {"x-should-retry": "false"}
    if body.get("retry_after_s") is not None:
        headers["Retry-After"] = str(body["retry_after_s"])
    detail = {**body, "type": kind, "code": kind, "message": str(error)}
    content = json.dumps({"type": "error", "error": detail}).encode()
    return httpx2.Response(429, headers={**headers, "Content-Type": "application/json"}, content=content)
