"""Exporter `store`: rows and charges into the SQL store."""

from otel_llm.component import ExporterFactory
from otel_llm.exporters.store.config import StoreExporterConfig
from otel_llm.exporters.store.exporter import StoreExporter

__all__ = ["StoreExporter", "StoreExporterConfig", "factory"]

factory = ExporterFactory("store", StoreExporterConfig, StoreExporter)
