"""The SDK's log records, to OTLP and back."""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING, Any, ClassVar

from opentelemetry.exporter.otlp.proto.common._log_encoder import encode_logs
from opentelemetry.sdk._logs import ReadableLogRecord

from otel_llm.sdk.readable import Codec, Envelope, attributes_of
from otel_llm.signals import Signal
from otel_llm.values import to_python

if TYPE_CHECKING:
    from collections.abc import Sequence

    from google.protobuf.message import Message
    from opentelemetry.sdk.resources import Resource
    from opentelemetry.sdk.util.instrumentation import InstrumentationScope

__all__ = ["LogCodec"]


class LogCodec(Codec[ReadableLogRecord]):
    """Of log records."""

    signal: ClassVar[Signal] = Signal.LOGS

    def encode(self, items: Sequence[ReadableLogRecord]) -> Message:
        """Return log records of one resource and scope as an export request."""
        return encode_logs(items)

    def envelope(self, request: Any) -> Envelope:
        """Return the only envelope of a request that `encode` made."""
        [resource] = request.resource_logs
        [scope] = resource.scope_logs
        return Envelope(resource, scope, scope.log_records)

    def is_whole(self, item: ReadableLogRecord, message: Any) -> bool:
        """Tell whether all attributes could be encoded. An exception object never is; its words are attributes too."""
        record = item.log_record
        return len(record.attributes or ()) == len(message.attributes) and getattr(record, "exception", None) is None

    def rebuilt(
        self, item: ReadableLogRecord, message: Any, resource: Resource, scope: InstrumentationScope | None
    ) -> ReadableLogRecord:
        """Return *item* with the texts, attributes and body of *message*."""
        record = copy.copy(item.log_record)
        record.body = to_python(message.body)
        record.attributes = attributes_of(message)
        record.event_name = message.event_name or None
        record.severity_text = message.severity_text or None
        record.exception = None
        return ReadableLogRecord(record, resource, scope, item.limits)
