"""Where an app in Python sends its spans."""

from __future__ import annotations

import os

from opentelemetry.exporter.otlp.proto.grpc.trace_exporter import OTLPSpanExporter as GrpcExporter
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter as HttpExporter
from opentelemetry.sdk.resources import SERVICE_NAME, Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter

__all__ = ["tracer_provider"]


def tracer_provider(service_name: str) -> TracerProvider:
    """Return a provider that exports as the environment says. Shut it down to flush it."""
    exporters: dict[str, type[SpanExporter]] = {"grpc": GrpcExporter, "http/protobuf": HttpExporter}
    exporter = exporters[os.environ["OTEL_EXPORTER_OTLP_PROTOCOL"]]()
    provider = TracerProvider(resource=Resource.create({SERVICE_NAME: service_name}), shutdown_on_exit=False)
    provider.add_span_processor(BatchSpanProcessor(exporter))
    return provider
