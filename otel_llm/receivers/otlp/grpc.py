"""OTLP/gRPC (OTLP specification, "OTLP/gRPC"), without generated servicers.

Those parse before our code runs, answer INTERNAL for a bad message, and UNKNOWN with the exception's text for a bug;
OTLP clients retry neither. So methods are registered with raw bytes in and out, and every answer is ours.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NoReturn, TypeAlias

import grpc

from otel_llm.component import Consume, Endpoint, Receiver, Settings
from otel_llm.grpc_server import STATUS_CODES, authorization, listen
from otel_llm.otlp_response import retry_trailers, success
from otel_llm.receivers.otlp.senders import UNKNOWN_SENDER, Senders
from otel_llm.request import Answer, Request, Trust
from otel_llm.signals import Signal
from otel_llm.tls import ServerTls

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from otel_llm.receivers.otlp.config import GrpcConfig

__all__ = ["OtlpGrpc"]

_Method: TypeAlias = "grpc.RpcMethodHandler[bytes, bytes]"
_Context: TypeAlias = "grpc.aio.ServicerContext[bytes, bytes]"

_FOR_EVER: Final = 2**31 - 1

_OPTIONS: Final = (
    # Clients behind NAT ping more often than every five minutes, which gRPC answers by closing the connection.
    ("grpc.http2.min_ping_interval_without_data_ms", 10_000),
    ("grpc.keepalive_permit_without_calls", 1),
    ("grpc.keepalive_time_ms", 60_000),
    # For TLS and the first frame of HTTP/2. By default two minutes.
    ("grpc.server_handshake_timeout_ms", 10_000),
)


class OtlpGrpc(Receiver):
    """Serves the three Export methods."""

    def __init__(self, config: GrpcConfig, settings: Settings, trust: Trust) -> None:
        place = f"receivers.{settings.name}.protocols.grpc"
        self._endpoint = Endpoint.at(
            f"{place}.endpoint", config.endpoint, protected=config.protected, worker=settings.worker
        )
        self._tls = None if config.tls is None else ServerTls(config.tls, f"{place}.tls", settings.watch)
        self._senders = None if config.auth is None else Senders(config.auth, settings, "grpc")
        self._receiver = settings.name
        self._requests = settings.meter.requests()
        self._trust: Trust = trust
        lifetime = config.keepalive.server_parameters
        self._options = (
            *_OPTIONS,
            # By default it is on, and any second process silently takes half of the connections.
            ("grpc.so_reuseport", int(self._endpoint.shared)),
            ("grpc.max_receive_message_length", config.max_recv_msg_size_mib * 1024 * 1024),
            ("grpc.max_concurrent_streams", config.max_concurrent_streams),
            ("grpc.max_allowed_incoming_connections", config.max_connections),
            ("grpc.max_connection_idle_ms", _milliseconds(lifetime.max_connection_idle)),
            ("grpc.max_connection_age_ms", _milliseconds(lifetime.max_connection_age)),
            ("grpc.max_connection_age_grace_ms", _milliseconds(lifetime.max_connection_age_grace)),
        )
        self._server: grpc.aio.Server | None = None

    @property
    def endpoints(self) -> Sequence[Endpoint]:
        """Where it listens, with the real port once started."""
        return (self._endpoint,)

    async def start(self, consume: Consume, /) -> None:
        """Begin to listen.

        Raises:
            StartError: that cannot be done there.
        """
        # Not maximum_concurrent_rpcs, whose RESOURCE_EXHAUSTED without RetryInfo makes clients drop their data.
        server = grpc.aio.server(handlers=(self._methods(consume),), options=self._options)
        self._endpoint = await listen(server, self._endpoint, self._tls)
        self._server = server

    def _methods(self, consume: Consume) -> grpc.GenericRpcHandler:
        if self._senders is None:
            return _Methods(_exports(self._trust, consume))
        export = {tenant: _exports(self._trust, consume, tenant) for tenant in self._senders.tenants}
        refused = self._requests.labels(self._receiver, "grpc", str(UNKNOWN_SENDER.grpc_status))
        return _MethodsOfSenders(self._senders, export, _refusal(UNKNOWN_SENDER, refused.inc))

    async def shutdown(self, grace_s: float = 0.0) -> None:
        """Take no more; cancel what is not answered after *grace_s* seconds."""
        if self._server is not None:
            await self._server.stop(grace_s)


class _Methods(grpc.GenericRpcHandler):
    """Finds a method by its full name. Where there is none, gRPC answers UNIMPLEMENTED."""

    def __init__(self, export: Mapping[str, _Method]) -> None:
        self._export = export

    def service(self, handler_call_details: grpc.HandlerCallDetails) -> _Method | None:
        return self._export.get(handler_call_details.method)


class _MethodsOfSenders(grpc.GenericRpcHandler):
    """Finds a method for those who show a token. It is asked before the message is read."""

    def __init__(self, senders: Senders, export: Mapping[str | None, Mapping[str, _Method]], refuse: _Method) -> None:
        self._senders = senders
        self._export = export
        self._refuse = refuse

    def service(self, handler_call_details: grpc.HandlerCallDetails) -> _Method | None:
        sender = self._senders.identify(authorization(handler_call_details))
        if sender is None:
            return self._refuse
        return self._export[sender.tenant].get(handler_call_details.method)


def _exports(trust: Trust, consume: Consume, tenant: str | None = None) -> Mapping[str, _Method]:
    return {signal.grpc_method: _export(signal, trust, consume, tenant) for signal in Signal}


def _export(signal: Signal, trust: Trust, consume: Consume, tenant: str | None) -> _Method:
    async def export(body: bytes, context: _Context) -> bytes:
        answer = await consume(Request(signal, body, "protobuf", "grpc", trust, tenant))
        if answer.grpc_status:
            await _abort(context, answer)
        return success(signal, answer.rejected, answer.message, "protobuf")

    return grpc.unary_unary_rpc_method_handler(export)


def _refusal(answer: Answer, count: Callable[[], None]) -> _Method:
    """Return a method that answers so. It takes a stream, because what is not taken from one is not even read."""

    async def refuse(_messages: object, context: _Context) -> None:
        count()
        await _abort(context, answer)

    return grpc.stream_unary_rpc_method_handler(refuse)


def _milliseconds(limit_s: float) -> int:
    """Return a time as gRPC takes it, where the largest number means no limit, as 0 does for us."""
    return min(round(limit_s * 1000) or _FOR_EVER, _FOR_EVER)


async def _abort(context: _Context, answer: Answer) -> NoReturn:
    trailers = retry_trailers(answer.grpc_status, answer.message, answer.retry_after_s)
    await context.abort(STATUS_CODES[answer.grpc_status], answer.message, trailers)
