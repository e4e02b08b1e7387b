"""What holds for every request, found by hypothesis from the descriptors."""

from __future__ import annotations

import base64
import json
import math
import re
from typing import TYPE_CHECKING, Any

import orjson
import pytest
from google.protobuf import json_format
from google.protobuf.descriptor import Descriptor, FieldDescriptor
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from otel_llm.errors import Refused
from otel_llm.otlp_json import decode, encode
from otel_llm.signals import Signal

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from google.protobuf.message import Message

Request = ExportTraceServiceRequest | ExportLogsServiceRequest | ExportMetricsServiceRequest
REQUESTS: dict[Signal, type[Request]] = {
    Signal.TRACES: ExportTraceServiceRequest,
    Signal.LOGS: ExportLogsServiceRequest,
    Signal.METRICS: ExportMetricsServiceRequest,
}
IDS = {"traceId", "spanId", "parentSpanId"}
SAMPLES: dict[int, Any] = {
    FieldDescriptor.TYPE_STRING: "é\n",
    FieldDescriptor.TYPE_BYTES: b"\xfb\xff" * 8,
    FieldDescriptor.TYPE_BOOL: True,
    FieldDescriptor.TYPE_DOUBLE: -0.1,
    FieldDescriptor.TYPE_ENUM: 2,
    FieldDescriptor.TYPE_INT64: -(2**63),
    FieldDescriptor.TYPE_SFIXED64: -(2**63),
    FieldDescriptor.TYPE_SINT32: -(2**31),
    FieldDescriptor.TYPE_FIXED64: 2**64 - 1,
}
SIGNED_32, UNSIGNED_32 = st.integers(-(2**31), 2**31 - 1), st.integers(0, 2**32 - 1)
SIGNED_64, UNSIGNED_64 = st.integers(-(2**63), 2**63 - 1), st.integers(0, 2**64 - 1)
VALUES: dict[int, st.SearchStrategy[Any]] = {
    FieldDescriptor.TYPE_STRING: st.text(max_size=200),
    FieldDescriptor.TYPE_BYTES: st.binary(max_size=200),
    FieldDescriptor.TYPE_BOOL: st.booleans(),
    FieldDescriptor.TYPE_DOUBLE: st.floats(allow_nan=False) | st.just(math.nan),
    FieldDescriptor.TYPE_ENUM: SIGNED_32,
    FieldDescriptor.TYPE_INT32: SIGNED_32,
    FieldDescriptor.TYPE_SINT32: SIGNED_32,
    FieldDescriptor.TYPE_UINT32: UNSIGNED_32,
    FieldDescriptor.TYPE_FIXED32: UNSIGNED_32,
    FieldDescriptor.TYPE_INT64: SIGNED_64,
    FieldDescriptor.TYPE_SFIXED64: SIGNED_64,
    FieldDescriptor.TYPE_UINT64: UNSIGNED_64,
    FieldDescriptor.TYPE_FIXED64: UNSIGNED_64,
}

untimed = settings(deadline=None, suppress_health_check=list(HealthCheck))


def full(message: Message, choice: int = 0, levels: int = 12) -> None:
    """Set every field down to some level; of a oneof, the one on which *choice* falls."""
    for field in message.DESCRIPTOR.fields:
        oneof = field.containing_oneof
        if oneof is not None and field.name != oneof.fields[choice % len(oneof.fields)].name:
            continue
        value = getattr(message, field.name)
        if field.message_type is None:
            sample = SAMPLES.get(field.type, 1)
            if field.is_repeated:
                value.extend([sample, sample])
            else:
                setattr(message, field.name, sample)
        elif levels:
            full(value.add() if field.is_repeated else value, choice, levels - 1)


@st.composite
def requests(draw: st.DrawFn, signal: Signal) -> Request:
    """Some fields of it set, to values that are often at the edge of their type."""

    def fill(message: Message, levels: int) -> None:
        names = list(message.DESCRIPTOR.fields_by_name)
        for name in draw(st.lists(st.sampled_from(names), unique=True, min_size=1, max_size=4)):
            field = message.DESCRIPTOR.fields_by_name[name]
            value = getattr(message, field.name)
            if field.message_type is None:
                if field.is_repeated:
                    value.extend(draw(st.lists(VALUES[field.type], max_size=3)))
                else:
                    setattr(message, field.name, draw(VALUES[field.type]))
            elif levels:
                member = value.add() if field.is_repeated else value
                member.SetInParent()
                fill(member, levels - 1)

    request = REQUESTS[signal]()
    fill(request, 20)
    return request


def messages_under(descriptor: Descriptor, known: dict[str, Descriptor]) -> dict[str, Descriptor]:
    """Return all messages that a message can hold, itself included."""
    if descriptor.full_name not in known:
        known[descriptor.full_name] = descriptor
        for field in descriptor.fields:
            if field.message_type is not None:
                messages_under(field.message_type, known)
    return known


