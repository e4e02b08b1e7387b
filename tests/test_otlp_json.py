from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest
from google.protobuf import json_format
from google.protobuf.message import DecodeError
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.metrics.v1.metrics_pb2 import HistogramDataPoint
from opentelemetry.proto.trace.v1.trace_pb2 import Span

from otel_llm.errors import Refused
from otel_llm.otlp_json import decode
from otel_llm.signals import Signal

if TYPE_CHECKING:
    from collections.abc import Callable

    from google.protobuf.message import Message
    from opentelemetry.proto.common.v1.common_pb2 import AnyValue

REQUESTS: dict[Signal, type[Message]] = {
    Signal.TRACES: ExportTraceServiceRequest,
    Signal.LOGS: ExportLogsServiceRequest,
    Signal.METRICS: ExportMetricsServiceRequest,
}
SPAN = "resourceSpans[0].scopeSpans[0].spans[0]"
VALUE = f"{SPAN}.attributes[0].value"

untimed = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])


def request(span: str) -> bytes:
    """Return a request with one span, written as JSON text, so that a test may write what no JSON library would."""
    return b'{"resourceSpans":[{"scopeSpans":[{"spans":[%b]}]}]}' % span.encode()


def read_span(span: str) -> Span:
    """Return what becomes of one span."""
    decoded = ExportTraceServiceRequest.FromString(decode(Signal.TRACES, request(span)))
    return decoded.resource_spans[0].scope_spans[0].spans[0]


def read_value(value: str) -> AnyValue:
    """Return what becomes of the value of an attribute."""
    return read_span(f'{{"attributes":[{{"key":"k","value":{value}}}]}}').attributes[0].value


def refused(read: Callable[[str], object], text: str) -> str:
    """Return the message with which *text* is refused."""
    with pytest.raises(Refused) as caught:
        read(text)
    return str(caught.value)


class TestIds:
    @pytest.mark.parametrize("text", ["5b8efff798038103d269b633813fc60c", "5B8EFFF798038103D269B633813FC60C"])
    def test_they_are_hex_in_either_case(self, text: str) -> None:
        """I23: OTLP writes ids as hex, not as base64."""
        assert bytes.fromhex(text) == read_span(f'{{"traceId":"{text}"}}').trace_id

    def test_span_ids_are_hex_too(self) -> None:
        """All three ids of a span are."""
        span = read_span('{"spanId":"eee19b7ec3c1b174","parentSpanId":"EEE19B7EC3C1B173"}')

        assert ("eee19b7ec3c1b174", "eee19b7ec3c1b173") == (span.span_id.hex(), span.parent_span_id.hex())

    @pytest.mark.parametrize(
        "text",
        [
            "W47/95gDgQPSabYzgT/GDA==",  # base64
            "5b8efff798038103d269b633813fc60",  # odd
            "5b8efff798038103d269b633813fc6",
            "5b8efff798038103d269b633813fc60c00",
            "5b 8efff798038103d269b633813fc60c",
            " 5b8efff798038103d269b633813fc60",  # 32 characters
            "5b8efff798038103d269b633813fc6\\n0",
            "\uff15b8efff798038103d269b633813fc60c",  # a full-width digit
            "0x5b8efff798038103d269b633813fc6",
            "5b8efff7",
            " ",
        ],
    )
    def test_a_wrong_one_has_a_wrong_length(self, text: str) -> None:
        """I23: it costs its span, which is rejected for the length, and not the request."""
        assert len(read_span(f'{{"traceId":"{text}"}}').trace_id) not in {0, 16}

    @pytest.mark.parametrize("text", ["eee19b7ec3c1b17", "eee19b7ec3c1b17400", "7uGbfsPBsXQ=", "eee19b7e c3c1b17", "x"])
    def test_so_has_a_wrong_span_id(self, text: str) -> None:
        """I23: 16 digits are wanted there."""
        span = read_span(f'{{"spanId":"{text}","parentSpanId":"{text}"}}')

        assert len(span.span_id) not in {0, 8}
        assert len(span.parent_span_id) not in {0, 8}

    def test_an_empty_one_is_unset(self) -> None:
        """Roots are written with an empty parent."""
        assert Span() == read_span('{"traceId":"","parentSpanId":""}')

    @pytest.mark.parametrize("value", ["5", "[]", "{}", "true"])
    def test_one_that_is_no_string_is_refused(self, value: str) -> None:
        """What is not even text is no id that went wrong."""
        assert f"{SPAN}.traceId: must be a string" == refused(read_span, f'{{"traceId":{value}}}')


