"""The exporter `otlphttp`, in front of a real HTTP server."""

from __future__ import annotations

import asyncio
import gzip
import random
from datetime import UTC, datetime
from email.utils import format_datetime
from typing import Any

import pytest
from aiohttp import web
from hypothesis import given, settings
from hypothesis import strategies as st
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceResponse
from pydantic import ValidationError

from otel_llm.batch import Batch
from otel_llm.component import Settings
from otel_llm.errors import ConfigError, Permanent, Retryable
from otel_llm.exporters.otlphttp import factory
from otel_llm.exporters.otlphttp.retry_after import parse_retry_after
from otel_llm.signals import Signal
from otel_llm.testing import make_request
from tests.exporters.backends import HttpAnswer, HttpBackend, Start, deliver, http_answer

NOW = 1_790_000_000.0
PROXIES = ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY")


@pytest.fixture(autouse=True)
def _no_proxies(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in PROXIES:
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.lower(), raising=False)


async def outcome(backend: HttpBackend, started: Start, answer: HttpAnswer) -> int | Exception:
    """Return what the exporter returns or raises when the backend answers so."""
    backend.answer = answer
    settings = Settings("otlphttp", clock=lambda: NOW)
    exporter = await started(factory.build({"endpoint": backend.endpoint}, settings))
    try:
        return await exporter.export(Batch(make_request({}, {}, {}, {}, {})))
    except (Retryable, Permanent) as error:
        return error


@pytest.mark.parametrize("compression", ["gzip", "none"])
@pytest.mark.parametrize("size", [100, 100_000], ids=["small", "large"])
@pytest.mark.parametrize("signal", [*Signal])
async def test_sends_the_bytes_as_they_are(
    http_backend: HttpBackend, started: Start, signal: Signal, size: int, compression: str
) -> None:
    """Every signal has its path, and the request's bytes arrive as they came, however they are compressed."""
    exporter = await started(factory.build({"endpoint": f"{http_backend.endpoint}/otel/", "compression": compression}))
    payload = random.Random(1).randbytes(size)

    assert 0 == await exporter.export(Batch(payload, signal, item_count=1))

    request = http_backend.requests[0]
    assert (f"/otel/v1/{signal}", payload) == (request.path, request.body)
    assert "application/x-protobuf" == request.headers["content-type"]
    assert {"gzip": "gzip", "none": None}[compression] == request.headers.get("content-encoding")


async def test_sends_headers(http_backend: HttpBackend, started: Start) -> None:
    """Headers of the config are sent, but none of them in place of those that say what the body is."""
    headers = {"Authorization": "Basic s3cret", "Content-Type": "text/plain"}
    exporter = await started(factory.build({"endpoint": http_backend.endpoint, "headers": headers}))

    await exporter.export(Batch(b""))

    sent = http_backend.requests[0].headers
    assert ("Basic s3cret", "application/x-protobuf") == (sent["authorization"], sent["content-type"])
    assert sent["user-agent"].startswith("otel-llm/")


async def test_endpoints_of_signals(http_backend: HttpBackend, started: Start) -> None:
    """A signal's own endpoint is used as it is; a signal without any endpoint is never sent."""
    exporter = await started(factory.build({"traces_endpoint": f"{http_backend.endpoint}/ingest"}))

    await exporter.export(Batch(b""))
    with pytest.raises(Permanent) as raised:
        await exporter.export(Batch(b"", Signal.LOGS))

    assert ["/ingest"] == [request.path for request in http_backend.requests]
    assert "no_endpoint" == raised.value.reason


@pytest.mark.parametrize("status", [429, 502, 503, 504])
async def test_retryable_statuses(http_backend: HttpBackend, started: Start, status: int) -> None:
    """These statuses mean that the same request may be taken later."""
    error = await outcome(http_backend, started, http_answer(status))

    assert isinstance(error, Retryable)
    assert error.after_s is None


@pytest.mark.parametrize("status", [300, 304, 400, 401, 403, 404, 408, 413, 418, 500, 501, 505])
async def test_permanent_statuses(http_backend: HttpBackend, started: Start, status: int) -> None:
    """Every other status means never, and is the reason that is counted (B7)."""
    error = await outcome(http_backend, started, http_answer(status, retry_after="1"))

    assert isinstance(error, Permanent)
    assert f"http_{status}" == error.reason
    assert 1 == len(http_backend.requests)


