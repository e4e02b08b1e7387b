"""What real instrumentations sent comes out of an app's exporter as it comes out of the gateway, span by span."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import pytest
from opentelemetry.exporter.otlp.proto.common.trace_encoder import encode_spans
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.sdk.trace import Event, ReadableSpan
from opentelemetry.trace import Link, SpanContext, SpanKind, Status, StatusCode, TraceFlags, TraceState

from otel_llm import otlp_json
from otel_llm.batch import Batch
from otel_llm.sdk.readable import attributes_of, resource_of, scope_of
from otel_llm.sdk.setup import open_outlet
from otel_llm.signals import Signal
from otel_llm.telemetry import Meter
from tests.e2e.program import ROOT

if TYPE_CHECKING:
    from collections.abc import Iterator

    from otel_llm.sdk.outlet import Opened

RECORDINGS: Final = sorted((ROOT / "tests" / "golden" / "emitters").rglob("*.jsonl"))
KINDS: Final = list(SpanKind)


@pytest.fixture(scope="module")
def opened() -> Opened:
    """Open the way out of an app that is not configured."""
    return open_outlet(Signal.TRACES, Meter(), ())


@pytest.mark.parametrize("path", RECORDINGS, ids=lambda path: f"{path.parent.name}-{path.stem}")
def test_a_recording_is_processed_the_same(path: Any, opened: Opened) -> None:
    """The same attributes, events, links and resources, in the same order within a span, of the same types."""
    for line in path.read_bytes().splitlines():
        request = otlp_json.decode(Signal.TRACES, line)

        batch = Batch(request)
        opened.chain.run(batch)
        gateway = dict(spans_of(batch.to_bytes()))
        in_app = opened.codec.process(list(readable(request)), opened.chain)
        app = dict(spans_of(encode_spans(in_app.items).SerializeToString()))

        assert [] == in_app.dropped
        assert gateway
        assert gateway == app


def spans_of(request: bytes) -> Iterator[tuple[bytes, tuple[Any, ...]]]:
    """Yield each span with its resource and scope, by its id."""
    for resource_spans in ExportTraceServiceRequest.FromString(request).resource_spans:
        for scope_spans in resource_spans.scope_spans:
            for span in scope_spans.spans:
                # What the SDK says of parents it knows depends on the SDK, and is nothing that a processor sees.
                span.flags = 0
                yield span.span_id, (resource_spans.resource, scope_spans.scope, span)


def readable(request: bytes) -> Iterator[ReadableSpan]:
    """Yield the spans as the SDK of the app that was recorded had them."""
    for resource_spans in ExportTraceServiceRequest.FromString(request).resource_spans:
        for scope_spans in resource_spans.scope_spans:
            for span in scope_spans.spans:
                yield ReadableSpan(
                    span.name,
                    _context(span.trace_id, span.span_id, span.trace_state),
                    _context(span.trace_id, span.parent_span_id, "") if span.parent_span_id else None,
                    resource_of(resource_spans),
                    attributes_of(span),
                    [Event(event.name, attributes_of(event), event.time_unix_nano) for event in span.events],
                    [Link(_context(link.trace_id, link.span_id, ""), attributes_of(link)) for link in span.links],
                    KINDS[span.kind - 1],
                    status=Status(StatusCode(span.status.code), span.status.message or None),
                    start_time=span.start_time_unix_nano,
                    end_time=span.end_time_unix_nano,
                    instrumentation_scope=scope_of(scope_spans),
                )


def _context(trace_id: bytes, span_id: bytes, trace_state: str) -> SpanContext:
    ids = int.from_bytes(trace_id, "big"), int.from_bytes(span_id, "big")
    state = TraceState.from_header([trace_state] if trace_state else [])
    return SpanContext(*ids, is_remote=False, trace_flags=TraceFlags(1), trace_state=state)
