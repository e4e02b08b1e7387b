"""What the SDK loads for `OTEL_TRACES_EXPORTER=otel_llm` and `OTEL_LOGS_EXPORTER=otel_llm`, and puts before others."""

from __future__ import annotations

from typing import TYPE_CHECKING

from opentelemetry.sdk._logs.export import LogRecordExporter, LogRecordExportResult
from opentelemetry.sdk.trace.export import SpanExporter, SpanExportResult

from otel_llm.sdk.context import install
from otel_llm.sdk.ends import flush_at_ends
from otel_llm.sdk.outlet import Outlet
from otel_llm.signals import Signal

if TYPE_CHECKING:
    from collections.abc import Sequence

    from opentelemetry.sdk._logs import ReadableLogRecord
    from opentelemetry.sdk.trace import ReadableSpan

__all__ = ["OtelLlmLogExporter", "OtelLlmSpanExporter", "wrap"]


class OtelLlmSpanExporter(SpanExporter):
    """Runs the traces pipeline of `OTEL_LLM_CONFIG` over spans, then hands them to the SDK's own OTLP exporters.

    Whatever goes wrong here costs telemetry and never the app: it is counted, and said once in the log.
    """

    def __init__(self, *exporters: SpanExporter) -> None:
        """Export to *exporters*, or where the config and the environment say."""
        install()
        flush_at_ends()
        self.outlet: Outlet[ReadableSpan] = Outlet(Signal.TRACES, exporters)
        """The way out; `outlet.meter` has its numbers."""

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        """Process and send; FAILURE where anything was lost."""
        return SpanExportResult.SUCCESS if self.outlet.export(spans) else SpanExportResult.FAILURE

    def shutdown(self) -> None:
        """Shut down processors and exporters."""
        self.outlet.shutdown()

    def force_flush(self, timeout_millis: int = 30_000) -> bool:
        """Flush the exporters: here nothing waits."""
        return self.outlet.force_flush(timeout_millis)


class OtelLlmLogExporter(LogRecordExporter):
    """Does for log records, by the logs pipeline, what `OtelLlmSpanExporter` does for spans."""

    def __init__(self, *exporters: LogRecordExporter) -> None:
        """Export to *exporters*, or where the config and the environment say."""
        self.outlet: Outlet[ReadableLogRecord] = Outlet(Signal.LOGS, exporters)
        """The way out; `outlet.meter` has its numbers."""

    def export(self, batch: Sequence[ReadableLogRecord]) -> LogRecordExportResult:
        """Process and send; FAILURE where anything was lost."""
        return LogRecordExportResult.SUCCESS if self.outlet.export(batch) else LogRecordExportResult.FAILURE

    def shutdown(self) -> None:
        """Shut down processors and exporters."""
        self.outlet.shutdown()

    def force_flush(self, timeout_millis: int = 30_000) -> bool:
        """Flush the exporters: here nothing waits."""
        return self.outlet.force_flush(timeout_millis)


def wrap(exporter: SpanExporter) -> OtelLlmSpanExporter:
    """Put the processors in front of any exporter, such as Langfuse's, Logfire's or the console's."""
    return OtelLlmSpanExporter(exporter)