class TestNumbers:
    @pytest.mark.parametrize(("text", "kind"), [("3", 3), ("0", 0), ("99", 99), ("-1", -1), ("2147483647", 2**31 - 1)])
    def test_enums_are_integers_known_or_not(self, text: str, kind: int) -> None:
        """A value that a newer OTLP names is kept."""
        assert kind == read_span(f'{{"kind":{text}}}').kind

    @pytest.mark.parametrize("text", ['"SPAN_KIND_SERVER"', '"3"', "3.0", "true", "{}", "[3]"])
    def test_enums_are_nothing_else(self, text: str) -> None:
        """I24: names of enum values are proto3's, not OTLP's."""
        assert f"{SPAN}.kind: must be an integer" == refused(read_span, f'{{"kind":{text}}}')

    @pytest.mark.parametrize("text", ["2147483648", "-2147483649"])
    def test_enums_have_32_bits(self, text: str) -> None:
        """More cannot be said in protobuf."""
        assert f"{SPAN}.kind: is out of range" == refused(read_span, f'{{"kind":{text}}}')

    @pytest.mark.parametrize("number", [0, 5, 2**53 + 1, 2**63, 2**64 - 1])
    def test_64_bits_are_numbers_or_strings_and_exact(self, number: int) -> None:
        """I26: neither form goes through a double."""
        assert number == read_span(f'{{"startTimeUnixNano":{number}}}').start_time_unix_nano
        assert number == read_span(f'{{"startTimeUnixNano":"{number}"}}').start_time_unix_nano

    @pytest.mark.parametrize("number", [-(2**63), -1, 0, 2**63 - 1])
    def test_signed_ones_reach_as_far_as_they_should(self, number: int) -> None:
        """I26: both ends of int64."""
        assert number == read_value(f'{{"intValue":{number}}}').int_value
        assert number == read_value(f'{{"intValue":"{number}"}}').int_value

    @pytest.mark.parametrize(
        ("text", "problem"),
        [
            ("1.5", "must be an integer"),
            ("1.0", "must be an integer"),
            ("1e3", "must be an integer"),
            ("18446744073709551616", "must be an integer"),  # a double by now
            ('"18446744073709551616"', "is out of range"),
            ("-1", "is out of range"),
            ('"-1"', "is out of range"),
            ("true", "must be an integer"),
            ('""', "must be an integer"),
            ('"-"', "must be an integer"),
            ('" 5"', "must be an integer"),
            ('"5\\n"', "must be an integer"),
            ('"1_0"', "must be an integer"),
            ('"+5"', "must be an integer"),
            ('"--5"', "must be an integer"),
            ('"\u0665"', "must be an integer"),
            ('"\u00b2"', "must be an integer"),
            ('"0x5"', "must be an integer"),
            ('"1.0"', "must be an integer"),
            (f'"{"9" * 5000}"', "must be an integer"),
        ],
    )
    def test_what_is_no_such_integer_is_refused(self, text: str, problem: str) -> None:
        """I26: nothing is rounded, wrapped or guessed."""
        assert f"{SPAN}.endTimeUnixNano: {problem}" == refused(read_span, f'{{"endTimeUnixNano":{text}}}')

    @pytest.mark.parametrize(
        ("text", "number"),
        [
            ("0.25", 0.25),
            ("12", 12.0),
            ("18446744073709551615", 2.0**64),
            ('"1.5e3"', 1500.0),
            ('"-0.5"', -0.5),
            ('"7"', 7.0),
            ('"Infinity"', float("inf")),
            ('"-Infinity"', float("-inf")),
        ],
    )
    def test_doubles_are_numbers_or_strings(self, text: str, number: float) -> None:
        """What JSON cannot write as a number is a string."""
        assert number == read_value(f'{{"doubleValue":{text}}}').double_value

    def test_not_a_number_is_a_string(self) -> None:
        """The one double that does not equal itself."""
        assert "nan" == str(read_value('{"doubleValue":"NaN"}').double_value)

    @pytest.mark.parametrize(
        "text",
        ["true", '""', '"nan"', '"inf"', '"1e400"', '" 1"', '"1\\n"', '"1_0"', '"\u0665"', '".5"', "[]", '"0x1p3"'],
    )
    def test_what_is_no_double_is_refused(self, text: str) -> None:
        """I26: Python would read some of these as numbers."""
        assert f"{VALUE}.doubleValue: must be a number" == refused(read_value, f'{{"doubleValue":{text}}}')