NAMES = {
    signal: sorted({f.json_name for d in messages_under(request.DESCRIPTOR, {}).values() for f in d.fields})
    for signal, request in REQUESTS.items()
}
TRICKY = ["NaN", "Infinity", "1e400", "\ud800", "0x1", "SPAN_KIND_SERVER", "9" * 5000, "é" * 32, "00" * 16, "", " "]
SECRET = "canary"


def json_values(names: list[str]) -> st.SearchStrategy[Any]:
    """Values of every kind, with objects whose members often have names that mean something."""
    scalars = (
        st.none() | st.booleans() | st.integers(-(2**65), 2**65) | st.floats() | st.text() | st.sampled_from(TRICKY)
    )
    return st.recursive(
        scalars | st.just(SECRET),
        lambda inner: st.lists(inner) | st.dictionaries(st.sampled_from(names) | st.just(SECRET), inner),
        max_leaves=20,
    )


def places(value: Any) -> Iterator[tuple[Any, Any]]:
    """Every container in a JSON value, with every key or index in it."""
    for key in range(len(value)) if isinstance(value, list) else list(value) if isinstance(value, dict) else ():
        yield value, key
        yield from places(value[key])


def with_hex_ids(value: Any) -> Any:
    """Return a JSON value with its ids as OTLP wants them."""
    if isinstance(value, list):
        return [with_hex_ids(element) for element in value]
    if isinstance(value, dict):
        return {k: base64.b64decode(v).hex() if k in IDS else with_hex_ids(v) for k, v in value.items()}
    return value


def by_json_format(request: Request) -> Any:
    """The request in JSON, as written by protobuf, whose mapping is right but for the ids."""
    return with_hex_ids(json_format.MessageToDict(request, use_integers_for_enums=True))


def tried(convert: Callable[[], bytes]) -> bytes | Refused:
    """Return what a conversion gives, or its refusal; raise whatever else comes out of it."""
    try:
        return convert()
    except Refused as error:
        return error


@pytest.mark.parametrize("choice", range(8))
@pytest.mark.parametrize("signal", Signal)
def test_every_field_there_is_makes_the_trip(signal: Signal, choice: int) -> None:
    """Each field of each message, and each member of each oneof, byte for byte."""
    request = REQUESTS[signal]()
    full(request, choice)
    payload = request.SerializeToString()

    assert by_json_format(request) == orjson.loads(encode(signal, payload))
    assert payload == decode(signal, encode(signal, payload))


@pytest.mark.parametrize("signal", Signal)
@untimed
@given(data=st.data())
def test_every_request_makes_the_trip(signal: Signal, data: st.DataObject) -> None:
    """To JSON and back gives the very bytes, and the JSON is protobuf's own but for the ids."""
    request = data.draw(requests(signal))
    payload = request.SerializeToString(deterministic=True)
    line = encode(signal, payload)

    assert b"\n" not in line
    assert by_json_format(request) == orjson.loads(line)
    assert payload == decode(signal, line)


@pytest.mark.parametrize("signal", Signal)
@settings(untimed, max_examples=50)
@given(data=st.data())
def test_any_json_is_refused_or_read(signal: Signal, data: st.DataObject) -> None:
    """Whatever stands in a request: either protobuf can read what comes out, or the refusal says where and no more."""
    request = REQUESTS[signal]()
    full(request, data.draw(st.integers(0, 7)), levels=data.draw(st.integers(4, 12)))
    document = orjson.loads(encode(signal, request.SerializeToString()))
    for _ in range(data.draw(st.integers(1, 3))):
        container, key = data.draw(st.sampled_from(list(places(document))))
        container[key] = data.draw(json_values(NAMES[signal]))
    outcome = tried(lambda: decode(signal, json.dumps(document).encode()))
    if isinstance(outcome, Refused):
        place, _, problem = str(outcome).partition(": ")
        assert {"request", *NAMES[signal]} >= set(re.sub(r"\[\d+\]", "", place).split("."))
        assert problem.startswith(("must ", "is "))
        assert SECRET not in problem
    else:
        REQUESTS[signal].FromString(outcome)


@pytest.mark.parametrize("signal", Signal)
@untimed
@given(body=st.binary())
def test_any_bytes_are_refused_or_read(signal: Signal, body: bytes) -> None:
    """Nothing but a refusal comes out of rubbish, whichever way it goes."""
    read, written = tried(lambda: decode(signal, body)), tried(lambda: encode(signal, body))

    if not isinstance(read, Refused):
        REQUESTS[signal].FromString(read)
    if not isinstance(written, Refused):
        decode(signal, written)
