"""The facade of a log record, in which gen_ai content travels too."""

from __future__ import annotations

from typing import TYPE_CHECKING

from otel_llm import semconv
from otel_llm.attributes import Shared, Value, Writable, to_python, write_value
from otel_llm.item import Item
from otel_llm.text import Text, texts_of

if TYPE_CHECKING:
    from opentelemetry.proto.logs.v1 import logs_pb2

    from otel_llm.resource import Scope

__all__ = ["LogRecord"]


class LogRecord(Item):
    """One log record, or event where it has an event name."""

    __slots__ = ("_proto",)

    _proto: logs_pb2.LogRecord

    def __init__(self, proto: logs_pb2.LogRecord, scope: Scope, shared: Shared) -> None:
        super().__init__(proto.attributes, scope, shared)
        self._proto = proto

    @property
    def is_gen_ai(self) -> bool:
        """Whether its event name, or an attribute, starts with `gen_ai.`."""
        return self._proto.event_name.startswith(semconv.GEN_AI_PREFIX) or super().is_gen_ai

    @property
    def event_name(self) -> str:
        """What happened; empty for a plain log record."""
        return self._proto.event_name

    @property
    def severity(self) -> int:
        """OTLP's SeverityNumber: 0 unspecified, 9 info, 17 error."""
        return self._proto.severity_number

    @property
    def time_unix_nano(self) -> int:
        """When it happened, in nanoseconds since 1970; 0 if unknown."""
        return self._proto.time_unix_nano

    @property
    def trace_id(self) -> bytes:
        """16 bytes; empty when it belongs to no trace."""
        return self._proto.trace_id

    @property
    def span_id(self) -> bytes:
        """8 bytes; empty when it belongs to no span."""
        return self._proto.span_id

    @property
    def body(self) -> Value:
        """What it says, as plain Python."""
        return to_python(self._proto.body)

    @body.setter
    def body(self, body: Writable) -> None:
        write_value(self._proto.body, body)
        self._shared.dirty = True

    def texts(self) -> list[Text]:
        """Return every text on it: body, severity, event name and those of its attributes."""
        return texts_of(self._proto, self._touched)
