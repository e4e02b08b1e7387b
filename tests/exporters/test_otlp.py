"""The exporter `otlp`, in front of a real gRPC server."""

from __future__ import annotations

import asyncio
import random
from typing import Any

import grpc
import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceResponse
from pydantic import ValidationError

from otel_llm.batch import Batch
from otel_llm.errors import Permanent, Retryable
from otel_llm.exporters.otlp import factory
from otel_llm.otlp_response import retry_trailers
from otel_llm.signals import Signal
from otel_llm.testing import make_request
from tests.exporters.backends import GrpcAnswer, GrpcBackend, Start, deliver

PLAIN = {"tls": {"insecure": True}}
Code = grpc.StatusCode


def retry_info(seconds: int) -> bytes:
    """Return the trailer in which a server asks for a wait."""
    return dict(retry_trailers(14, "", seconds))["grpc-status-details-bin"]


async def refusal(backend: GrpcBackend, started: Start, answer: GrpcAnswer) -> Exception:
    """Return what the exporter raises when the backend says *answer*."""
    backend.answer = lambda: answer
    exporter = await started(factory.build({"endpoint": backend.endpoint, **PLAIN}))
    with pytest.raises((Retryable, Permanent)) as raised:
        await exporter.export(Batch(make_request({})))
    return raised.value


@pytest.mark.parametrize("compression", ["gzip", "none"])
@pytest.mark.parametrize("signal", [*Signal])
async def test_sends_the_bytes_as_they_are(
    grpc_backend: GrpcBackend, started: Start, signal: Signal, compression: str
) -> None:
    """Every signal has its method, and the request's bytes arrive as they came, however they are compressed."""
    exporter = await started(factory.build({"endpoint": grpc_backend.endpoint, "compression": compression, **PLAIN}))
    payload = random.Random(1).randbytes(100_000)

    assert 0 == await exporter.export(Batch(payload, signal, item_count=1))

    assert [(signal.grpc_method, payload)] == [(each.method, each.body) for each in grpc_backend.requests]


async def test_a_large_request_is_sent(grpc_backend: GrpcBackend, started: Start) -> None:
    """What was taken from a sender is sent on, whatever its size: no default limit of gRPC stands in the way."""
    exporter = await started(factory.build({"endpoint": grpc_backend.endpoint, **PLAIN}))

    await exporter.export(Batch(bytes(5 * 1024 * 1024), item_count=1))

    assert [5 * 1024 * 1024] == [len(request.body) for request in grpc_backend.requests]


async def test_sends_headers(grpc_backend: GrpcBackend, started: Start) -> None:
    """Headers are sent in lower case, and a user agent."""
    config = {"endpoint": f"http://{grpc_backend.endpoint}", "headers": {"X-Api-Key": "s3cret"}, **PLAIN}
    exporter = await started(factory.build(config))

    await exporter.export(Batch(b""))

    metadata = grpc_backend.requests[0].metadata
    assert "s3cret" == metadata["x-api-key"]
    assert metadata["user-agent"].startswith("otel-llm/")