@pytest.mark.parametrize("status", [301, 302, 307, 308])
async def test_redirects_are_not_followed(http_backend: HttpBackend, started: Start, status: int) -> None:
    """Where a redirect leads to never gets a request: it would get the credentials too (B7)."""
    target = f"{http_backend.endpoint}/elsewhere"

    error = await outcome(http_backend, started, http_answer(status, location=target))

    assert isinstance(error, Permanent)
    assert ["/v1/traces"] == [request.path for request in http_backend.requests]


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        ("3", 3.0),
        ("86400", 86400.0),
        (format_datetime(datetime.fromtimestamp(NOW + 20, UTC), usegmt=True), 20.0),
        (format_datetime(datetime.fromtimestamp(NOW - 20, UTC), usegmt=True), -20.0),
        ("-1", None),
        ("abc", None),
        ("1.5", None),
        ("9" * 5000, None),
        ("", None),
    ],
)
async def test_retry_after(http_backend: HttpBackend, started: Start, header: str, expected: float | None) -> None:
    """Both forms of Retry-After are read, and what is neither is as if it were not there (B6)."""
    error = await outcome(http_backend, started, http_answer(503, retry_after=header))

    assert isinstance(error, Retryable)
    assert expected == error.after_s


@settings(deadline=None)
@given(st.text())
def test_retry_after_takes_anything(header: str) -> None:
    """No header raises."""
    assert isinstance(parse_retry_after(header, NOW), float | None)


async def test_partial_success(http_backend: HttpBackend, started: Start) -> None:
    """What a destination rejects of a request that it takes is returned (B9)."""
    answer = ExportTraceServiceResponse()
    answer.partial_success.rejected_spans = 3

    assert 3 == await outcome(http_backend, started, http_answer(200, answer.SerializeToString()))


@pytest.mark.parametrize(
    "answer",
    [
        http_answer(200, b"<html>welcome</html>", "text/html"),
        http_answer(200),
        http_answer(202, b"{}", "application/json"),
        http_answer(200, b"\xff\xff\xff"),
        http_answer(200, gzip.compress(bytes(50 << 20)), content_encoding="gzip"),
        http_answer(200, gzip.compress(b"\x0a\x02\x08\x03"), content_encoding="gzip"),
        http_answer(204),
    ],
    ids=["html", "empty", "json", "garbage", "bomb", "compressed", "no content"],
)
async def test_any_answer_of_success_is_success(http_backend: HttpBackend, started: Start, answer: HttpAnswer) -> None:
    """A 2xx is success whatever comes with it: trying again would make a duplicate (B10)."""
    assert 0 == await outcome(http_backend, started, answer)
    assert 1 == len(http_backend.requests)


async def test_an_endless_answer_is_not_read(http_backend: HttpBackend, started: Start) -> None:
    """Of an answer no more is read than could be one (B10)."""
    sent = 0
    cut = asyncio.Event()

    async def endless(request: web.Request) -> web.StreamResponse:
        nonlocal sent
        response = web.StreamResponse(headers={"content-type": "application/x-protobuf"})
        await response.prepare(request)
        try:
            while True:
                await response.write(bytes(65536))
                sent += 65536
        finally:
            cut.set()

    assert 0 == await outcome(http_backend, started, endless)
    await asyncio.wait_for(cut.wait(), 20)
    assert sent < 64 << 20


