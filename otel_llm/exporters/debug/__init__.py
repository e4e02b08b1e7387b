"""Exporter `debug`: a line for every gen_ai span, on standard output."""

from otel_llm.component import ExporterFactory
from otel_llm.exporters.debug.config import DebugConfig
from otel_llm.exporters.debug.exporter import DebugExporter

__all__ = ["DebugConfig", "DebugExporter", "factory"]

factory = ExporterFactory("debug", DebugConfig, DebugExporter)
