"""Exporter `otlphttp`: OTLP over HTTP, in protobuf."""

from otel_llm.component import ExporterFactory
from otel_llm.exporters.otlphttp.config import OtlpHttpConfig
from otel_llm.exporters.otlphttp.exporter import OtlpHttpExporter

__all__ = ["OtlpHttpConfig", "OtlpHttpExporter", "factory"]

factory = ExporterFactory("otlphttp", OtlpHttpConfig, OtlpHttpExporter)