class TestOtherScalars:
    @pytest.mark.parametrize("text", ['"true"', "1", "0", "[]"])
    def test_booleans_are_true_or_false(self, text: str) -> None:
        """1 is not true."""
        assert f"{VALUE}.boolValue: must be true or false" == refused(read_value, f'{{"boolValue":{text}}}')

    @pytest.mark.parametrize("text", ["1", "true", "{}", '["a"]'])
    def test_strings_are_strings(self, text: str) -> None:
        """Nothing is made into text."""
        assert f"{SPAN}.name: must be a string" == refused(read_span, f'{{"name":{text}}}')

    @pytest.mark.parametrize(
        ("text", "content"),
        [("", b""), ("+/8=", b"\xfb\xff"), ("-_8=", b"\xfb\xff"), ("-_8", b"\xfb\xff"), ("AAECAw==", b"\0\1\2\3")],
    )
    def test_bytes_are_base64_of_either_alphabet(self, text: str, content: bytes) -> None:
        """As in proto3: padding may be missing."""
        assert content == read_value(f'{{"bytesValue":"{text}"}}').bytes_value

    @pytest.mark.parametrize("text", ["A", "AAAAA", "AA AA", "AA\\n", "AA=A", "ÄÖÜ=", "!!!!", "=A"])
    def test_what_is_no_base64_is_refused(self, text: str) -> None:
        """Python would skip what it does not know."""
        assert f"{VALUE}.bytesValue: must be base64" == refused(read_value, f'{{"bytesValue":"{text}"}}')


class TestFields:
    @pytest.mark.parametrize(
        "span",
        [
            '{"name":null,"kind":null,"startTimeUnixNano":null,"attributes":null,"status":null,"traceId":null}',
            '{"start_time_unix_nano":"1","trace_id":"5b8efff798038103d269b633813fc60c","Name":"x"}',
            '{"unknown":{"deep":[1,{"traceId":5}]},"":1,"name ":1,"huge":123456789012345678901234567890}',
        ],
    )
    def test_nothing_is_set_by_null_or_by_other_names(self, span: str) -> None:
        """I25, I27: null is unset; snake_case is as unknown as any other name, and ignored."""
        assert Span() == read_span(span)

    def test_the_last_of_equal_names_wins(self) -> None:
        """I27: as in every parser in the field."""
        assert "b" == read_span('{"name":"a","name":"b"}').name

    @pytest.mark.parametrize(
        ("text", "member"),
        [
            ("{}", None),
            ('{"stringValue":null}', None),
            ('{"stringValue":""}', "string_value"),
            ('{"intValue":0}', "int_value"),
            ('{"boolValue":false}', "bool_value"),
            ('{"doubleValue":0}', "double_value"),
            ('{"bytesValue":""}', "bytes_value"),
            ('{"arrayValue":{}}', "array_value"),
            ('{"kvlistValue":{"values":[]}}', "kvlist_value"),
            ('{"intValue":null,"arrayValue":{"values":[{}]}}', "array_value"),
        ],
    )
    def test_an_attribute_holds_what_was_set_even_if_it_is_empty(self, text: str, member: str | None) -> None:
        """I28: an empty value and no value are two things."""
        attribute = read_span(f'{{"attributes":[{{"key":"k","value":{text}}}]}}').attributes[0]

        assert attribute.HasField("value")
        assert member == attribute.value.WhichOneof("value")

    def test_an_attribute_holds_one_value(self) -> None:
        """A second one would travel on unseen."""
        text = '{"stringValue":"a","intValue":1}'

        assert f"{VALUE}: must have one value only" == refused(read_value, text)

    def test_numbers_of_a_list_are_packed(self) -> None:
        """As every protobuf writer does it today."""
        point = b'{"bucketCounts":["1",200],"explicitBounds":[0.5]}'
        body = b'{"resourceMetrics":[{"scopeMetrics":[{"metrics":[{"histogram":{"dataPoints":[%b]}}]}]}]}' % point
        expected = HistogramDataPoint(bucket_counts=[1, 200], explicit_bounds=[0.5]).SerializeToString()

        assert expected in decode(Signal.METRICS, body)

    @pytest.mark.parametrize(
        ("body", "message"),
        [
            (b"[]", "request: must be an object"),
            (b'"x"', "request: must be an object"),
            (b"null", "request: must be an object"),
            (b'{"resourceSpans":{}}', "resourceSpans: must be an array"),
            (b'{"resourceSpans":[{},null]}', "resourceSpans[1]: must be an object"),
            (b'{"resourceSpans":[{"resource":[]}]}', "resourceSpans[0].resource: must be an object"),
            (request('{"attributes":[{"key":"k"},null]}'), f"{SPAN}.attributes[1]: must be an object"),
            (
                request('{"attributes":[{"value":{"arrayValue":{"values":[{},null]}}}]}'),
                f"{VALUE}.arrayValue.values[1]: must be an object",
            ),
            (
                b'{"resourceSpans":[{"resource":{"entityRefs":[{"idKeys":["a",null]}]}}]}',
                "resourceSpans[0].resource.entityRefs[0].idKeys[1]: must be a string",
            ),
        ],
    )
    def test_a_refusal_says_where(self, body: bytes, message: str) -> None:
        """By the names of fields and by counting, never by what was received."""
        with pytest.raises(Refused, match=f"^{re.escape(message)}$"):
            decode(Signal.TRACES, body)

    @pytest.mark.parametrize(
        "body",
        [
            b"",
            b" ",
            b"{",
            b"{}x",
            b"\xef\xbb\xbf{}",
            '{"resourceSpans":[]}'.encode("utf-16"),
            request('{"name":"\\ud800"}'),
            request('{"name":"') + b"\xff" + b'"}',
            request('{"unknown":NaN}'),
            request('{"unknown":1e400}'),
            request('{"startTimeUnixNano":' + "9" * 5000 + "}"),
            b"[" * 100_000,
            b'{"a":' * 100_000 + b"1" + b"}" * 100_000,
        ],
    )
    def test_what_is_not_json_in_utf_8_is_refused(self, body: bytes) -> None:
        """I6, I8, I9, I26, I27: whatever is wrong with it."""
        with pytest.raises(Refused, match=r"^request: must be JSON in UTF-8$"):
            decode(Signal.TRACES, body)


