"""OTLP requests as tests make, send and read them."""

from __future__ import annotations

import os
import time
from typing import TYPE_CHECKING, Any

import aiohttp
import grpc.aio
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.trace.v1.trace_pb2 import Span

from otel_llm.signals import Signal

if TYPE_CHECKING:
    from collections.abc import Mapping

    from opentelemetry.proto.common.v1.common_pb2 import AnyValue
    from opentelemetry.proto.resource.v1.resource_pb2 import Resource

__all__ = ["attributes_of", "export", "trace_request"]


def trace_request(**spans: Mapping[str, str | int]) -> ExportTraceServiceRequest:
    """Return one trace of a client's spans that start now and last a second: attributes by the span's name."""
    request = ExportTraceServiceRequest()
    resource_spans = request.resource_spans.add()
    resource_spans.resource.attributes.add(key="service.name").value.string_value = "e2e"
    scope_spans = resource_spans.scope_spans.add()
    trace_id, now = os.urandom(16), time.time_ns()
    for name, attributes in spans.items():
        span = scope_spans.spans.add(
            trace_id=trace_id,
            span_id=os.urandom(8),
            name=name,
            kind=Span.SpanKind.SPAN_KIND_CLIENT,
            start_time_unix_nano=now,
            end_time_unix_nano=now + 1_000_000_000,
        )
        for key, value in attributes.items():
            if isinstance(value, str):
                span.attributes.add(key=key).value.string_value = value
            else:
                span.attributes.add(key=key).value.int_value = value
    return request


async def export(endpoint: str, body: bytes) -> None:
    """Send a trace request as it stands, to `host:port` over gRPC or to `http://host:port` over HTTP."""
    if endpoint.startswith("http://"):
        headers = {"Content-Type": "application/x-protobuf"}
        async with (
            aiohttp.ClientSession(endpoint) as session,
            session.post(Signal.TRACES.http_path, data=body, headers=headers) as response,
        ):
            assert 200 == response.status
    else:
        async with grpc.aio.insecure_channel(endpoint) as channel:
            call: grpc.aio.UnaryUnaryMultiCallable[bytes, bytes] = channel.unary_unary(Signal.TRACES.grpc_method)
            await call(body)


def attributes_of(item: Span | Resource) -> dict[str, Any]:
    """Return attributes as plain Python."""
    return {attribute.key: _plain(attribute.value) for attribute in item.attributes}


def _plain(value: AnyValue) -> Any:
    kind = value.WhichOneof("value")
    if kind == "array_value":
        return [_plain(element) for element in value.array_value.values]
    return getattr(value, kind) if kind else None
