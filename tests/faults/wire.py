"""Trace requests as the oracle needs them: made so that nothing about a span may change unseen, taken apart as bytes.

No codec stands between what was sent and what arrived: a field that no version of OTLP knows counts as much as a name.
"""

from __future__ import annotations

import os
import time
from typing import TYPE_CHECKING, Final, NamedTuple

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.trace.v1.trace_pb2 import Span

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

__all__ = ["CONTENT", "Kept", "Request", "new_request", "spans_in", "split"]

CONTENT: Final = "canary-content-5d41402abc4b"
"""Stands in an attribute, an event and a name of every span, and nowhere else in the world."""

_RESOURCE_SPANS, _SCOPE_SPANS, _SPANS = 1, 2, 2
_SPAN_ID, _ATTRIBUTES = 2, 9
"""Field numbers of trace_service.proto and trace.proto."""

_UNKNOWN: Final = b"\xc2\x3e\x0bfrom-future"
"""Field 1000, length-delimited: a newer OTLP's."""


class Kept(NamedTuple):
    """What must arrive of a span as it was sent."""

    envelope: bytes
    """Its resource and scope, and what else stands beside it."""
    span: bytes
    """The whole span; without its attributes where it is a gen_ai span, on which processors write some."""


class Request(NamedTuple):
    """One export request."""

    body: bytes
    spans: dict[bytes, Kept]
    """By span id."""


def new_request(
    count: int,
    *,
    gen_ai: int = 1,
    padding: int = 0,
    attributes: Mapping[str, str] | None = None,
    change: Callable[[Span], object] = lambda span: span,
) -> Request:
    """Return a request of *count* new spans, the last *gen_ai* of them model calls in deprecated names.

    Each has a trace state, flag bits that have no meaning yet, an event, a link, an unknown field, an attribute with
    *padding* more bytes, and *attributes*. *change* may do what it likes to it, but for its id.
    """
    request = ExportTraceServiceRequest()
    group = request.resource_spans.add(schema_url="https://opentelemetry.io/schemas/1.30.0")
    group.resource.attributes.add(key="service.name").value.string_value = "oracle"
    scope = group.scope_spans.add()
    scope.scope.name = "oracle"
    template = _template({"url.query": CONTENT + "x" * padding, **(attributes or {})})
    change(template)
    for number in range(count):
        span = scope.spans.add()
        span.CopyFrom(template)
        span.span_id = os.urandom(8)
        if number >= count - gen_ai:
            for key, value in _CALL.items():
                span.attributes.add(key=key).value.string_value = value
    group.MergeFromString(_UNKNOWN)
    body = request.SerializeToString()
    return Request(body, dict(spans_in(body)))


def spans_in(body: bytes) -> Iterator[tuple[bytes, Kept]]:
    """Yield each span of a trace export request by its id.

    Raises:
        ValueError: the bytes are no protobuf.
    """
    for group in split(body, _RESOURCE_SPANS)[0]:
        scopes, resource = split(group, _SCOPE_SPANS)
        for scope in scopes:
            spans, beside = split(scope, _SPANS)
            for span in spans:
                [span_id] = split(span, _SPAN_ID)[0]
                kept = split(span, _ATTRIBUTES)[1] if b"gen_ai." in span else span
                yield span_id, Kept(resource + beside, kept)


def split(message: bytes, field: int) -> tuple[list[bytes], bytes]:
    """Return the values of a length-delimited field, in order, and all other fields as they stand.

    The wire format is that of https://protobuf.dev/programming-guides/encoding/.

    Raises:
        ValueError: the bytes are no message.
    """
    values: list[bytes] = []
    rest = bytearray()
    at = 0
    while at < len(message):
        start = at
        tag, at = _varint(message, at)
        number, wire_type = tag >> 3, tag & 7
        if wire_type == 2:  # LEN
            length, at = _varint(message, at)
            end = at + length
        else:
            end = _varint(message, at)[1] if wire_type == 0 else at + _FIXED[wire_type]
        if end > len(message):
            raise ValueError("a message that breaks off")
        if number == field and wire_type == 2:  # LEN
            values.append(message[at:end])
        else:
            rest += message[start:end]
        at = end
    return values, bytes(rest)


_FIXED: Final = {1: 8, 5: 4}
"""Sizes in bytes of the wire types I64 and I32. Others have not been in use since proto2."""

_CALL: Final = {"gen_ai.operation.name": "chat", "gen_ai.system": "openai", "gen_ai.request.model": "gpt-4o-mini"}


def _varint(message: bytes, at: int) -> tuple[int, int]:
    value = shift = 0
    while at < len(message):
        byte = message[at]
        value |= (byte & 0x7F) << shift
        at += 1
        if byte < 0x80:
            return value, at
        shift += 7
    raise ValueError("a number that breaks off")


def _template(attributes: Mapping[str, str]) -> Span:
    now = time.time_ns()
    span = Span(
        trace_id=os.urandom(16),
        parent_span_id=os.urandom(8),
        trace_state="vendor=opaque,other=00f067aa0ba902b7",
        flags=0xABCD_0301,
        name=f"GET /{CONTENT}",
        kind=Span.SpanKind.SPAN_KIND_CLIENT,
        start_time_unix_nano=now,
        end_time_unix_nano=now + 1_000_000,
    )
    for key, value in attributes.items():
        span.attributes.add(key=key).value.string_value = value
    span.events.add(name=CONTENT, time_unix_nano=now)
    span.links.add(trace_id=os.urandom(16), span_id=os.urandom(8), trace_state="a=b", flags=0x8000_0001)
    span.MergeFromString(_UNKNOWN)
    return span
