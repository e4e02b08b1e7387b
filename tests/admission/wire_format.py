"""Requests as they stand on the wire, and what upb makes of them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from google.protobuf.descriptor import FieldDescriptor
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from otel_llm.signals import Signal

if TYPE_CHECKING:
    from random import Random

    from google.protobuf.message import Message

__all__ = ["IDS", "REQUESTS", "field", "in_span", "items_in", "parts_in", "random_request", "spans", "varint"]

REQUESTS: Final[
    dict[Signal, type[ExportTraceServiceRequest | ExportLogsServiceRequest | ExportMetricsServiceRequest]]
] = {
    Signal.TRACES: ExportTraceServiceRequest,
    Signal.LOGS: ExportLogsServiceRequest,
    Signal.METRICS: ExportMetricsServiceRequest,
}
IDS: Final = b"\x0a\x10" + b"t" * 16 + b"\x12\x08" + b"s" * 8
"""The ids that make a span valid."""

_PACKED_VARINTS: Final = frozenset(
    {FieldDescriptor.TYPE_INT64, FieldDescriptor.TYPE_UINT64, FieldDescriptor.TYPE_SINT64}
)
_TEXTS: Final = frozenset({FieldDescriptor.TYPE_STRING, FieldDescriptor.TYPE_BYTES})
_NUMBERS: Final = (0, 1, 127, 128, 300, 2**31 - 1)


def varint(number: int) -> bytes:
    """Encode a number."""
    more = []
    while number >= 0x80:
        more.append(number & 0x7F | 0x80)
        number >>= 7
    return bytes([*more, number])


def field(number: int, *payloads: bytes) -> bytes:
    """Return fields with a length, one for each payload."""
    tag = varint(number << 3 | 2)
    return b"".join(tag + varint(len(payload)) + payload for payload in payloads)


def spans(*bodies: bytes) -> bytes:
    """Return a request of spans with these contents."""
    return field(1, field(2, field(2, *bodies)))


def in_span(content: bytes) -> bytes:
    """Return a request of one valid span with this content."""
    return spans(IDS + content)


def random_request(signal: Signal, random: Random) -> Message:
    """Return a request in which any field may be set."""
    message = REQUESTS[signal]()
    _fill(message, random, 0)
    return message


def parts_in(message: Message) -> int:
    """Count what upb has made objects of, packed integers by their 32 bytes."""
    parts = 0
    for described, value in message.ListFields():
        values: list[Any] = list(value) if described.is_repeated else [value]
        if described.message_type is not None:
            parts += len(values) + sum(map(parts_in, values))
        elif described.is_repeated and described.type in _PACKED_VARINTS:
            parts += 1 + sum(len(varint(each)) for each in values) // 32
        elif described.is_repeated and described.type in _TEXTS:
            parts += len(values)
    return parts


def items_in(signal: Signal, request: Any) -> int:
    """Count spans, records or points, and what is around them."""
    resources = getattr(request, f"resource_{_names(signal)[0]}")
    scopes = [scope for resource in resources for scope in getattr(resource, f"scope_{_names(signal)[0]}")]
    items = [item for scope in scopes for item in getattr(scope, _names(signal)[1])]
    around = len(resources) + len(scopes) + len(items)
    if signal is not Signal.METRICS:
        return around
    data = [getattr(metric, kind) for metric in items if (kind := metric.WhichOneof("data"))]
    return around + len(data) + sum(len(each.data_points) for each in data)


def _names(signal: Signal) -> tuple[str, str]:
    return {
        Signal.TRACES: ("spans", "spans"),
        Signal.LOGS: ("logs", "log_records"),
        Signal.METRICS: ("metrics", "metrics"),
    }[signal]


def _fill(message: Any, random: Random, level: int) -> None:
    for described in message.DESCRIPTOR.fields:
        times = random.choice((0, 0, 1, 1, 3) if described.is_repeated else (0, 1))
        if level > 12 and described.message_type is not None:
            times = 0
        for _ in range(times):
            if described.message_type is not None:
                held = getattr(message, described.name)
                if not described.is_repeated:
                    held.SetInParent()
                _fill(held.add() if described.is_repeated else held, random, level + 1)
            elif described.is_repeated:
                getattr(message, described.name).extend(
                    _scalar(described, random) for _ in range(random.choice((1, 50)))
                )
            else:
                setattr(message, described.name, _scalar(described, random))


def _scalar(described: FieldDescriptor, random: Random) -> Any:
    if described.type == FieldDescriptor.TYPE_STRING:
        return random.choice(("", "key", "é" * 70))
    if described.type == FieldDescriptor.TYPE_BYTES:
        return random.randbytes(random.choice((0, 8, 16, 200)))
    if described.type == FieldDescriptor.TYPE_BOOL:
        return random.random() < 0.5
    if described.type == FieldDescriptor.TYPE_ENUM:
        return 1
    return random.choice(_NUMBERS)
