"""Spans and log records with any value that OTLP can carry: nested ones too, which nothing but a sender writes."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from otel_llm.batch import Batch
from otel_llm.signals import Signal

if TYPE_CHECKING:
    from opentelemetry.proto.common.v1.common_pb2 import AnyValue

    from otel_llm.attributes import Attributes
    from otel_llm.log_record import LogRecord
    from otel_llm.span import Span

Pairs = Mapping[str, Any] | Iterable[tuple[str, Any]]


def span_of(attributes: Pairs, events: Iterable[Mapping[str, Any]] = (), name: str = "a span", scope: str = "") -> Span:
    """Return a span. An event is `{"name": ..., "attributes": {...}}`."""
    return batch_of_span(attributes, events, name, scope).spans[0]


def batch_of_span(
    attributes: Pairs, events: Iterable[Mapping[str, Any]] = (), name: str = "a span", scope: str = ""
) -> Batch:
    """Return a batch with one span."""
    request = ExportTraceServiceRequest()
    scope_spans = request.resource_spans.add().scope_spans.add()
    scope_spans.scope.name = scope
    span = scope_spans.spans.add(name=name, trace_id=bytes([1] * 16), span_id=bytes([2] * 8))
    _fill(span.attributes, attributes)
    for event in events:
        _fill(span.events.add(name=event["name"]).attributes, event["attributes"])
    return Batch(request.SerializeToString())


def record_of(attributes: Pairs, event_name: str = "", body: Any = None) -> LogRecord:
    """Return a log record."""
    return batch_of_record(attributes, event_name, body).records[0]


def batch_of_record(attributes: Pairs, event_name: str = "", body: Any = None) -> Batch:
    """Return a batch with one log record."""
    request = ExportLogsServiceRequest()
    record = request.resource_logs.add().scope_logs.add().log_records.add(event_name=event_name)
    _fill(record.attributes, attributes)
    _write(record.body, body)
    return Batch(request.SerializeToString(), Signal.LOGS)


def attributes_of(item: Attributes) -> dict[str, Any]:
    """Return all attributes as plain Python."""
    return {key: item.get(key) for key in item.keys()}  # noqa: SIM118 - an item is no dict


def _fill(target: Any, attributes: Pairs) -> None:
    for key, value in attributes.items() if isinstance(attributes, Mapping) else attributes:
        _write(target.add(key=key).value, value)


def _write(target: AnyValue, value: Any) -> None:
    if isinstance(value, bool):
        target.bool_value = value
    elif isinstance(value, str):
        target.string_value = value
    elif isinstance(value, int):
        target.int_value = value
    elif isinstance(value, float):
        target.double_value = value
    elif isinstance(value, bytes):
        target.bytes_value = value
    elif isinstance(value, list):
        target.array_value.SetInParent()
        for item in value:
            _write(target.array_value.values.add(), item)
    elif isinstance(value, dict):
        target.kvlist_value.SetInParent()
        _fill(target.kvlist_value.values, value)
