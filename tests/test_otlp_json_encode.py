from __future__ import annotations

import pytest
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, ArrayValue
from opentelemetry.proto.trace.v1.trace_pb2 import Span, Status

from otel_llm.errors import Refused
from otel_llm.otlp_json import decode, encode
from otel_llm.signals import Signal


@pytest.mark.parametrize(
    ("span", "text"),
    [
        (Span(trace_id=b"\xab" * 16, parent_span_id=b"\1"), f'{{"traceId":"{"ab" * 16}","parentSpanId":"01"}}'),
        (Span(kind=Span.SPAN_KIND_CLIENT, flags=257), '{"kind":3,"flags":257}'),
        (Span(start_time_unix_nano=2**64 - 1), '{"startTimeUnixNano":"18446744073709551615"}'),
        (Span(name="", kind=Span.SPAN_KIND_UNSPECIFIED, status=Status()), '{"status":{}}'),
        (Span(name='é\n"'), '{"name":"é\\n\\""}'),
    ],
)
def test_fields_are_written_as_otlp_says(span: Span, text: str) -> None:
    """Hex ids, enums as integers, 64 bits as strings, nothing for a default."""
    payload = ExportTraceServiceRequest()
    payload.resource_spans.add().scope_spans.add().spans.append(span)

    assert b'{"resourceSpans":[{"scopeSpans":[{"spans":[%b]}]}]}' % text.encode() == encode(
        Signal.TRACES, payload.SerializeToString()
    )


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (AnyValue(), "{}"),
        (AnyValue(string_value=""), '{"stringValue":""}'),
        (AnyValue(int_value=-(2**63)), '{"intValue":"-9223372036854775808"}'),
        (AnyValue(int_value=0), '{"intValue":"0"}'),
        (AnyValue(bool_value=False), '{"boolValue":false}'),
        (AnyValue(bytes_value=b"\xfb\xff"), '{"bytesValue":"+/8="}'),
        (AnyValue(double_value=12), '{"doubleValue":12.0}'),
        (AnyValue(double_value=float("nan")), '{"doubleValue":"NaN"}'),
        (AnyValue(double_value=float("inf")), '{"doubleValue":"Infinity"}'),
        (AnyValue(double_value=float("-inf")), '{"doubleValue":"-Infinity"}'),
        (AnyValue(array_value=ArrayValue(values=[AnyValue()])), '{"arrayValue":{"values":[{}]}}'),
    ],
)
def test_values_are_written_even_if_they_are_empty(value: AnyValue, text: str) -> None:
    """What is set in a oneof is not a default."""
    payload = ExportLogsServiceRequest()
    payload.resource_logs.add().scope_logs.add().log_records.add().body.CopyFrom(value)
    line = f'{{"resourceLogs":[{{"scopeLogs":[{{"logRecords":[{{"body":{text}}}]}}]}}]}}'

    assert line.encode() == encode(Signal.LOGS, payload.SerializeToString())


def test_an_empty_request_is_an_empty_object() -> None:
    """I2: nothing in, nothing out."""
    assert b"{}" == encode(Signal.METRICS, b"")
    assert b"" == decode(Signal.METRICS, b"{}")


@pytest.mark.parametrize("payload", [b"\xff", b"\x0a\x05", b"{}"])
def test_what_is_not_protobuf_is_refused(payload: bytes) -> None:
    """The one sentence there is for it."""
    with pytest.raises(Refused, match=r"^request: must be a protobuf message of its signal$"):
        encode(Signal.TRACES, payload)
