"""Exporter `otlp`: OTLP over gRPC."""

from otel_llm.component import ExporterFactory
from otel_llm.exporters.otlp.config import OtlpConfig
from otel_llm.exporters.otlp.exporter import OtlpExporter

__all__ = ["OtlpConfig", "OtlpExporter", "factory"]

factory = ExporterFactory("otlp", OtlpConfig, OtlpExporter)
