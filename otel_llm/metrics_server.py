"""Shows the program's metrics: `GET /metrics`, in the Prometheus text format."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aiohttp import web

from otel_llm.component import Extension, HostView, Settings
from otel_llm.http_server import HttpServer
from otel_llm.telemetry import CONTENT_TYPE

if TYPE_CHECKING:
    from collections.abc import Sequence

    from otel_llm.component import Endpoint
    from otel_llm.config.service import MetricsConfig

__all__ = ["MetricsServer"]


class MetricsServer(Extension):
    """Serves the host's metrics, or nothing where the config gives no endpoint."""

    def __init__(self, config: MetricsConfig, settings: Settings) -> None:
        self._host: HostView | None = None
        self._server = (
            None if config.endpoint is None else HttpServer(f"{settings.name}.endpoint", config.endpoint, self._answer)
        )

    @property
    def endpoints(self) -> Sequence[Endpoint]:
        """Where it answers."""
        return () if self._server is None else (self._server.endpoint,)

    async def start(self, host: HostView, /) -> None:
        """Begin to answer."""
        self._host = host
        if self._server is not None:
            await self._server.start()

    async def shutdown(self) -> None:
        """Answer no more."""
        if self._server is not None:
            await self._server.shutdown()

    async def _answer(self, request: web.BaseRequest) -> web.Response:
        if request.path != "/metrics":
            return web.Response(status=404)
        if request.method not in ("GET", "HEAD"):
            return web.Response(status=405, headers={"Allow": "GET, HEAD"})
        page = await self._host.metrics() if self._host else b""
        return web.Response(body=page, headers={"Content-Type": CONTENT_TYPE})
