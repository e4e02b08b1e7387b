"""OTLP/gRPC (OTLP specification, "OTLP/gRPC"), without generated servicers.

Those parse before our code runs, answer INTERNAL for a bad message, and UNKNOWN with the exception's text for a bug;
OTLP clients retry neither. So methods are registered with raw bytes in and out, and every answer is ours.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final, TypeAlias

import grpc

from otel_llm.component import Consume, Endpoint, Receiver, Settings
from otel_llm.endpoint import cannot_listen, parse_listen_endpoint
from otel_llm.otlp_response import retry_trailers, success
from otel_llm.request import Request, Trust
from otel_llm.signals import Signal

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from otel_llm.receivers.otlp.config import GrpcConfig

__all__ = ["OtlpGrpc"]

_Method: TypeAlias = "grpc.RpcMethodHandler[bytes, bytes]"

_STATUS_CODES: Final[dict[int, grpc.StatusCode]] = {code.value[0]: code for code in grpc.StatusCode}

_OPTIONS: Final = (
    # Without this a second process binds the same port and silently takes half of the connections.
    ("grpc.so_reuseport", 0),
    # Clients behind NAT ping more often than every five minutes, which gRPC answers by closing the connection.
    ("grpc.http2.min_recv_ping_interval_without_data_ms", 10_000),
    ("grpc.keepalive_permit_without_calls", 1),
    ("grpc.keepalive_time_ms", 60_000),
)


class OtlpGrpc(Receiver):
    """Serves the three Export methods."""

    def __init__(self, config: GrpcConfig, settings: Settings, trust: Trust) -> None:
        name = f"receivers.{settings.name}.protocols.grpc.endpoint"
        self._endpoint = Endpoint(name, *parse_listen_endpoint(config.endpoint))
        self._trust: Trust = trust
        self._options = (
            *_OPTIONS,
            ("grpc.max_receive_message_length", config.max_recv_msg_size_mib * 1024 * 1024),
            ("grpc.max_concurrent_streams", config.max_concurrent_streams),
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
        methods = {signal.grpc_method: _export(signal, self._trust, consume) for signal in Signal}
        # Not maximum_concurrent_rpcs, whose RESOURCE_EXHAUSTED without RetryInfo makes clients drop their data.
        server = grpc.aio.server(handlers=(_Methods(methods),), options=self._options)
        try:
            port = server.add_insecure_port(str(self._endpoint))
        except RuntimeError as error:
            raise cannot_listen(self._endpoint) from error
        await server.start()
        self._server = server
        self._endpoint = replace(self._endpoint, port=port)

    async def shutdown(self, grace_s: float = 0.0) -> None:
        """Take no more; cancel what is not answered after *grace_s* seconds."""
        if self._server is not None:
            await self._server.stop(grace_s)


class _Methods(grpc.GenericRpcHandler):
    """Finds a method by its full name. Where there is none, gRPC answers UNIMPLEMENTED."""

    def __init__(self, methods: Mapping[str, _Method]) -> None:
        self._methods = methods

    def service(self, handler_call_details: grpc.HandlerCallDetails) -> _Method | None:
        return self._methods.get(handler_call_details.method)


def _export(signal: Signal, trust: Trust, consume: Consume) -> _Method:
    async def export(body: bytes, context: grpc.aio.ServicerContext[bytes, bytes]) -> bytes:
        answer = await consume(Request(signal, body, "protobuf", "grpc", trust))
        if answer.grpc_status:
            trailers = retry_trailers(answer.grpc_status, answer.message, answer.retry_after_s)
            await context.abort(_STATUS_CODES[answer.grpc_status], answer.message, trailers)
        return success(signal, answer.rejected, answer.message, "protobuf")

    return grpc.unary_unary_rpc_method_handler(export)
