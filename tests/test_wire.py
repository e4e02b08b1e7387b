from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.trace.v1.trace_pb2 import ResourceSpans, ScopeSpans

from otel_llm.text import texts_of
from otel_llm.wire import may_have_events, without_ids
from tests.admission.wire_format import field

TEXTS = st.text(max_size=200)
IDS = st.tuples(st.binary(min_size=16, max_size=16), *[st.binary(min_size=8, max_size=8)] * 2)
SPANS = st.tuples(IDS, TEXTS, st.integers(0, 5), st.integers(0, 1 << 63), st.dictionaries(TEXTS, TEXTS, max_size=3))


@given(st.lists(st.lists(SPANS, max_size=3), max_size=3), st.booleans())
def test_every_text_of_a_request_is_left_whole(scopes: list[list[Any]], named: bool) -> None:
    """Only ids and times are taken away, whatever the texts around them say."""
    request = ExportTraceServiceRequest()
    for spans in scopes:
        held = request.resource_spans.add().scope_spans.add()
        for (trace_id, span_id, parent), name, kind, time, attributes in spans:
            span = held.spans.add(trace_id=trace_id, span_id=span_id, name=name, kind=kind)
            span.start_time_unix_nano = span.end_time_unix_nano = time
            if named:
                span.parent_span_id, span.trace_state = parent, name
            for key, value in attributes.items():
                span.attributes.add(key=key).value.string_value = value
    kept = without_ids(request.SerializeToString())

    assert [] == [text.value for text in texts_of(request, lambda: None) if str(text.value).encode() not in kept]


def test_ids_and_times_are_not_searched() -> None:
    """Random bytes look like anything: a request would hardly ever be clean."""
    request = ExportTraceServiceRequest()
    span = (
        request.resource_spans.add()
        .scope_spans.add()
        .spans.add(trace_id=b"T" * 16, span_id=b"S" * 8, parent_span_id=b"P" * 8, name="n", kind=2)
    )
    span.start_time_unix_nano = span.end_time_unix_nano = int.from_bytes(b"\\x41@\\u", "little")
    kept = without_ids(request.SerializeToString())

    assert [] == [part for part in (b"T" * 16, b"S" * 8, b"P" * 8, b"\\x41") if part in kept]


@pytest.mark.parametrize("tag", [b"\x5a", b"\xda\x00"])
def test_events_are_seen_in_the_bytes(tag: bytes) -> None:
    """However long their field's number is written."""
    scope = ScopeSpans.FromString(field(2, b"\x0a\x10" + b"T" * 16 + b"\x12\x08" + b"S" * 8 + tag + b"\x00"))
    raw = ExportTraceServiceRequest(resource_spans=[ResourceSpans(scope_spans=[scope])]).SerializeToString()

    assert 1 == len(scope.spans[0].events)
    assert may_have_events(without_ids(raw))


@given(st.binary(max_size=60))
def test_what_is_no_request_stays_as_it_is_or_shorter(raw: bytes) -> None:
    """Whatever the bytes, it ends, and adds nothing."""
    assert len(raw) >= len(without_ids(raw))
