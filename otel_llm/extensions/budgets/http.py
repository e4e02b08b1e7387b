"""The budget service over HTTP: `POST /v1/budget/reserve` and what goes with it, in JSON."""

from __future__ import annotations

import asyncio
import math
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import unquote

import orjson
from aiohttp import web

from otel_llm.auth import BearerTokens
from otel_llm.budget.messages import AdjustRequest, ReleaseRequest, ReserveRequest, SettleRequest, read_message
from otel_llm.budget.replies import Reply
from otel_llm.errors import Forbidden, NotServed, OtelLlmError, Refused, Retryable, TooLarge, Unauthenticated, status_of
from otel_llm.http_server import HttpServer
from otel_llm.tls import ServerTls

if TYPE_CHECKING:
    from otel_llm.auth import Identity
    from otel_llm.budget.service import BudgetService
    from otel_llm.component import Endpoint, Settings
    from otel_llm.extensions.budgets.config import BudgetsHttpConfig

__all__ = ["BudgetsHttp"]

_LONGEST: Final = 1024 * 1024
"""Bytes of a request: room for a text to be measured."""
_READ_S: Final = 10.0
_BUDGETS: Final = "/v1/budgets"
_ADJUST: Final = "/adjust"

_WORDS: Final = {
    HTTPStatus.BAD_REQUEST: "invalid_request",
    HTTPStatus.UNAUTHORIZED: "unauthenticated",
    HTTPStatus.FORBIDDEN: "forbidden",
    HTTPStatus.NOT_FOUND: "not_found",
    HTTPStatus.REQUEST_ENTITY_TOO_LARGE: "too_large",
    HTTPStatus.SERVICE_UNAVAILABLE: "budget_unavailable",
}


class BudgetsHttp:
    """Translates between HTTP and the service."""

    def __init__(self, config: BudgetsHttpConfig, settings: Settings, service: BudgetService) -> None:
        """Take the service. *config* says where it is served, and to whom.

        Raises:
            ConfigError: certificates or tokens cannot be used.
        """
        place = f"extensions.{settings.name}.http"
        self._service = service
        self._tokens = None if config.auth is None else BearerTokens(config.auth, f"{place}.auth", settings.watch)
        tls = None if config.tls is None else ServerTls(config.tls, f"{place}.tls", settings.watch).context()
        self._server = HttpServer(
            f"{place}.endpoint",
            config.endpoint,
            self._answer,
            tls=tls,
            protected=config.protected,
            worker=settings.worker,
        )

    @property
    def endpoint(self) -> Endpoint:
        """Where it listens, with the real port once started."""
        return self._server.endpoint

    async def start(self) -> None:
        """Begin to listen.

        Raises:
            StartError: that cannot be done there.
        """
        await self._server.start()

    async def shutdown(self) -> None:
        """Take no more."""
        await self._server.shutdown(_READ_S)

    async def _answer(self, request: web.BaseRequest) -> web.Response:
        try:
            reply = await self._serve(request, self._tenant(request))
        except OtelLlmError as error:
            reply = _failure(error)
        body = orjson.dumps(reply.body)
        return web.Response(status=reply.status, body=body, headers=reply.headers, content_type="application/json")

    def _tenant(self, request: web.BaseRequest) -> str | None:
        """Return whom the sender stands for.

        Raises:
            Unauthenticated: it shows no token that is known.
        """
        if self._tokens is None:
            return None
        sender: Identity | None = self._tokens.identify(request.headers.getall("Authorization", ()))
        if sender is None:
            raise Unauthenticated("a bearer token that is known here is needed")
        return sender.tenant

    async def _serve(self, request: web.BaseRequest, tenant: str | None) -> Reply:
        service = self._service
        match request.method, request.path:
            case "POST", "/v1/budget/reserve":
                return await service.reserve(read_message(ReserveRequest, await _json(request)), tenant)
            case "POST", "/v1/budget/check":
                return await service.check(read_message(ReserveRequest, await _json(request)), tenant)
            case "POST", "/v1/budget/settle":
                return await service.settle(read_message(SettleRequest, await _json(request)))
            case "POST", "/v1/budget/release":
                return await service.release(read_message(ReleaseRequest, await _json(request)))
            case "GET", "/v1/budgets":
                return await service.list(tenant)
            case "POST", path if path.startswith(f"{_BUDGETS}/") and path.endswith(_ADJUST):
                if tenant is not None:
                    raise Forbidden("a token that stands for a tenant may not adjust budgets")
                budget_id = unquote(path.removeprefix(f"{_BUDGETS}/").removesuffix(_ADJUST))
                return await service.adjust(budget_id, read_message(AdjustRequest, await _json(request)))
        raise NotServed("served here: POST /v1/budget/reserve, check, settle, release, and GET /v1/budgets")


async def _json(request: web.BaseRequest) -> Any:
    try:
        async with asyncio.timeout(_READ_S):
            content = await request.content.readexactly(_LONGEST + 1)
    except asyncio.IncompleteReadError as end:
        content = end.partial
    except TimeoutError:
        raise Refused("the request took too long to come") from None
    if len(content) > _LONGEST:
        raise TooLarge(f"the request is larger than {_LONGEST} bytes")
    try:
        return orjson.loads(content)
    except orjson.JSONDecodeError:
        raise Refused("the request is not JSON") from None


def _failure(error: OtelLlmError) -> Reply:
    status = HTTPStatus(status_of(error).http)
    body: dict[str, Any] = {"error": _WORDS.get(status, "refused"), "message": str(error)}
    headers: dict[str, str] = {}
    if isinstance(error, Retryable):
        body["retry_after_s"] = math.ceil(error.after_s or 1)
        headers["Retry-After"] = str(body["retry_after_s"])
    if isinstance(error, Unauthenticated):
        headers["WWW-Authenticate"] = "Bearer"
    return Reply(body, status, headers)