async def test_an_answer_that_breaks_off_is_success(started: Start) -> None:
    """An answer of which only the status arrives is success (B10)."""

    async def truncate(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(65536)
        writer.write(b"HTTP/1.1 200 OK\r\ncontent-type: application/x-protobuf\r\ncontent-length: 100\r\n\r\nab")
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(truncate, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    exporter = await started(factory.build({"endpoint": f"http://127.0.0.1:{port}"}))

    assert 0 == await exporter.export(Batch(make_request({})))

    server.close()
    await server.wait_closed()


async def test_no_connection(started: Start, free_port: int, resetting_port: int) -> None:
    """A destination that is not there, or resets the connection after it has read, may be there later (B11)."""
    for port in (free_port, resetting_port):
        exporter = await started(factory.build({"endpoint": f"http://127.0.0.1:{port}"}))
        with pytest.raises(Retryable):
            await exporter.export(Batch(make_request({})))


async def test_never_falls_back_to_plain_text(http_backend: HttpBackend, started: Start) -> None:
    """A destination that does not speak TLS gets nothing, and nothing is lost (B12)."""
    exporter = await started(factory.build({"endpoint": http_backend.endpoint.replace("http:", "https:")}))

    with pytest.raises(Retryable):
        await exporter.export(Batch(make_request({})))

    assert [] == http_backend.requests


async def test_nothing_is_lost_while_most_requests_fail(http_backend: HttpBackend) -> None:
    """With 70 % of requests failing at random, what arrives is what was sent (B4)."""
    dice = random.Random(4)
    taken: list[bytes] = []

    async def answer(request: web.Request) -> web.StreamResponse:
        status = dice.choice([429, 502, 503, 504]) if dice.random() < 0.7 else 200
        if status == 200:
            taken.append(http_backend.requests[-1].body)
        return await http_answer(status)(request)

    http_backend.answer = answer
    payloads = [make_request({"number": number}) for number in range(100)]

    meter = await deliver(factory.build({"endpoint": http_backend.endpoint}), payloads)

    assert set(range(100)) == {span.get_int("number") for body in taken for span in Batch(body).spans}
    assert 100 == meter.value("exporter_sent_spans_total", exporter="backend")


class TestProxy:
    async def test_of_the_environment(
        self, http_backend: HttpBackend, started: Start, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """A request goes to the proxy that the environment names, with the whole URL."""
        monkeypatch.setenv("HTTP_PROXY", http_backend.endpoint)
        monkeypatch.setenv("NO_PROXY", "other.invalid")
        exporter = await started(factory.build({"endpoint": "http://backend.invalid:4318"}))

        await exporter.export(Batch(b""))

        assert ["http://backend.invalid:4318/v1/traces"] == [request.path for request in http_backend.requests]

    @pytest.mark.parametrize("name", ["HTTP_PROXY", "ALL_PROXY"])
    async def test_not_for_this_machine(
        self, http_backend: HttpBackend, started: Start, monkeypatch: pytest.MonkeyPatch, name: str
    ) -> None:
        """A destination on this machine is reached without a proxy."""
        monkeypatch.setenv(name, "http://proxy.invalid:3128")

        assert 0 == await outcome(http_backend, started, http_answer(200))

    async def test_not_where_it_is_excepted(
        self, started: Start, free_port: int, http_backend: HttpBackend, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """What NO_PROXY names is asked directly."""
        monkeypatch.setenv("HTTP_PROXY", http_backend.endpoint)
        monkeypatch.setenv("NO_PROXY", "backend.invalid")
        exporter = await started(factory.build({"endpoint": f"http://backend.invalid:{free_port}"}))

        with pytest.raises(Retryable):
            await exporter.export(Batch(b""))

        assert [] == http_backend.requests

    def test_of_another_kind(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """A proxy that is not supported is a config error, not a destination that never takes anything."""
        monkeypatch.setenv("HTTP_PROXY", "socks5://127.0.0.1:1080")

        with pytest.raises(ConfigError):
            factory.build({"endpoint": "http://backend.invalid"})


@pytest.mark.parametrize(
    "wrong",
    [
        {},
        {"endpoint": "backend:4318"},
        {"endpoint": "ftp://backend"},
        {"endpoint": "http://user:password@backend"},
        {"endpoint": "http://backend/?key=x"},
        {"endpoint": "http://backend", "headers": {"x": "line\r\nbreak"}},
        {"endpoint": "http://backend", "encoding": "json"},
    ],
    ids=str,
)
def test_bad_settings_are_refused(wrong: dict[str, Any]) -> None:
    """What cannot work is an error before anything starts."""
    with pytest.raises(ValidationError):
        factory.build(wrong)


async def test_shutdown_without_start() -> None:
    """An exporter that was never started can be shut down."""
    await factory.build({"endpoint": "http://127.0.0.1:4318"}).shutdown()
