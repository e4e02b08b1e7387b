"""What one HTTP connection may take: time for its headers, time to be idle, and a place among a limited number.

aiohttp has no timer for headers and no limit on connections: whoever sends a byte a minute keeps a connection for ever.
How long a body may take is for whoever reads it.
"""

from __future__ import annotations

import asyncio
import logging
import random
from dataclasses import dataclass
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, Final, cast

from aiohttp import web

if TYPE_CHECKING:
    from aiohttp.abc import AbstractStreamWriter
    from aiohttp.http_parser import RawRequestMessage
    from aiohttp.streams import StreamReader

    from otel_llm.http_server import Handler

__all__ = ["Connections", "HttpLimits"]

_BUSY: Final = (
    b"HTTP/1.1 503 Service Unavailable\r\nServer: otel-llm\r\nRetry-After: 1\r\nContent-Length: 0\r\n"
    b"Connection: close\r\n\r\n"
)
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class HttpLimits:
    """Limits of one server's connections."""

    read_header_timeout_s: float = 10.0
    """For a request's headers, from its first byte on; on a new connection, from the beginning."""
    write_timeout_s: float = 30.0
    """For an answer to be taken."""
    idle_timeout_s: float = 120.0
    """Between an answer and the next request."""
    max_connections: int = 1024
    """Further ones are answered 503."""
    max_age_s: float = 300.0
    """A connection is closed with the first answer after so long, a tenth earlier or later: not all at once."""


class Connections(web.Server):
    """All connections of one server."""

    def __init__(self, name: str, handler: Handler, limits: HttpLimits, **options: Any) -> None:
        """Take *name* for the log, and options of aiohttp's `RequestHandler`."""
        super().__init__(handler, request_factory=self._request)
        self._name = name
        self._limits = limits
        self._options = options
        self._full = False

    def __call__(self) -> web.RequestHandler:
        """Return what serves one connection."""
        return _Connection(self, self._limits, self._loop, self._options)

    def has_room(self) -> bool:
        """Tell whether one connection more may be served; log when that changes."""
        full = len(self.connections) >= self._limits.max_connections
        if full and not self._full:
            _log.warning("%s: %d connections are open; further ones are refused", self._name, len(self.connections))
        self._full = full
        return not full

    def _request(
        self,
        message: RawRequestMessage,
        payload: StreamReader,
        protocol: web.RequestHandler,
        writer: AbstractStreamWriter,
        task: asyncio.Task[None],
    ) -> web.BaseRequest:
        cast("_Connection", protocol).headers_have_come()
        return web.BaseRequest(message, payload, protocol, writer, task, self._loop)


class _Connection(web.RequestHandler):
    __slots__ = ("_connections", "_header_timer", "_limits", "_old_at")

    def __init__(
        self, connections: Connections, limits: HttpLimits, loop: asyncio.AbstractEventLoop, options: dict[str, Any]
    ) -> None:
        super().__init__(connections, loop=loop, keepalive_timeout=limits.idle_timeout_s, **options)
        self._connections = connections
        self._limits = limits
        self._header_timer: asyncio.TimerHandle | None = None
        self._old_at = loop.time() + limits.max_age_s * random.uniform(0.9, 1.1)  # noqa: S311 - no secret

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        if self._connections.has_room():
            super().connection_made(transport)
            self._expect_headers()
        else:
            cast("asyncio.Transport", transport).write(_BUSY)
            transport.close()

    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        waiter = self._waiter
        if waiter is not None and not waiter.done() and self._header_timer is None:
            self._expect_headers()  # some of them have come, since it still waits for a request

    def headers_have_come(self) -> None:
        """Stop the timer: whole headers have come."""
        if self._header_timer is not None:
            self._header_timer.cancel()
            self._header_timer = None

    async def finish_response(
        self, request: web.BaseRequest, resp: web.StreamResponse, start_time: float | None
    ) -> tuple[web.StreamResponse, bool]:
        if resp.status == HTTPStatus.REQUEST_TIMEOUT:
            self._lingering_time = 0.0  # whoever was too slow to send a body is not waited for any longer
        if self._loop.time() > self._old_at:
            resp.force_close()
        try:
            async with asyncio.timeout(self._limits.write_timeout_s):
                return await super().finish_response(request, resp, start_time)
        except TimeoutError:
            if self.transport is not None:
                self.transport.abort()  # to close it would wait for what nobody takes
            return resp, True

    def handle_error(
        self,
        request: web.BaseRequest,
        status: int = HTTPStatus.INTERNAL_SERVER_ERROR,
        exc: BaseException | None = None,
        message: str | None = None,  # noqa: ARG002 - aiohttp's own would send back the bytes that it could not read
    ) -> web.StreamResponse:
        response = super().handle_error(request, status, exc, "malformed HTTP request")
        response.headers["Server"] = "otel-llm"
        return response

    def connection_lost(self, exc: BaseException | None) -> None:
        self.headers_have_come()
        super().connection_lost(exc)

    def _expect_headers(self) -> None:
        self._header_timer = self._loop.call_later(self._limits.read_header_timeout_s, self.force_close)