async def test_compresses(grpc_backend: GrpcBackend) -> None:
    """With gzip, the default, what goes over the wire is smaller."""
    counted: list[int] = []
    relays: list[asyncio.Task[None]] = []

    async def forward(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        counted.append(0)
        backend_reader, backend_writer = await asyncio.open_connection(*grpc_backend.endpoint.split(":"))
        answers = asyncio.create_task(_pipe(backend_reader, writer))
        while chunk := await reader.read(65536):
            counted[-1] += len(chunk)
            backend_writer.write(chunk)
        backend_writer.close()
        await answers
        await backend_writer.wait_closed()

    def relay(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        relays.append(asyncio.create_task(forward(reader, writer)))

    proxy = await asyncio.start_server(relay, "127.0.0.1", 0)
    endpoint = f"127.0.0.1:{proxy.sockets[0].getsockname()[1]}"
    for config in (PLAIN, {**PLAIN, "compression": "none"}):
        exporter = factory.build({"endpoint": endpoint, **config})
        await exporter.start()
        await exporter.export(Batch(bytes(40_000), item_count=1))
        await exporter.shutdown()
    proxy.close()
    await proxy.wait_closed()
    # In Python 3.11 the closing of a server does not wait for its connections; a client may leave by a reset.
    await asyncio.gather(*relays, return_exceptions=True)

    assert counted[0] < 5_000
    assert counted[1] > 40_000


async def _pipe(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while chunk := await reader.read(65536):
        writer.write(chunk)
    writer.close()
    await writer.wait_closed()


@pytest.mark.parametrize(
    "code",
    [
        Code.CANCELLED,
        Code.DEADLINE_EXCEEDED,
        Code.ABORTED,
        Code.OUT_OF_RANGE,
        Code.UNAVAILABLE,
        Code.DATA_LOSS,
    ],
)
async def test_retryable_codes(grpc_backend: GrpcBackend, started: Start, code: grpc.StatusCode) -> None:
    """These codes mean that the same request may be taken later, after the time in RetryInfo if there is one."""
    plain = await refusal(grpc_backend, started, GrpcAnswer(code))
    asked = await refusal(grpc_backend, started, GrpcAnswer(code, [("grpc-status-details-bin", retry_info(3))]))

    assert isinstance(plain, Retryable)
    assert isinstance(asked, Retryable)
    assert (None, 3.0) == (plain.after_s, asked.after_s)


@pytest.mark.parametrize(
    "code",
    [
        Code.UNKNOWN,
        Code.INVALID_ARGUMENT,
        Code.NOT_FOUND,
        Code.ALREADY_EXISTS,
        Code.PERMISSION_DENIED,
        Code.UNAUTHENTICATED,
        Code.FAILED_PRECONDITION,
        Code.UNIMPLEMENTED,
        Code.INTERNAL,
    ],
)
async def test_permanent_codes(grpc_backend: GrpcBackend, started: Start, code: grpc.StatusCode) -> None:
    """These codes mean never, RetryInfo or not, and are the reason that is counted."""
    answer = GrpcAnswer(code, [("grpc-status-details-bin", retry_info(3))])

    error = await refusal(grpc_backend, started, answer)

    assert isinstance(error, Permanent)
    assert code.name.lower() == error.reason
    assert "details of the backend" not in str(error)


async def test_resource_exhausted(grpc_backend: GrpcBackend, started: Start) -> None:
    """RESOURCE_EXHAUSTED means later with RetryInfo, and never without (B5)."""
    later = await refusal(
        grpc_backend, started, GrpcAnswer(Code.RESOURCE_EXHAUSTED, [("grpc-status-details-bin", retry_info(7))])
    )
    never = await refusal(grpc_backend, started, GrpcAnswer(Code.RESOURCE_EXHAUSTED))

    assert isinstance(later, Retryable)
    assert 7.0 == later.after_s
    assert isinstance(never, Permanent)
    assert "resource_exhausted" == never.reason


@pytest.mark.parametrize("trailer", [b"\xff\xff\xff", b"", b"\x1a\x7f", retry_info(3)[:-3], b"\x08" * 4000])
async def test_malformed_details_are_ignored(grpc_backend: GrpcBackend, started: Start, trailer: bytes) -> None:
    """Where the details cannot be read the code alone decides (B16)."""
    trailers = [("grpc-status-details-bin", trailer)]

    later = await refusal(grpc_backend, started, GrpcAnswer(Code.UNAVAILABLE, trailers))
    never = await refusal(grpc_backend, started, GrpcAnswer(Code.INTERNAL, trailers))

    assert isinstance(later, Retryable)
    assert later.after_s is None
    assert isinstance(never, Permanent)


async def test_partial_success(grpc_backend: GrpcBackend, started: Start) -> None:
    """What a destination rejects of a request that it takes is returned (B9)."""
    answer = ExportTraceServiceResponse()
    answer.partial_success.rejected_spans = 3
    answer.partial_success.error_message = "too old"
    grpc_backend.answer = lambda: GrpcAnswer(body=answer.SerializeToString())
    exporter = await started(factory.build({"endpoint": grpc_backend.endpoint, **PLAIN}))

    assert 3 == await exporter.export(Batch(make_request({}, {}, {}, {})))


async def test_an_answer_that_cannot_be_read_is_success(grpc_backend: GrpcBackend, started: Start) -> None:
    """The status OK is success whatever comes with it: trying again would make a duplicate (B10)."""
    grpc_backend.answer = lambda: GrpcAnswer(body=b"\xff\xff<html>")
    exporter = await started(factory.build({"endpoint": grpc_backend.endpoint, **PLAIN}))

    assert 0 == await exporter.export(Batch(make_request({})))


async def test_no_connection(started: Start, free_port: int, resetting_port: int) -> None:
    """A destination that is not there, or resets the connection, may be there later (B11)."""
    for port in (free_port, resetting_port):
        exporter = await started(factory.build({"endpoint": f"127.0.0.1:{port}", **PLAIN}))
        with pytest.raises(Retryable):
            await exporter.export(Batch(make_request({})))


async def test_never_falls_back_to_plain_text(grpc_backend: GrpcBackend, started: Start) -> None:
    """TLS is on by default; a destination that does not speak it gets nothing, and nothing is lost (B12)."""
    exporter = await started(factory.build({"endpoint": grpc_backend.endpoint, "timeout": "2s"}))

    with pytest.raises(Retryable):
        await exporter.export(Batch(make_request({})))

    assert [] == grpc_backend.requests


async def test_nothing_is_lost_while_most_requests_fail(grpc_backend: GrpcBackend) -> None:
    """With 70 % UNAVAILABLE at random, what arrives is what was sent (B4)."""
    dice = random.Random(4)
    grpc_backend.answer = lambda: GrpcAnswer(Code.UNAVAILABLE if dice.random() < 0.7 else Code.OK)
    payloads = [make_request({"number": number}) for number in range(300)]

    meter = await deliver(factory.build({"endpoint": grpc_backend.endpoint, **PLAIN}), payloads)

    received = {span.get_int("number") for body in grpc_backend.taken for span in Batch(body).spans}
    assert set(range(300)) == received
    assert 300 == meter.value("exporter_sent_spans_total", exporter="backend")
    assert len(grpc_backend.requests) == 300 + meter.value("exporter_retries_total", exporter="backend")


async def test_a_permanent_code_costs_one_request(grpc_backend: GrpcBackend) -> None:
    """A request that is always answered INTERNAL is tried once and dropped, and the others arrive (B17)."""
    answers = iter([GrpcAnswer(Code.INTERNAL)])
    grpc_backend.answer = lambda: next(answers, GrpcAnswer())

    meter = await deliver(
        factory.build({"endpoint": grpc_backend.endpoint, **PLAIN}), [make_request({}) for _ in range(5)]
    )

    assert (5, 4) == (len(grpc_backend.requests), len(grpc_backend.taken))
    assert 1 == meter.value("exporter_dropped_spans_total", exporter="backend", reason="internal")


@pytest.mark.parametrize(
    ("endpoint", "address", "plain_text"),
    [
        ("backend:4317", "backend:4317", True),
        ("http://backend:4317", "backend:4317", True),
        ("https://backend:4317", "backend:4317", False),
        ("https://[::1]:4317/", "[::1]:4317", False),
    ],
)
def test_endpoint(endpoint: str, address: str, plain_text: bool) -> None:
    """An endpoint may have a scheme, of which https is TLS even where `insecure` is set, as in the Collector."""
    config = factory.config.model_validate({"endpoint": endpoint, **PLAIN})

    assert (address, plain_text) == (config.address, config.plain_text)


@pytest.mark.parametrize(
    "wrong",
    [
        {},
        {"endpoint": "backend"},
        {"endpoint": "backend:4317/v1/traces", **PLAIN},
        {"endpoint": "grpc://backend:4317"},
        {"endpoint": "http://backend:4317"},
        {"endpoint": "backend:4317", "headers": {"bad name": "x"}},
        {"endpoint": "backend:4317", "headers": {"x": "line\nbreak"}},
        {"endpoint": "backend:4317", "headers": {"trace-bin": "x"}},
        {"endpoint": "backend:4317", "compression": "zstd"},
        {"endpoint": "backend:4317", "endpont": "x"},
    ],
    ids=str,
)
def test_bad_settings_are_refused(wrong: dict[str, Any]) -> None:
    """What cannot work is an error before anything starts."""
    with pytest.raises(ValidationError):
        factory.build(wrong)


def test_header_values_do_not_show() -> None:
    """A dump of the config shows no header's value."""
    config = factory.config.model_validate({"endpoint": "b:1", "headers": {"authorization": "s3cret"}})

    assert "s3cret" not in f"{config!r} {config.model_dump()} {config.model_dump_json()}"


async def test_shutdown_without_start() -> None:
    """An exporter that was never started can be shut down."""
    await factory.build({"endpoint": "127.0.0.1:4317"}).shutdown()
