"""Settings of the OTLP receiver: the Collector's keys."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Annotated, Any, Self

from pydantic import Field, model_validator

from otel_llm.auth import AuthConfig
from otel_llm.component import Config, Count, Duration
from otel_llm.endpoint import ListenEndpoint, is_loopback, parse_listen_endpoint
from otel_llm.http_connection import HttpLimits
from otel_llm.request import Trust
from otel_llm.signals import Signal
from otel_llm.tls import ServerTlsConfig

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["GrpcConfig", "HttpConfig", "OtlpReceiverConfig", "ProtocolConfig", "ProtocolsConfig"]

_MIB = 1024 * 1024

UrlPath = Annotated[str, Field(pattern=r"^/[^?#\s]*$")]
PositiveDuration = Annotated[Duration, Field(gt=0)]


class ProtocolConfig(Config):
    """What every protocol has."""

    endpoint: ListenEndpoint
    """Where it listens, `host:port`. Port 0 takes any that is free."""

    tls: ServerTlsConfig | None = None
    """Encryption, and certificates of senders. Without it: plain text."""

    auth: AuthConfig | None = None
    """Who may send. Without it: anybody who can connect."""

    @property
    def protected(self) -> bool:
        """Whether senders must show a token or a certificate."""
        return self.auth is not None or (self.tls is not None and self.tls.client_ca_file is not None)

    def weaknesses(self) -> Iterator[str]:
        """Return whether tokens can be read on their way."""
        host, _ = parse_listen_endpoint(self.endpoint)
        if self.auth is not None and self.tls is None and not is_loopback(host):
            yield "auth: without tls, whoever is on the way can read the tokens"


class ServerParametersConfig(Config):
    """When gRPC connections are closed. Their clients open new ones by themselves."""

    max_connection_idle: Duration = 0.0
    """After so long without a request. `0`: never."""

    max_connection_age: Duration = 300.0
    """After so long in any case, so that load is spread anew and nothing stays open for ever. `0`: never."""

    max_connection_age_grace: Duration = 30.0
    """How long requests that are open at that age may take. `0`: for ever."""


class KeepaliveConfig(Config):
    """How long gRPC connections live."""

    server_parameters: ServerParametersConfig = ServerParametersConfig()
    """When they are closed."""


class GrpcConfig(ProtocolConfig):
    """OTLP/gRPC."""

    endpoint: ListenEndpoint = "127.0.0.1:4317"
    """Where it listens, `host:port`. Port 0 takes any that is free."""

    max_recv_msg_size_mib: Annotated[Count, Field(ge=1, le=2047)] = 64
    """Largest request in MiB, compressed or decompressed. OTLP recommends 64. (The Collector's default is 4.)"""

    max_concurrent_streams: Annotated[Count, Field(ge=1)] = 100
    """Requests that one connection may have open at a time; its client holds further ones back."""

    max_connections: Annotated[Count, Field(ge=1)] = 1024
    """Connections that may be open at a time. Further ones are closed."""

    keepalive: KeepaliveConfig = KeepaliveConfig()
    """How long connections live."""

    @model_validator(mode="after")
    def _grpc_can(self) -> Self:
        if self.tls is not None and self.tls.min_version != "1.2":
            raise ValueError("tls.min_version: gRPC for Python speaks 1.2 and 1.3, and cannot be kept from either")
        return self


class HttpConfig(ProtocolConfig):
    """OTLP/HTTP."""

    endpoint: ListenEndpoint = "127.0.0.1:4318"
    """Where it listens, `host:port`. Port 0 takes any that is free."""

    max_request_body_size: Annotated[Count, Field(ge=1)] = 64 * _MIB
    """Largest request in bytes, compressed or decompressed. OTLP recommends 64 MiB. (The Collector's default is 20.)"""

    read_header_timeout: PositiveDuration = 10.0
    """How long a request's headers may take. The connection is closed then."""

    read_timeout: PositiveDuration = 30.0
    """How long a request's body may take after that. It is answered 408 then, and the connection closed."""

    write_timeout: PositiveDuration = 30.0
    """How long a client may take to read an answer."""

    idle_timeout: PositiveDuration = 120.0
    """How long a connection may wait for its next request."""

    max_connection_age: Duration = 300.0
    """After so long a connection is closed with its next answer, so that load is spread anew. `0`: never."""

    max_connections: Annotated[Count, Field(ge=1)] = 1024
    """Connections that may be open at a time. Further ones are answered 503 and closed."""

    traces_url_path: UrlPath = Signal.TRACES.http_path
    """Where spans are sent to."""

    logs_url_path: UrlPath = Signal.LOGS.http_path
    """Where log records are sent to."""

    metrics_url_path: UrlPath = Signal.METRICS.http_path
    """Where metrics are sent to."""

    @property
    def limits(self) -> HttpLimits:
        """What its connections may take."""
        return HttpLimits(
            self.read_header_timeout,
            self.write_timeout,
            self.idle_timeout,
            self.max_connections,
            self.max_connection_age or math.inf,
        )

    @property
    def signals(self) -> dict[str, Signal]:
        """What is sent to which path."""
        return {
            self.traces_url_path: Signal.TRACES,
            self.logs_url_path: Signal.LOGS,
            self.metrics_url_path: Signal.METRICS,
        }

    @model_validator(mode="after")
    def _paths_differ(self) -> Self:
        if len(self.signals) < len(Signal):
            raise ValueError("traces_url_path, logs_url_path and metrics_url_path must differ")
        return self


class ProtocolsConfig(Config):
    """Which protocols are served: those that are named, with or without settings; both where none is."""

    grpc: GrpcConfig | None = None
    """OTLP/gRPC."""

    http: HttpConfig | None = None
    """OTLP/HTTP."""

    @model_validator(mode="before")
    @classmethod
    def _named_ones(cls, raw: Any) -> Any:
        if raw is None or raw == {}:
            return {"grpc": {}, "http": {}}
        if isinstance(raw, dict):
            return {name: {} if settings is None else settings for name, settings in raw.items()}
        return raw


class OtlpReceiverConfig(Config):
    """Settings of `receivers.otlp`."""

    protocols: ProtocolsConfig = ProtocolsConfig()
    """`grpc`, `http`, or both, which is the default."""

    trust: Trust = "context"
    """Which incoming `otel_llm.*` attributes survive. `context`: those that name whom a call is for. `all`: every one,
    for an upstream that is an otel-llm of your own. `none`: none."""
