"""What is called clean by its bytes is clean text by text."""

from __future__ import annotations

import base64
import json

import hyperscan
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from otel_llm.batch import Batch
from otel_llm.detection import RuleDetector, bundled_rules
from otel_llm.detection.engines import Pattern
from otel_llm.detection.examples import made_up
from otel_llm.detection.pattern import SETTLED, settled
from otel_llm.searched import suspicious_attributes
from otel_llm.testing import make_request
from otel_llm.wire import EVENT

RULES = [rule for rule in bundled_rules() if rule.enabled]
DETECTOR = RuleDetector(RULES)
EXAMPLES = [made_up(shape) for rule in RULES for shape in rule.examples]
WORDS = st.sampled_from(
    ["id", "7", "x9", " ", "\n", "\\n", "\\", "%", "é", "10.0.0.7", "order 4711", "password", "=", ":"]
)
PARTS = st.one_of(WORDS, st.sampled_from(EXAMPLES), st.text(max_size=6))
DISGUISES = st.sampled_from(
    [
        lambda text: text,
        lambda text: json.dumps({"a": [text]}),
        lambda text: json.dumps({"a": json.dumps({text: text})}),
        lambda text: "".join(f"%{byte:02x}" for byte in text.encode("utf-8", "replace")),
        lambda text: base64.b64encode(text.encode("utf-8", "replace")).decode(),
        "\u200b".join,
        lambda text: text.replace("/", "\\/").replace("@", "\\u0040"),
    ]
)
TEXTS = st.tuples(DISGUISES, st.lists(PARTS, max_size=4)).map(lambda said: said[0]("".join(said[1])))
LATIN_1 = st.tuples(st.sampled_from(["", "\xad"]), TEXTS).map(
    lambda said: said[0].join(said[1].replace(" ", "\xa0")).encode("latin-1", "replace") + b"\xff"
)
KEYS = st.one_of(st.text(max_size=8), st.sampled_from(["password", "db.secret_key", "authorization"]))
ATTRIBUTES = st.lists(st.tuples(KEYS, st.one_of(TEXTS, LATIN_1)), max_size=4)


@settings(max_examples=200, deadline=None)
@given(ATTRIBUTES)
def test_what_is_clean_by_its_bytes_holds_nothing_that_is_found(attributes: list[tuple[str, str | bytes]]) -> None:
    """Whatever stands around a text in a request, and however it is disguised."""
    batch = Batch(make_request(dict(attributes)))
    batch.detect_with(DETECTOR)
    (span,) = batch.spans
    by_bytes = DETECTOR.is_clean(batch.raw) or batch.is_clean()

    if by_bytes:
        assert [] == [found for findings in span.findings(span.texts()) for found in findings]


@settings(max_examples=200, deadline=None)
@given(st.lists(ATTRIBUTES, min_size=1, max_size=3), TEXTS)
def test_something_is_found_only_where_it_is_looked_for(spans: list[list[tuple[str, str | bytes]]], name: str) -> None:
    """By the bytes of each attribute, whatever stands around it."""
    request = ExportTraceServiceRequest.FromString(make_request(*map(dict, spans), name=name))
    batch = Batch(request.SerializeToString())
    batch.detect_with(DETECTOR)
    places = suspicious_attributes(batch.raw, len(spans), DETECTOR, 1000)

    for span, positions in zip(batch.spans, places, strict=True):
        texts = span.texts()
        found = {text.path for text, findings in zip(texts, span.findings(texts), strict=True) if findings}
        looked = {text.path for text in texts if positions is None} | {
            text.path for text in (() if positions is None else span.texts_at(positions))
        }
        assert not found - looked


def test_a_span_without_anything_is_not_looked_at() -> None:
    """Nor are attributes beside one that is."""
    first, second = suspicious_attributes(
        make_request({"a": "x", "b": EXAMPLES[0]}, {"a": "x", "b": 7}), 2, DETECTOR, 1000
    )

    assert ([1], []) == (first, second)


@pytest.mark.parametrize(("names", "looked"), [(["x"], []), (["x", "x"], [EVENT]), ([EXAMPLES[0]], [EVENT])])
def test_several_events_are_looked_at(names: list[str], looked: list[int]) -> None:
    """They may be parts of one text."""
    request = ExportTraceServiceRequest.FromString(make_request({"a": "x"}))
    for name in names:
        request.resource_spans[0].scope_spans[0].spans[0].events.add(name=name)

    assert [looked] == suspicious_attributes(request.SerializeToString(), 1, DETECTOR, 1000)


def test_something_in_the_name_has_a_span_looked_at_whole() -> None:
    """Only attributes and events are looked at by themselves."""
    assert [None] == suspicious_attributes(make_request({"a": "x"}, name=EXAMPLES[0]), 1, DETECTOR, 1000)


def test_a_request_in_an_unusual_encoding_is_looked_at_whole() -> None:
    """A field's number may be written longer than it need be."""
    raw = make_request({"a": "x"})

    assert [None] == suspicious_attributes(b"\x8a\x00" + raw[1:], 1, DETECTOR, 1000)


GATES = sorted({gate for rule in RULES for gate in Pattern(rule.expression, (), rule.trigger, rule.gate).gates})
NUMBERS = st.lists(
    st.sampled_from(["0", "12", "345", "67890", "1" * 20, " ", "-", ".", "(", "a", "Z", "/  "]), max_size=12
)


@settings(max_examples=300, deadline=None)
@given(st.sampled_from([gate for gate in GATES if settled(gate) != gate]), NUMBERS.map("".join))
def test_a_settled_pattern_fires_soon_after_the_pattern_does(gate: str, text: str) -> None:
    """And nowhere else, in what is joined by NUL."""
    data = f"{text}\0x".encode()
    ends, told = _ends(gate, data), _ends(settled(gate), data)

    assert all(any(end <= late <= end + SETTLED for late in told) for end in ends)
    assert all(any(end <= late <= end + SETTLED for end in ends) for late in told)


def test_only_what_goes_on_with_every_digit_is_settled() -> None:
    """Where this one ends, one digit more is no end of it: nobody would be told."""
    assert r"\d{3}[ .\-]\d{4}" == settled(r"\d{3}[ .\-]\d{4}")


def test_what_is_settled_is_told_once() -> None:
    """Not for each digit of a number."""
    assert 1 == len(_ends(settled(r"\d(?:[ \-/()]{0,4}\d){5}"), b"call 4930901820 now"))


def _ends(pattern: str, data: bytes) -> set[int]:
    """Return where matches of a pattern end."""
    database = hyperscan.Database(mode=hyperscan.HS_MODE_BLOCK)
    database.compile(expressions=[pattern.encode()], ids=[0], flags=[hyperscan.HS_FLAG_DOTALL])
    ends: set[int] = set()
    database.scan(data, match_event_handler=lambda _id, _start, end, *_: ends.add(end))
    return ends
