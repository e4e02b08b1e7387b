"""How much of an answer is read (CVE-2026-40182 and its like): 4 MiB, as OTLP recommends."""

from __future__ import annotations

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceResponse

from otel_llm.batch import Batch
from otel_llm.exporters import otlp, otlphttp
from otel_llm.testing import make_request
from tests.exporters.backends import GrpcAnswer, GrpcBackend, HttpBackend, Start, http_answer

LIMIT = 4 * 1024 * 1024
BATCH = Batch(make_request({}, {}, {}, {}))


def answer_of(size: int) -> bytes:
    """Return an answer of that many bytes, which rejects three items."""
    answer = ExportTraceServiceResponse()
    answer.partial_success.rejected_spans = 3
    overhead = 2 * 5 + 2  # tags and lengths around a message of megabytes, and the count
    answer.partial_success.error_message = "x" * (size - overhead)
    found = answer.SerializeToString()
    assert size == len(found)
    return found


async def test_http_answers_are_read_up_to_the_limit(http_backend: HttpBackend, started: Start) -> None:
    """One byte more, and what it says is not known: the status was success, so nothing is sent again."""
    exporter = await started(otlphttp.factory.build({"endpoint": http_backend.endpoint}))
    rejected = []
    for size in (LIMIT, LIMIT + 1):
        http_backend.answer = http_answer(200, answer_of(size))
        rejected.append(await exporter.export(BATCH))

    assert [3, 0] == rejected


async def test_grpc_answers_are_read_up_to_the_limit(grpc_backend: GrpcBackend, started: Start) -> None:
    """One byte more, and gRPC does not read it; there was an answer, so nothing is sent again."""
    exporter = await started(otlp.factory.build({"endpoint": grpc_backend.endpoint, "tls": {"insecure": True}}))
    rejected = []
    for size in (LIMIT, LIMIT + 1):
        grpc_backend.answer = lambda size=size: GrpcAnswer(body=answer_of(size))  # type: ignore[misc]  # binds it
        rejected.append(await exporter.export(BATCH))

    assert [3, 0] == rejected
