"""What is relied on in the opentelemetry-proto wheel. A version that changes it fails here before it fails a user."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from google.protobuf.descriptor import FieldDescriptor
from google.protobuf.internal import api_implementation
from opentelemetry.proto.collector.logs.v1 import logs_service_pb2
from opentelemetry.proto.collector.metrics.v1 import metrics_service_pb2
from opentelemetry.proto.collector.trace.v1 import trace_service_pb2

if TYPE_CHECKING:
    from google.protobuf.descriptor import Descriptor

REQUESTS = [
    trace_service_pb2.ExportTraceServiceRequest.DESCRIPTOR,
    logs_service_pb2.ExportLogsServiceRequest.DESCRIPTOR,
    metrics_service_pb2.ExportMetricsServiceRequest.DESCRIPTOR,
]
RESPONSES = [
    trace_service_pb2.ExportTraceServiceResponse.DESCRIPTOR,
    logs_service_pb2.ExportLogsServiceResponse.DESCRIPTOR,
    metrics_service_pb2.ExportMetricsServiceResponse.DESCRIPTOR,
]
TYPES = {number: name[5:].lower() for name, number in vars(FieldDescriptor).items() if name.startswith("TYPE_")}

FIELDS = {
    "ExportTraceServiceRequest": "1 resource_spans ResourceSpans*",
    "ResourceSpans": "1 resource Resource, 2 scope_spans ScopeSpans*, 3 schema_url string",
    "ScopeSpans": "1 scope InstrumentationScope, 2 spans Span*, 3 schema_url string",
    "Span": (
        "1 trace_id bytes, 2 span_id bytes, 3 trace_state string, 4 parent_span_id bytes, 5 name string, 6 kind enum, "
        "7 start_time_unix_nano fixed64, 8 end_time_unix_nano fixed64, 9 attributes KeyValue*, "
        "10 dropped_attributes_count uint32, 11 events Span.Event*, 12 dropped_events_count uint32, "
        "13 links Span.Link*, 14 dropped_links_count uint32, 15 status Status, 16 flags fixed32"
    ),
    "Span.Event": "1 time_unix_nano fixed64, 2 name string, 3 attributes KeyValue*, 4 dropped_attributes_count uint32",
    "Span.Link": (
        "1 trace_id bytes, 2 span_id bytes, 3 trace_state string, 4 attributes KeyValue*, "
        "5 dropped_attributes_count uint32, 6 flags fixed32"
    ),
    "Status": "2 message string, 3 code enum",
    "KeyValue": "1 key string, 2 value AnyValue",
    "AnyValue": (
        "1 string_value string, 2 bool_value bool, 3 int_value int64, 4 double_value double, "
        "5 array_value ArrayValue, 6 kvlist_value KeyValueList, 7 bytes_value bytes"
    ),
    "ArrayValue": "1 values AnyValue*",
    "KeyValueList": "1 values KeyValue*",
    "Resource": "1 attributes KeyValue*, 2 dropped_attributes_count uint32",
    "InstrumentationScope": (
        "1 name string, 2 version string, 3 attributes KeyValue*, 4 dropped_attributes_count uint32"
    ),
    "ExportLogsServiceRequest": "1 resource_logs ResourceLogs*",
    "ResourceLogs": "1 resource Resource, 2 scope_logs ScopeLogs*, 3 schema_url string",
    "ScopeLogs": "1 scope InstrumentationScope, 2 log_records LogRecord*, 3 schema_url string",
    "LogRecord": (
        "1 time_unix_nano fixed64, 2 severity_number enum, 3 severity_text string, 5 body AnyValue, "
        "6 attributes KeyValue*, 7 dropped_attributes_count uint32, 8 flags fixed32, 9 trace_id bytes, "
        "10 span_id bytes, 11 observed_time_unix_nano fixed64, 12 event_name string"
    ),
    "ExportMetricsServiceRequest": "1 resource_metrics ResourceMetrics*",
    "ResourceMetrics": "1 resource Resource, 2 scope_metrics ScopeMetrics*, 3 schema_url string",
    "ScopeMetrics": "1 scope InstrumentationScope, 2 metrics Metric*, 3 schema_url string",
    "Metric": (
        "5 gauge Gauge, 7 sum Sum, 9 histogram Histogram, 10 exponential_histogram ExponentialHistogram, "
        "11 summary Summary"
    ),
    "Gauge": "1 data_points NumberDataPoint*",
    "Sum": "1 data_points NumberDataPoint*",
    "Histogram": "1 data_points HistogramDataPoint*",
    "ExponentialHistogram": "1 data_points ExponentialHistogramDataPoint*",
    "Summary": "1 data_points SummaryDataPoint*",
    "ExportTraceServiceResponse": "1 partial_success ExportTracePartialSuccess",
    "ExportTracePartialSuccess": "1 rejected_spans int64, 2 error_message string",
    "ExportLogsServiceResponse": "1 partial_success ExportLogsPartialSuccess",
    "ExportLogsPartialSuccess": "1 rejected_log_records int64, 2 error_message string",
    "ExportMetricsServiceResponse": "1 partial_success ExportMetricsPartialSuccess",
    "ExportMetricsPartialSuccess": "1 rejected_data_points int64, 2 error_message string",
}
"""Message to fields: number, name, type, `*` where it is repeated."""

TEXTS = {
    "AnyValue": {"string_value", "bytes_value"},
    "EntityRef": {"schema_url", "type", "id_keys", "description_keys"},
    "Exemplar": {"trace_id", "span_id"},
    "InstrumentationScope": {"name", "version"},
    "KeyValue": {"key"},
    "LogRecord": {"severity_text", "event_name", "trace_id", "span_id"},
    "Metric": {"name", "description", "unit"},
    "ResourceLogs": {"schema_url"},
    "ResourceMetrics": {"schema_url"},
    "ResourceSpans": {"schema_url"},
    "ScopeLogs": {"schema_url"},
    "ScopeMetrics": {"schema_url"},
    "ScopeSpans": {"schema_url"},
    "Span": {"name", "trace_state", "trace_id", "span_id", "parent_span_id"},
    "Span.Event": {"name"},
    "Span.Link": {"trace_state", "trace_id", "span_id"},
    "Status": {"message"},
}
"""Every field of a request that can hold text or bytes. Redaction walks over them: one more must be seen to there."""


def name_of(descriptor: Descriptor) -> str:
    """Return what a message is called inside its package, `Span.Event` for one."""
    return descriptor.full_name.partition(".v1.")[2]


def messages_under(roots: list[Descriptor]) -> dict[str, Descriptor]:
    """Return all messages that *roots* can hold, themselves included, by their names."""
    found: dict[str, Descriptor] = {}
    to_visit = list(roots)
    while to_visit:
        descriptor = to_visit.pop()
        if name_of(descriptor) not in found:
            found[name_of(descriptor)] = descriptor
            to_visit += [field.message_type for field in descriptor.fields if field.message_type is not None]
    return found


def written(field: FieldDescriptor) -> str:
    """Return a field as it is written in `FIELDS`."""
    kind = name_of(field.message_type) if field.message_type is not None else TYPES[field.type]
    return f"{field.number} {field.name} {kind}{'*' if field.is_repeated else ''}"


@pytest.mark.parametrize("message", FIELDS)
def test_fields_are_where_they_were(message: str) -> None:
    """Names, numbers and types that the code relies on; others may be added."""
    fields = {written(field) for field in messages_under(REQUESTS + RESPONSES)[message].fields}

    assert set() == set(FIELDS[message].split(", ")) - fields


def test_every_text_is_known() -> None:
    """A field that could hold a secret does not come in with an update of the wheel, unseen."""
    found = {
        name: {
            field.name
            for field in message.fields
            if field.type in {FieldDescriptor.TYPE_STRING, FieldDescriptor.TYPE_BYTES}
        }
        for name, message in messages_under(REQUESTS).items()
    }

    assert TEXTS == {name: fields for name, fields in found.items() if fields}


def test_protobuf_is_upb() -> None:
    """The pure Python implementation recurses without a limit (CVE-2025-4565)."""
    assert "upb" == api_implementation.Type()
