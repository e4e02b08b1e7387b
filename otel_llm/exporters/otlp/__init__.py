"""Exporter `otlp`: OTLP over gRPC."""

from __future__ import annotations

from typing import TYPE_CHECKING

from otel_llm.component import ExporterFactory, Settings
from otel_llm.exporters.otlp.config import OtlpConfig

if TYPE_CHECKING:
    from otel_llm.exporters.otlp.exporter import OtlpExporter

__all__ = ["OtlpConfig", "factory"]


def _create(config: OtlpConfig, settings: Settings) -> OtlpExporter:
    from otel_llm.exporters.otlp.exporter import OtlpExporter  # an app reads the config, and sends by the SDK

    return OtlpExporter(config, settings)


factory = ExporterFactory("otlp", OtlpConfig, _create)
