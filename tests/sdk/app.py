"""An app with its own tracer provider."""

from __future__ import annotations

from typing import Any

from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import SpanContext, TraceFlags

from otel_llm.sdk import ContextSpanProcessor, wrap
from tests.model_call import CALL_OF_2024

__all__ = ["App", "identity"]


class App:
    """Exports every span when it ends, through the processors, to memory."""

    def __init__(self) -> None:
        self.sink = InMemorySpanExporter()
        self.exporter = wrap(self.sink)
        self.provider = TracerProvider(resource=Resource({"service.name": "app"}), shutdown_on_exit=False)
        self.provider.add_span_processor(ContextSpanProcessor(trust_baggage=False))
        self.provider.add_span_processor(SimpleSpanProcessor(self.exporter))
        self.tracer = self.provider.get_tracer("tests", "1.0", "https://example.com/schema", {"scope": "attribute"})

    @property
    def spans(self) -> tuple[ReadableSpan, ...]:
        """What was exported."""
        return self.sink.get_finished_spans()

    def call(self, **attributes: Any) -> ReadableSpan:
        """Make a call to a model; return the span that was exported for it."""
        self.tracer.start_span("chat gpt-4o", attributes=CALL_OF_2024 | attributes).end()
        return self.spans[-1]

    def counted(self, name: str, **labels: str) -> float:
        """Return one of the exporter's numbers."""
        return self.exporter.outlet.meter.value(name, **labels)


def identity(number: int) -> tuple[SpanContext]:
    """Return the ids of one span of a trace, to make a span without a tracer."""
    return (SpanContext(1, number + 1, is_remote=False, trace_flags=TraceFlags(1)),)
