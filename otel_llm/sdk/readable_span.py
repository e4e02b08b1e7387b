"""The SDK's spans, to OTLP and back."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from opentelemetry.exporter.otlp.proto.common.trace_encoder import encode_spans
from opentelemetry.sdk.trace import Event, ReadableSpan
from opentelemetry.sdk.util import BoundedList
from opentelemetry.trace import Link, SpanContext, Status, StatusCode, TraceState

from otel_llm.sdk.readable import Codec, Envelope, attributes_of
from otel_llm.signals import Signal

if TYPE_CHECKING:
    from collections.abc import Sequence

    from google.protobuf.message import Message
    from opentelemetry.sdk.resources import Resource
    from opentelemetry.sdk.util.instrumentation import InstrumentationScope

__all__ = ["SpanCodec"]


class SpanCodec(Codec[ReadableSpan]):
    """Of spans."""

    signal: ClassVar[Signal] = Signal.TRACES

    def encode(self, items: Sequence[ReadableSpan]) -> Message:
        """Return spans of one resource and scope as an export request."""
        return encode_spans(items)

    def envelope(self, request: Any) -> Envelope:
        """Return the only envelope of a request that `encode` made."""
        [resource] = request.resource_spans
        [scope] = resource.scope_spans
        return Envelope(resource, scope, scope.spans)

    def is_whole(self, item: ReadableSpan, message: Any) -> bool:
        """Tell whether all attributes could be encoded. The trace states of links never are."""
        pairs: list[tuple[Any, Any]] = [(item, message), *zip(item.events, message.events, strict=True)]
        pairs += zip(item.links, message.links, strict=True)
        return all(len(ours.attributes or ()) == len(theirs.attributes) for ours, theirs in pairs) and not any(
            link.context.trace_state for link in item.links
        )

    def rebuilt(
        self, item: ReadableSpan, message: Any, resource: Resource, scope: InstrumentationScope | None
    ) -> ReadableSpan:
        """Return *item* with the texts, attributes, events and links of *message*."""
        return ReadableSpan(
            message.name,
            _context(item, message.trace_state),
            item.parent,
            resource,
            attributes_of(message),
            _bounded([_event(event) for event in message.events], message.dropped_events_count),
            _bounded([_link(link) for link in message.links], message.dropped_links_count),
            item.kind,
            status=Status(StatusCode(message.status.code), message.status.message or None),
            start_time=item.start_time,
            end_time=item.end_time,
            instrumentation_scope=scope,
        )


def _context(item: ReadableSpan, trace_state: str) -> SpanContext:
    context = item.context
    return SpanContext(
        context.trace_id,
        context.span_id,
        context.is_remote,
        context.trace_flags,
        TraceState.from_header([trace_state] if trace_state else []),
    )


def _event(event: Any) -> Event:
    return Event(event.name, attributes_of(event), event.time_unix_nano)


def _link(link: Any) -> Link:
    remote = bool(link.flags & _IS_REMOTE)
    context = SpanContext(int.from_bytes(link.trace_id, "big"), int.from_bytes(link.span_id, "big"), remote)
    return Link(context, attributes_of(link))


_IS_REMOTE = 0x200
"""SPAN_FLAGS_CONTEXT_IS_REMOTE_MASK (trace.proto)."""


def _bounded(items: list[Any], dropped: int) -> Sequence[Any]:
    """Return *items* as a list that knows how many the SDK has dropped, where it has."""
    if not dropped:
        return items
    bounded: BoundedList[Any] = BoundedList(None)
    bounded.extend(items)
    bounded.dropped = dropped
    return bounded
