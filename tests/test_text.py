from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from google.protobuf.descriptor import Descriptor, FieldDescriptor
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from otel_llm.batch import Batch
from otel_llm.detection import Finding
from otel_llm.signals import Signal
from otel_llm.testing import make_request
from otel_llm.text import EXEMPT

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from otel_llm.log_record import LogRecord
    from otel_llm.resource import Resource
    from otel_llm.span import Span


def full_request() -> bytes:
    """Return a request with a text wherever a trace can hold one, each another number."""
    request = ExportTraceServiceRequest()
    numbers = iter(range(1000))
    fill(request, numbers, depth=0)
    return request.SerializeToString()


def fill(message: object, numbers: Iterator[int], depth: int) -> None:
    """Put a text into every field that can hold one, and one message into every list."""
    for field in message.DESCRIPTOR.fields:  # type: ignore[attr-defined]  # any protobuf message
        if field.type == FieldDescriptor.TYPE_STRING:
            text = f"text-{next(numbers)}"
            getattr(message, field.name).append(text) if field.is_repeated else setattr(message, field.name, text)
        elif field.type == FieldDescriptor.TYPE_BYTES:
            setattr(message, field.name, f"text-{next(numbers)}".encode())
        elif field.type == FieldDescriptor.TYPE_MESSAGE and depth < 9:
            held = getattr(message, field.name)
            fill(held.add() if field.is_repeated else held, numbers, depth + 1)


def texts(batch: Batch) -> list[str | bytes]:
    """Return every text that the facades offer."""
    holders: list[Resource | Span | LogRecord] = [*batch.resources, *batch.spans, *batch.records]
    return [text.value for holder in holders for text in holder.texts()]


@pytest.mark.parametrize("request_type", [ExportTraceServiceRequest, ExportLogsServiceRequest])
def test_every_field_of_text_is_walked_or_exempt(request_type: type) -> None:
    """No string or bytes field of OTLP is left out but for the reasons that EXEMPT gives."""
    seen: set[str] = set()
    found: set[str] = set()

    def visit(descriptor: Descriptor | None) -> None:
        if descriptor is None or descriptor.full_name in seen:
            return
        seen.add(descriptor.full_name)
        for field in descriptor.fields:
            if field.type == FieldDescriptor.TYPE_MESSAGE:
                visit(field.message_type)
            elif field.type in (FieldDescriptor.TYPE_STRING, FieldDescriptor.TYPE_BYTES):
                found.add(field.full_name)

    visit(request_type.DESCRIPTOR)  # type: ignore[attr-defined]  # a protobuf message
    request = request_type()
    fill(request, iter(range(1000)), 0)
    signal = Signal.TRACES if request_type is ExportTraceServiceRequest else Signal.LOGS
    walked = texts(Batch(request.SerializeToString(), signal))
    raw = request.SerializeToString()

    assert found
    for text in walked:
        raw = raw.replace(text if isinstance(text, bytes) else text.encode(), b"")
    left = raw.count(b"text-")
    exempt = [name for name in EXEMPT if name in found]
    assert len(exempt) == left


def test_a_replaced_text_is_what_is_sent() -> None:
    """Replacing every text leaves none of the old ones in the bytes, ids apart."""
    batch = Batch(full_request())
    holders: list[Resource | Span] = [*batch.resources, *batch.spans]
    for holder in holders:
        for text in holder.texts():
            text.replace("gone" if isinstance(text.value, str) else b"gone")

    assert 5 == batch.to_bytes().count(b"text-")
    assert batch.dirty


def test_paths_name_places_and_no_content() -> None:
    """A path is made of field names and positions; the attribute's key stands apart."""
    text = Batch(make_request({"x": 1, "secret-key": ["a", "b"]})).spans[0].texts()[-1]

    assert ("attributes[1].value.array_value.values[1].string_value", "secret-key", "value") == (
        text.path,
        text.key,
        text.kind,
    )


def test_both_of_two_attributes_with_one_key_are_seen() -> None:
    """The walk goes over the attributes themselves, not over an index by key."""
    request = ExportTraceServiceRequest.FromString(make_request({"k": "first"}))
    request.resource_spans[0].scope_spans[0].spans[0].attributes.add(key="k").value.string_value = "second"
    found = [text.value for text in Batch(request.SerializeToString()).spans[0].texts() if text.kind == "value"]

    assert ["first", "second"] == found


def test_removing_takes_an_attribute_whole_and_an_element_alone() -> None:
    """What is removed from a list leaves the others in their places."""
    span = Batch(make_request({"a": "x", "l": ["p", "q"]})).spans[0]
    for text in span.texts():
        if text.value in ("x", "p"):
            text.remove()

    assert ["l"] == span.keys()
    assert [None, "q"] == span.get("l")


def test_a_write_to_a_text_is_seen_by_attribute_reads() -> None:
    """Slots and attribute reads show the same span."""
    span = Batch(make_request({"a": "x"})).spans[0]
    assert "x" == span.get("a")
    next(text for text in span.texts() if text.value == "a").replace("b")

    assert ["b"] == span.keys()


def test_a_text_is_scanned_once_for_each_thing_it_says() -> None:
    """Findings are kept until the text changes, whoever asks."""
    scanned: list[tuple[str, str | bytes]] = []

    class Recorder:
        def scan(self, texts: Sequence[tuple[str, str | bytes]], /) -> list[list[Finding]]:
            scanned.extend(texts)
            return [[Finding("rule", 0, len(text))] for _, text in texts]

        clean = ()

        def is_clean(self, raw: bytes, /) -> bool:
            return not raw

        def suspects(self, parts: Sequence[bytes], /) -> range:
            return range(len(parts))

    batch = Batch(make_request({"a": "x"}))
    batch.detect_with(Recorder())
    span = batch.spans[0]
    slot = span.texts()[-1]
    assert span.findings([slot]) == span.findings([slot, slot])[:1]
    slot.replace("longer")

    assert [[Finding("rule", 0, 6)]] == list(span.findings([slot]))
    assert [("a", "x"), ("a", "longer")] == scanned


def test_without_a_detector_there_are_no_findings() -> None:
    """A chain whose processors ask for no detection finds nothing."""
    span = Batch(make_request({"a": "x"})).spans[0]

    assert [()] == span.findings(span.texts()[:1])


def test_texts_that_are_known_to_be_clean_are_left_out() -> None:
    """Each by itself, wherever it stands: no other one goes with it."""
    batch = Batch(full_request())
    for holder in (*batch.resources, *batch.spans):
        said = [text.said for text in holder.texts()]
        for place in range(0, len(said), 7):
            clean = {said[place]}

            assert [each for each in said if each not in clean] == [text.said for text in holder.texts(clean)]
        assert [] == holder.texts(said)


def test_attributes_are_walked_as_any_message_is(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the descriptors say that attributes are as they were, a shorter way is taken to the same slots."""

    def walked() -> list[tuple[str, str, str, str | bytes]]:
        batch = Batch(full_request())
        batch.spans[0].set("list", ["a", "", 1, "b"])
        slots = [text for holder in (*batch.resources, *batch.spans) for text in holder.texts({("list", "b")})]
        return [(text.path, text.attribute, text.kind, text.value) for text in slots]

    short = walked()
    monkeypatch.setattr("otel_llm.text._PAIRS_ARE_KNOWN", False)

    assert short == walked()
