"""The three kinds of telemetry that OTLP carries here."""

from __future__ import annotations

from enum import StrEnum
from typing import Final, NamedTuple

__all__ = ["Signal"]


class Signal(StrEnum):
    """A kind of telemetry. Its value is what `service.pipelines` and OTLP/HTTP's paths call it."""

    TRACES = "traces"
    LOGS = "logs"
    METRICS = "metrics"

    @property
    def items(self) -> str:
        """What metric names call its items, after the Collector's."""
        return _NAMES[self].items

    @property
    def grpc_method(self) -> str:
        """The full name of its export method (OTLP/gRPC), as it stands in HTTP/2's `:path`."""
        return f"/opentelemetry.proto.collector.{_NAMES[self].package}.v1.{_NAMES[self].service}/Export"

    @property
    def http_path(self) -> str:
        """The default path of its requests (OTLP/HTTP)."""
        return f"/v1/{self.value}"


class _Names(NamedTuple):
    items: str
    package: str
    service: str


_NAMES: Final = {
    Signal.TRACES: _Names("spans", "trace", "TraceService"),
    Signal.LOGS: _Names("log_records", "logs", "LogsService"),
    Signal.METRICS: _Names("metric_points", "metrics", "MetricsService"),
}
