"""The budget service over gRPC."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, Final, NoReturn, TypeAlias

import grpc

from otel_llm.auth import BearerTokens
from otel_llm.budget.messages import ReleaseRequest, ReserveRequest, SettleRequest, read_message
from otel_llm.budget.protobuf import METHODS, Method, decode, encode
from otel_llm.component import Endpoint
from otel_llm.errors import OtelLlmError, status_of
from otel_llm.grpc_server import STATUS_CODES, authorization, listen
from otel_llm.tls import ServerTls

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable

    from otel_llm.budget.replies import Reply
    from otel_llm.budget.service import BudgetService
    from otel_llm.component import Settings
    from otel_llm.extensions.budgets.config import BudgetsGrpcConfig

__all__ = ["BudgetsGrpc"]

_Context: TypeAlias = "grpc.aio.ServicerContext[bytes, bytes]"
_Handler: TypeAlias = "grpc.RpcMethodHandler[bytes, bytes]"
_Serve: TypeAlias = "Callable[[dict[str, Any], str | None], Awaitable[Reply]]"

_LONGEST: Final = 1024 * 1024
_GRACE_S: Final = 5.0
_WATCH_S: Final = 1.0


class BudgetsGrpc(grpc.GenericRpcHandler):
    """Translates between gRPC and the service."""

    def __init__(self, config: BudgetsGrpcConfig, settings: Settings, service: BudgetService) -> None:
        """Take the service. *config* says where it is served, and to whom.

        Raises:
            ConfigError: certificates or tokens cannot be used.
        """
        place = f"extensions.{settings.name}.grpc"
        self.endpoint = Endpoint.at(
            f"{place}.endpoint", config.endpoint, protected=config.protected, worker=settings.worker
        )
        """With the real port, once started."""
        self._tls = None if config.tls is None else ServerTls(config.tls, f"{place}.tls", settings.watch)
        self._tokens = None if config.auth is None else BearerTokens(config.auth, f"{place}.auth", settings.watch)
        self._service = service
        calls: dict[str, _Serve] = {
            "Reserve": lambda fields, tenant: service.reserve(read_message(ReserveRequest, fields), tenant),
            "Check": lambda fields, tenant: service.check(read_message(ReserveRequest, fields), tenant),
            "Settle": lambda fields, _tenant: service.settle(read_message(SettleRequest, fields)),
            "Release": lambda fields, _tenant: service.release(read_message(ReleaseRequest, fields)),
            "ListBudgets": lambda _fields, tenant: service.list(tenant),
        }
        self._unary = {METHODS[name].path: (METHODS[name], serve) for name, serve in calls.items()}
        self._server: grpc.aio.Server | None = None

    async def start(self) -> None:
        """Begin to listen.

        Raises:
            StartError: that cannot be done there.
        """
        options = (
            ("grpc.so_reuseport", int(self.endpoint.shared)),
            ("grpc.max_receive_message_length", _LONGEST),
            ("grpc.max_concurrent_streams", 1000),
            ("grpc.keepalive_time_ms", 60_000),
        )
        server = grpc.aio.server(handlers=(self,), options=options)
        self.endpoint = await listen(server, self.endpoint, self._tls)
        self._server = server

    async def shutdown(self) -> None:
        """Take no more."""
        if self._server is not None:
            await self._server.stop(_GRACE_S)

    def service(self, handler_call_details: grpc.HandlerCallDetails) -> _Handler | None:
        """Return what answers a call. Asked before its message is read."""
        tenant: str | None = None
        if self._tokens is not None:
            sender = self._tokens.identify(authorization(handler_call_details))
            if sender is None:
                return _UNKNOWN_SENDER
            tenant = sender.tenant
        if handler_call_details.method == METHODS["Watch"].path:
            return self._watch(tenant)
        found = self._unary.get(handler_call_details.method)
        return None if found is None else _unary(*found, tenant)

    def _watch(self, tenant: str | None) -> _Handler:
        async def watch(_content: bytes, context: _Context) -> AsyncIterator[bytes]:
            shown = None
            while True:
                try:
                    reply = await self._service.list(tenant)
                except OtelLlmError as error:
                    await _abort(context, error)
                if reply.body != shown:
                    shown = reply.body
                    yield encode(METHODS["Watch"].response, shown)
                await asyncio.sleep(_WATCH_S)

        return grpc.unary_stream_rpc_method_handler(watch)


def _unary(method: Method, serve: _Serve, tenant: str | None) -> _Handler:
    async def answer(content: bytes, context: _Context) -> bytes:
        try:
            reply = await serve(decode(method.request, content), tenant)
        except OtelLlmError as error:
            await _abort(context, error)
        return encode(method.response, reply.body)

    return grpc.unary_unary_rpc_method_handler(answer)


async def _refuse(_messages: object, context: _Context) -> None:
    await context.abort(grpc.StatusCode.UNAUTHENTICATED, "a bearer token that is known here is needed")


_UNKNOWN_SENDER: Final[_Handler] = grpc.stream_unary_rpc_method_handler(_refuse)
"""It takes a stream, because what is not taken from one is not even read."""


async def _abort(context: _Context, error: OtelLlmError) -> NoReturn:
    await context.abort(STATUS_CODES[status_of(error).grpc], str(error))
