"""The same processors inside an app: before its own exporter, configured by one environment variable.

`OTEL_TRACES_EXPORTER=otel_llm` is all that an app under `opentelemetry-instrument` needs. One that makes its own
`TracerProvider` uses `OtelLlmSpanExporter`, or `wrap` in front of the exporter that it has.

Importing this costs little more than the SDK does: what is heavy is imported when the first spans are exported.
"""

from otel_llm.sdk.context import ContextSpanProcessor, context
from otel_llm.sdk.exporter import OtelLlmLogExporter, OtelLlmSpanExporter, wrap
from otel_llm.sdk.middleware import AsgiContext, WsgiContext

__all__ = [
    "AsgiContext",
    "ContextSpanProcessor",
    "OtelLlmLogExporter",
    "OtelLlmSpanExporter",
    "WsgiContext",
    "context",
    "wrap",
]
