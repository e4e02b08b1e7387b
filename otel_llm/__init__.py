"""An OpenTelemetry gateway that normalises and prices gen_ai spans, in front of any OTLP backend."""

__version__ = "0.1.0"
