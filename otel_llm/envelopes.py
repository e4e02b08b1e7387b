"""Where each signal's request holds what: resources around scopes around items."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from google.protobuf.message import Message
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from otel_llm.item import Item
from otel_llm.log_record import LogRecord
from otel_llm.signals import Signal
from otel_llm.span import Span

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["LAYOUT", "Layout", "scopes_of"]


class Layout(NamedTuple):
    """Where a signal's request holds what."""

    request: type[Message]
    resources: str
    scopes: str
    items: str
    facade: Callable[..., Item] | None
    count: Callable[[Any], int]
    """Items under one scope."""


def _data_points(scope_metrics: Any) -> int:
    kinds = ((metric, metric.WhichOneof("data")) for metric in scope_metrics.metrics)
    return sum(len(getattr(metric, kind).data_points) for metric, kind in kinds if kind)


LAYOUT: Final = {
    Signal.TRACES: Layout(
        ExportTraceServiceRequest, "resource_spans", "scope_spans", "spans", Span, lambda scope: len(scope.spans)
    ),
    Signal.LOGS: Layout(
        ExportLogsServiceRequest,
        "resource_logs",
        "scope_logs",
        "log_records",
        LogRecord,
        lambda scope: len(scope.log_records),
    ),
    Signal.METRICS: Layout(
        ExportMetricsServiceRequest, "resource_metrics", "scope_metrics", "metrics", None, _data_points
    ),
}


def scopes_of(message: Any, layout: Layout) -> Iterator[Any]:
    """Return the envelopes of all scopes in a request."""
    return (scope for envelope in getattr(message, layout.resources) for scope in getattr(envelope, layout.scopes))
