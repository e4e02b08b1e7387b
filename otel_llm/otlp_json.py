"""OTLP in JSON: OTLP specification, "JSON Protobuf Encoding", https://opentelemetry.io/docs/specs/otlp/.

It is proto3's JSON mapping with rules of its own for ids (hex), enums (integers only) and unknown fields (ignored): so
`google.protobuf.json_format` can neither read nor write it. Both ways follow the descriptors of the opentelemetry-proto
wheel: one piece of code serves all signals, and the fields of a newer wheel come by themselves.

JSON becomes protobuf's wire format without a message in between. That takes about as long as filling upb messages with
unchecked values (100 spans of 10 attributes: 3.6 and 3.1 ms, of which orjson 0.6), and here every value is checked on
its way, so that an error can name its place.

Protobuf's types stay in this room, in `otlp_json_fields`, in `otlp_response` and behind the facades (`Batch`, `Span`,
`LogRecord`). Nothing else knows them.
"""

from __future__ import annotations

import math
from binascii import b2a_base64
from collections.abc import Callable
from functools import cache
from typing import Any, Final

import orjson
from google.protobuf.descriptor import Descriptor, FieldDescriptor
from google.protobuf.message import DecodeError, Message
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from otel_llm.errors import Refused
from otel_llm.otlp_json_fields import IDS, FieldError, Write, field_writer
from otel_llm.signals import Signal

__all__ = ["decode", "encode", "to_json"]

_REQUESTS: Final[
    dict[Signal, type[ExportTraceServiceRequest | ExportLogsServiceRequest | ExportMetricsServiceRequest]]
] = {
    Signal.TRACES: ExportTraceServiceRequest,
    Signal.LOGS: ExportLogsServiceRequest,
    Signal.METRICS: ExportMetricsServiceRequest,
}
_MAX_LEVEL: Final = 100
"""How deep messages may stand in a request: upb reads no deeper."""

_Show = Callable[[Any], Any]


def decode(signal: Signal, body: bytes) -> bytes:
    """Return the protobuf export request that *body*, an export request in JSON, stands for.

    A trace or span id that is not hex of the right length becomes an id of a wrong length: it costs its span, not the
    request.

    Raises:
        Refused: it is not JSON, or no such request. Says where by the names of fields, never by their values.
    """
    try:
        request = orjson.loads(body)
    except orjson.JSONDecodeError:
        raise Refused("request: must be JSON in UTF-8") from None
    out = bytearray()
    try:
        _writer(signal)(out, request, 0)
    except FieldError as error:
        raise Refused(f"{error.place.removeprefix('.') or 'request'}: {error.problem}") from None
    return bytes(out)


def encode(signal: Signal, payload: bytes) -> bytes:
    """Return *payload*, a protobuf export request, as one line of OTLP/JSON without its newline.

    Left out are fields that are unset, or at the default where proto3 cannot tell, as the Collector's file exporter
    does; lost are fields that the wheel does not know, for which JSON has no names.

    Raises:
        Refused: the payload is no such request.
    """
    try:
        request = _REQUESTS[signal].FromString(payload)
    except DecodeError:
        raise Refused("request: must be a protobuf message of its signal") from None
    return to_json(request)


def to_json(message: Message) -> bytes:
    """Return any message of OTLP in JSON."""
    return orjson.dumps(_object(message))


@cache
def _writer(signal: Signal) -> Write:
    # One for each signal, and no cache on `_message`: no thread may meet a table that is half full.
    return _message(_REQUESTS[signal].DESCRIPTOR, {})


def _message(descriptor: Descriptor, known: dict[str, Write]) -> Write:
    """Return what appends the fields of a message, without a tag or length of its own."""
    if descriptor.full_name in known:
        return known[descriptor.full_name]
    writers: dict[str, Write] = {}
    writer = writers.get
    oneofs = [names for oneof in descriptor.oneofs if len(names := [field.json_name for field in oneof.fields]) > 1]

    def write(out: bytearray, value: Any, level: int) -> None:
        if type(value) is not dict:
            raise FieldError("must be an object")
        if level > _MAX_LEVEL:
            raise FieldError("is nested too deep")
        for name, member in value.items():
            if member is not None and (append := writer(name)) is not None:
                try:
                    append(out, member, level + 1)
                except FieldError as error:
                    error.place = f".{name}{error.place}"
                    raise
        if oneofs and len(value) > 1:
            _check_oneofs(value, oneofs)

    known[descriptor.full_name] = write  # before its fields are: an AnyValue may hold AnyValues
    for field in descriptor.fields:
        content = _message(field.message_type, known) if field.message_type is not None else None
        writers[field.json_name] = field_writer(field, content)
    return write


def _check_oneofs(value: dict[str, Any], oneofs: list[list[str]]) -> None:
    # Refused as in proto3: readers see one of them only, so the others would travel on unseen.
    if any(sum(value.get(name) is not None for name in names) > 1 for names in oneofs):
        raise FieldError("must have one value only")


def _object(message: Message) -> dict[str, Any]:
    members = {}
    for field, value in message.ListFields():
        name, show = _member(field)
        members[name] = show(value)
    return members


@cache
def _member(field: FieldDescriptor) -> tuple[str, _Show]:
    """Return what a field is called in JSON, and what makes its value there."""
    show = bytes.hex if field.name in IDS else _SHOW.get(field.type, _as_is)
    return field.json_name, (lambda values: [show(value) for value in values]) if field.is_repeated else show


def _as_is(value: Any) -> Any:
    return value


def _base64(value: bytes) -> str:
    return b2a_base64(value, newline=False).decode("ascii")


def _number(value: float) -> float | str:
    if math.isfinite(value):
        return value
    return "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"


_SHOW: Final[dict[int, _Show]] = {
    FieldDescriptor.TYPE_MESSAGE: _object,
    FieldDescriptor.TYPE_BYTES: _base64,
    FieldDescriptor.TYPE_DOUBLE: _number,
    FieldDescriptor.TYPE_INT64: str,  # 64 bits are more than a JSON reader's doubles hold
    FieldDescriptor.TYPE_UINT64: str,
    FieldDescriptor.TYPE_FIXED64: str,
    FieldDescriptor.TYPE_SFIXED64: str,
}
"""The types whose values JSON writes otherwise than Python holds them."""
