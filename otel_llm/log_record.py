"""The facade of a log record, in which gen_ai content travels too."""

from __future__ import annotations

from typing import TYPE_CHECKING

from otel_llm import semconv
from otel_llm.item import Item
from otel_llm.values import Value, Writable, to_python, write

if TYPE_CHECKING:
    from opentelemetry.proto.logs.v1 import logs_pb2


__all__ = ["LogRecord"]


class LogRecord(Item):
    """One log record, or event where it has an event name."""

    __slots__ = ()

    _proto: logs_pb2.LogRecord

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
    def body(self) -> Value:
        """What it says, as plain Python."""
        return to_python(self._proto.body)

    @body.setter
    def body(self, body: Writable) -> None:
        write(self._proto.body, body)
        self._shared.dirty = True
