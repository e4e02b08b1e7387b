from __future__ import annotations

from typing import Any

import pytest
from google.protobuf.message import DecodeError
from hypothesis import given
from hypothesis import strategies as st
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, ArrayValue, KeyValue
from opentelemetry.proto.trace.v1.trace_pb2 import ResourceSpans, ScopeSpans, Span

from otel_llm.testing import make_request
from otel_llm.text import texts_of
from otel_llm.values import to_python
from otel_llm.wire import attributes_of, may_have_events, spans_in, without_ids
from tests.admission.wire_format import field

TEXTS = st.text(max_size=200)
INTEGERS = st.integers(-(1 << 63), (1 << 63) - 1)
ANY_VALUES = st.one_of(
    st.just(AnyValue()),
    TEXTS.map(lambda value: AnyValue(string_value=value)),
    st.just(AnyValue(string_value="long" * 300)),
    st.booleans().map(lambda value: AnyValue(bool_value=value)),
    INTEGERS.map(lambda value: AnyValue(int_value=value)),
    st.floats().map(lambda value: AnyValue(double_value=value)),
    st.binary(max_size=9).map(lambda value: AnyValue(bytes_value=value)),
    st.just(AnyValue(array_value=ArrayValue(values=[AnyValue(int_value=1)]))),
)
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


def test_of_a_large_request_the_first_spans_are_enough() -> None:
    """What is behind them is left out, and nothing of them is."""
    raw = make_request({"a": "x" * 100}, {"b": "y" * 100}, {"c": "z" * 100})
    first = without_ids(raw, 100)

    assert [True, False, False] == [text * 100 in first for text in (b"x", b"y", b"z")]


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


ODD = st.one_of(st.builds(field, st.integers(1, 3), st.binary(max_size=4)), st.just(b"\x0a\x01k"))
PAIRS = st.one_of(
    st.builds(lambda key, value: KeyValue(key=key, value=value).SerializeToString(), TEXTS, ANY_VALUES),
    st.lists(ODD, max_size=3).map(b"".join),  # whatever else a decoder takes for an attribute
)
FIXED = [b"\x30\x03", b"\x39" + bytes(8), b"\x85\x01" + bytes(4), b"\x50\x80\x01", b"\x5b\x5c"]
OTHERS = st.sampled_from([field(5, b"name"), field(11, b""), *FIXED])
VALUES = st.one_of(st.text(max_size=50), st.booleans(), INTEGERS, st.floats())


@given(st.lists(st.one_of(PAIRS.map(lambda pair: field(9, pair)), OTHERS), max_size=5))
def test_attributes_read_from_bytes_are_those_of_the_message(fields: list[bytes]) -> None:
    """Whatever the encoding: the same keys in the same order, and for each the same value or none."""
    span = b"".join(fields)
    raw = field(1, field(2, field(2, span)))
    try:
        pairs = Span.FromString(span).attributes
        read, count = attributes_of(raw, len(raw) - len(span), len(raw))
    except (DecodeError, IndexError):
        return
    values = {pair.key: to_python(pair.value) for pair in pairs}

    assert [*values] == [*read]
    assert len(pairs) == count
    assert repr([values[key] for key, value in read.items() if value is not None]) == repr(
        [value for value in read.values() if value is not None]
    )


@given(st.dictionaries(TEXTS.filter(bool), VALUES, max_size=5))
def test_attributes_as_encoders_write_them_are_read_from_bytes(attributes: dict[str, Any]) -> None:
    """None of them is left to the message, which takes longer."""
    raw = make_request(attributes)
    ((start, end),) = spans_in(raw)

    assert repr(attributes) == repr(attributes_of(raw, start, end)[0])


@given(st.binary(max_size=60))
def test_what_is_no_request_stays_as_it_is_or_shorter(raw: bytes) -> None:
    """Whatever the bytes, it ends, and adds nothing."""
    assert len(raw) >= len(without_ids(raw))
