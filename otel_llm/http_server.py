"""An HTTP/1.1 server at one endpoint: for OTLP/HTTP, for the health check and for the metrics page.

It is aiohttp's low-level server. There are no routes: the handler sees every request, so that it also says, in its own
words, what is not found.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

from aiohttp import web

from otel_llm.component import Endpoint, Worker
from otel_llm.endpoint import cannot_listen
from otel_llm.http_connection import Connections, HttpLimits

if TYPE_CHECKING:
    import ssl

__all__ = ["Handler", "HttpServer"]

Handler = Callable[[web.BaseRequest], Awaitable[web.StreamResponse]]
"""Answers one request. Its body comes as it was sent: nothing is decompressed."""

_MOMENT_S: Final = 0.01
"""As good as at once. aiohttp reads 0 as no limit at all."""

_HANDSHAKE_S: Final = 10.0
"""How long a client may take to agree on TLS."""

_log = logging.getLogger(__name__)

_aiohttp_log = logging.getLogger(f"{__name__}.aiohttp")
# Once per malformed request, and with the bytes that were received in the text: nothing of that belongs in a log.
_aiohttp_log.addFilter(lambda _: False)


class HttpServer:
    """Listens between `start` and `shutdown`."""

    def __init__(
        self,
        name: str,
        endpoint: str,
        handler: Handler,
        *,
        tls: ssl.SSLContext | None = None,
        protected: bool = False,
        worker: Worker | None = None,
        limits: HttpLimits | None = None,
    ) -> None:
        """Take a `ListenEndpoint`.

        Args:
            name: where the endpoint is configured.
            endpoint: where to listen.
            handler: answers.
            tls: makes it HTTPS.
            protected: what the endpoint says about itself.
            worker: which one it listens in, where the gateway's other workers listen there too.
            limits: of its connections.
        """
        self.endpoint = Endpoint.at(name, endpoint, protected=protected, worker=worker)
        """With the real port, once started."""
        self._handler = handler
        self._limits = limits or HttpLimits()
        self._tls: dict[str, Any] = {} if tls is None else {"ssl": tls, "ssl_handshake_timeout": _HANDSHAKE_S}
        self._running: tuple[asyncio.Server, web.Server] | None = None

    async def start(self) -> None:
        """Begin to listen.

        Raises:
            StartError: that cannot be done there.
        """
        options: dict[str, Any] = {"access_log": None, "logger": _aiohttp_log, "auto_decompress": False}
        server = Connections(self.endpoint.name, self._answer, self._limits, **options)
        try:
            listener = await asyncio.get_running_loop().create_server(
                server, self.endpoint.host, self.endpoint.port, reuse_port=self.endpoint.shared, **self._tls
            )
        except OSError as error:
            raise cannot_listen(self.endpoint) from error
        self.endpoint = replace(self.endpoint, port=listener.sockets[0].getsockname()[1])
        self._running = listener, server

    async def shutdown(self, grace_s: float = 0.0) -> None:
        """Take no more; end what is not answered after *grace_s* seconds. Safe to call twice, and without `start`."""
        if self._running is None:
            return
        listener, server = self._running
        listener.close()
        await asyncio.sleep(_MOMENT_S)  # aiohttp cannot close a connection before it has come to wait for requests
        server.pre_shutdown()  # closes idle connections now, the others after their answer
        with suppress(TimeoutError):
            async with asyncio.timeout(grace_s):
                await server.shutdown()
        await server.shutdown(_MOMENT_S)

    async def _answer(self, request: web.BaseRequest) -> web.StreamResponse:
        try:
            response = await self._handler(request)
        except ConnectionError:
            raise  # the client has gone, which is no failure of the handler
        except Exception as error:  # noqa: BLE001 - aiohttp would log whatever it is with its text
            _log.error("answering an HTTP request failed with %s", type(error).__name__)
            response = web.Response(status=500, text="internal error")
        response.headers["Server"] = "otel-llm"  # instead of names and versions of what it is made of
        return response