ARRAY, KVLIST = '{"arrayValue":{"values":[%s]}}', '{"kvlistValue":{"values":[{"value":%s}]}}'
PLACES = {
    Signal.TRACES: '{"resourceSpans":[{"scopeSpans":[{"spans":[{"events":[{"attributes":[{"value":%s}]}]}]}]}]}',
    Signal.LOGS: '{"resourceLogs":[{"scopeLogs":[{"logRecords":[{"body":%s}]}]}]}',
    Signal.METRICS: '{"resourceMetrics":[{"resource":{"attributes":[{"value":%s}]}}]}',
}


def nested(steps: list[str]) -> str:
    """Return a value wrapped once for each step."""
    value = "{}"
    for step in steps:
        value = step % value
    return value


class TestDepth:
    @pytest.mark.parametrize(("step", "deepest"), [(ARRAY, 47), (KVLIST, 31)])
    def test_an_attribute_is_as_deep_as_protobuf_reads(self, step: str, deepest: int) -> None:
        """I5, I6: one level more could be written, but never be read again."""
        read_value(nested([step] * deepest))

        assert refused(read_value, nested([step] * (deepest + 1))).endswith(": is nested too deep")

    @untimed
    @given(st.lists(st.sampled_from([ARRAY, KVLIST]), min_size=28, max_size=52), st.sampled_from(list(Signal)))
    def test_what_passes_can_be_read_and_what_is_refused_could_not(self, steps: list[str], signal: Signal) -> None:
        """I7: protobuf's own parser is the judge, at every place where values may be nested."""
        request_type = REQUESTS[signal]
        body = PLACES[signal] % nested(steps)
        deep = json_format.Parse(body, request_type(), max_recursion_depth=1000)
        try:
            request_type.FromString(deep.SerializeToString())
        except DecodeError:
            assert refused(lambda text: decode(signal, text.encode()), body)
        else:
            assert deep == request_type.FromString(decode(signal, body.encode()))
