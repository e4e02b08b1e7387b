"""Settings of the OTLP receiver: the Collector's keys."""

from __future__ import annotations

from typing import Annotated, Any, Self

from pydantic import Field, model_validator

from otel_llm.component import Config, Count
from otel_llm.endpoint import ListenEndpoint
from otel_llm.request import Trust
from otel_llm.signals import Signal

__all__ = ["GrpcConfig", "HttpConfig", "OtlpReceiverConfig", "ProtocolsConfig"]

_MIB = 1024 * 1024

UrlPath = Annotated[str, Field(pattern=r"^/[^?#\s]*$")]


class GrpcConfig(Config):
    """OTLP/gRPC."""

    endpoint: ListenEndpoint = "127.0.0.1:4317"
    """Where it listens, `host:port`. Port 0 takes any that is free."""

    max_recv_msg_size_mib: Annotated[Count, Field(ge=1, le=2047)] = 64
    """Largest request in MiB, compressed or decompressed. OTLP recommends 64. (The Collector's default is 4.)"""

    max_concurrent_streams: Annotated[Count, Field(ge=1)] = 100
    """Requests that one connection may have open at a time; its client holds further ones back."""


class HttpConfig(Config):
    """OTLP/HTTP."""

    endpoint: ListenEndpoint = "127.0.0.1:4318"
    """Where it listens, `host:port`. Port 0 takes any that is free."""

    max_request_body_size: Annotated[Count, Field(ge=1)] = 64 * _MIB
    """Largest request in bytes, compressed or decompressed. OTLP recommends 64 MiB. (The Collector's default is 20.)"""

    traces_url_path: UrlPath = Signal.TRACES.http_path
    """Where spans are sent to."""

    logs_url_path: UrlPath = Signal.LOGS.http_path
    """Where log records are sent to."""

    metrics_url_path: UrlPath = Signal.METRICS.http_path
    """Where metrics are sent to."""

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
