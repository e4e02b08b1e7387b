"""The facades of a span and its events."""

from __future__ import annotations

from typing import TYPE_CHECKING

from opentelemetry.proto.trace.v1 import trace_pb2

from otel_llm.attributes import Attributes
from otel_llm.item import Item
from otel_llm.text import texts_of
from otel_llm.values import Writable, without_surrogates, write

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from otel_llm.text import Text


__all__ = ["Event", "Span"]


class Event(Attributes):
    """Something that happened while a span was open."""

    __slots__ = ()

    _proto: trace_pb2.Span.Event

    @property
    def name(self) -> str:
        """What happened."""
        return self._proto.name

    @property
    def time_unix_nano(self) -> int:
        """When, in nanoseconds since 1970."""
        return self._proto.time_unix_nano


class Span(Item):
    """One span."""

    __slots__ = ()

    _proto: trace_pb2.Span

    @property
    def name(self) -> str:
        """The operation, such as `chat gpt-4o`."""
        return self._proto.name

    @name.setter
    def name(self, name: str) -> None:
        if name != self._proto.name:
            self._proto.name = without_surrogates(name)
            self._shared.dirty = True

    @property
    def kind(self) -> int:
        """OTLP's SpanKind: 0 unspecified, 1 internal, 2 server, 3 client, 4 producer, 5 consumer."""
        return self._proto.kind

    @property
    def status_code(self) -> int:
        """OTLP's StatusCode: 0 unset, 1 ok, 2 error."""
        return self._proto.status.code

    @property
    def status_message(self) -> str:
        """What went wrong, in the sender's words."""
        return self._proto.status.message

    @property
    def start_time_unix_nano(self) -> int:
        """When it began, in nanoseconds since 1970; 0 if unknown."""
        return self._proto.start_time_unix_nano

    @property
    def end_time_unix_nano(self) -> int:
        """When it ended. May be before the start: senders' clocks jump."""
        return self._proto.end_time_unix_nano

    @property
    def parent_span_id(self) -> bytes:
        """8 bytes; empty for a root."""
        return self._proto.parent_span_id

    @property
    def events(self) -> Sequence[Event]:
        """Its events, in order."""
        return [Event(event, self._shared) for event in self._proto.events]

    def add_event(self, name: str, attributes: Mapping[str, Writable], *, time_unix_nano: int = 0) -> None:
        """Add an event; at the span's end unless a time is given."""
        event = trace_pb2.Span.Event(
            name=without_surrogates(name), time_unix_nano=time_unix_nano or self._proto.end_time_unix_nano
        )
        for key, value in attributes.items():
            write(event.attributes.add(key=key).value, value)
        self._proto.events.append(event)
        self._shared.dirty = True

    def streams(self) -> list[list[Text]]:
        """Return what the same attribute says in several events: a stream comes in as many as it had chunks."""
        by_key: dict[str, list[Text]] = {}
        if len(self._proto.events) > 1:
            for text in texts_of(self._proto, self._touched, only="events"):
                if text.kind == "value" and isinstance(text.value, str):
                    by_key.setdefault(text.key, []).append(text)
        return [parts for parts in by_key.values() if len(parts) > 1]
