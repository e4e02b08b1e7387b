"""Answers `GET /` and `GET /ready`."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import orjson
from aiohttp import web

from otel_llm.component import Endpoint, Extension, HostView
from otel_llm.http_server import HttpServer

if TYPE_CHECKING:
    from collections.abc import Sequence

    from otel_llm.extensions.health.config import HealthConfig

__all__ = ["Health"]


class Health(Extension):
    """`/` is 200 as long as the program answers at all; `/ready` is 503 before it listens, when its journal is nearly
    full, and from the moment it is told to stop."""

    def __init__(self, config: HealthConfig, name: str) -> None:
        self._host: HostView | None = None
        self._since = time.monotonic()
        self._server = HttpServer(f"extensions.{name}.endpoint", config.endpoint, self._answer)

    @property
    def endpoints(self) -> Sequence[Endpoint]:
        """Where it answers."""
        return (self._server.endpoint,)

    async def start(self, host: HostView, /) -> None:
        """Begin to answer."""
        self._host = host
        await self._server.start()

    async def shutdown(self) -> None:
        """Answer no more."""
        await self._server.shutdown()

    async def _answer(self, request: web.BaseRequest) -> web.Response:
        if request.method not in ("GET", "HEAD"):
            return web.Response(status=405, headers={"Allow": "GET, HEAD"})
        if request.path == "/":
            return _json(200, {"status": "ok", "uptime_s": round(time.monotonic() - self._since, 1)})
        if request.path == "/ready":
            ready = self._host is not None and self._host.ready
            return _json(200 if ready else 503, {"status": "ready" if ready else "not ready"})
        return web.Response(status=404)


def _json(status: int, body: dict[str, object]) -> web.Response:
    return web.Response(status=status, body=orjson.dumps(body), content_type="application/json")
