"""Exporter `otlphttp`: OTLP over HTTP, in protobuf."""

from __future__ import annotations

from typing import TYPE_CHECKING

from otel_llm.component import ExporterFactory, Settings
from otel_llm.exporters.otlphttp.config import OtlpHttpConfig

if TYPE_CHECKING:
    from otel_llm.exporters.otlphttp.exporter import OtlpHttpExporter

__all__ = ["OtlpHttpConfig", "factory"]


def _create(config: OtlpHttpConfig, settings: Settings) -> OtlpHttpExporter:
    from otel_llm.exporters.otlphttp.exporter import OtlpHttpExporter  # an app reads the config, and sends by the SDK

    return OtlpHttpExporter(config, settings)


factory = ExporterFactory("otlphttp", OtlpHttpConfig, _create)
