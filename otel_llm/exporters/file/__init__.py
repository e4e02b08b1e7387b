"""Exporter `file`: a file of OTLP/JSON lines."""

from otel_llm.component import ExporterFactory
from otel_llm.exporters.file.config import FileConfig
from otel_llm.exporters.file.exporter import FileExporter

__all__ = ["FileConfig", "FileExporter", "factory"]

factory = ExporterFactory("file", FileConfig, FileExporter)
