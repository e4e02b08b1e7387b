"""The gateway with TLS and tokens, as a process, before OpenTelemetry's own SDK."""

from __future__ import annotations

import asyncio
import json
import ssl
from typing import TYPE_CHECKING

import grpc
from aiohttp import ClientSession
from opentelemetry.exporter.otlp.proto.grpc.trace_exporter import OTLPSpanExporter as GrpcExporter
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter as HttpExporter
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor

from tests.certificates import Authority
from tests.e2e.program import eventually

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from pathlib import Path

    import pytest
    from opentelemetry.sdk.trace.export import SpanExporter

    from tests.e2e.gateway import Gateway
    from tests.e2e.sink import Sink

TOKEN, FIRST, SECOND = "s3cr3t-Canary-0123456789", "s3cr3t-Canary-first", "s3cr3t-Canary-second"


async def test_sdks_send_over_tls_with_a_token(
    gateway: Callable[[str], Awaitable[Gateway]], sink: Sink, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Over gRPC and HTTP. A renewed certificate and a changed token are in use while it runs; no token gets out."""
    authority, token_file = Authority(tmp_path), tmp_path / "token"
    pair, renewed = authority.issue(), authority.issue()
    second = renewed.der
    token_file.touch(0o600)
    token_file.write_text(FIRST)
    monkeypatch.setenv("TOKEN", TOKEN)
    for name in ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"):  # for requests they come before what an exporter is told
        monkeypatch.delenv(name, raising=False)
    tokens = [
        {"name": "a", "token": "${env:TOKEN}", "tenant": "acme"},
        {"name": "b", "token_file": str(token_file)},
    ]
    listening = {"endpoint": "127.0.0.1:0", "tls": pair.settings, "auth": {"tokens": tokens}}
    config = {
        "receivers": {"otlp": {"protocols": {"grpc": listening, "http": listening}}},
        "exporters": {"otlp": {"endpoint": sink.grpc_endpoint, "tls": {"insecure": True}}},
        "service": {
            "telemetry": {"metrics": {"endpoint": "127.0.0.1:0"}, "logs": {"level": "debug"}},
            "pipelines": {"traces": {"receivers": ["otlp"], "exporters": ["otlp"]}},
        },
    }
    running = await gateway(json.dumps(config))
    url = running.http_endpoint.replace("http:", "https:")

    def exporters(token: str) -> list[SpanExporter]:
        headers = {"authorization": f"Bearer {token}"}
        credentials = grpc.ssl_channel_credentials(authority.pem)
        return [
            GrpcExporter(running.grpc_endpoint, credentials=credentials, headers=headers),
            HttpExporter(f"{url}/v1/traces", certificate_file=str(authority.file), headers=headers),
        ]

    for name, token in (("known", TOKEN), ("first", FIRST), ("unknown", SECOND)):
        await asyncio.to_thread(send, name, exporters(token))
    await sink.spans(4)
    pair.replace_by(renewed)
    token_file.write_text(SECOND)
    for endpoint in (running.grpc_endpoint, url):
        await eventually(shows(endpoint, second), "the renewed certificate", running.program)
    await eventually(takes(url, authority, SECOND), "the changed token", running.program)
    for name, token in (("known", TOKEN), ("second", SECOND), ("gone", FIRST)):
        await asyncio.to_thread(send, name, exporters(token))

    assert ["first", "first", "known", "known", "known", "known", "second", "second"] == sorted(
        span.name for span in await sink.spans(8)
    )
    async with ClientSession() as session:
        page = f"http://{running.endpoints['service.telemetry.metrics.endpoint']}/metrics"
        async with session.get(page) as answer:
            metrics = await answer.text()
    assert 'otel_llm_receiver_token_requests_total{receiver="otlp",token="a",transport="grpc"} 2.0' in metrics
    assert "s3cr3t" not in running.program.output + metrics + repr([each.body for each in sink.received])


def send(name: str, exporters: list[SpanExporter]) -> None:
    """Send a span of that name by each exporter. What is refused is dropped, as SDKs do."""
    for exporter in exporters:
        provider = TracerProvider()
        provider.add_span_processor(SimpleSpanProcessor(exporter))
        provider.get_tracer("e2e").start_span(name).end()
        provider.shutdown()


def shows(endpoint: str, certificate: bytes) -> Callable[[], Awaitable[bool | None]]:
    """Return what tells whether new connections get *certificate*."""
    host, _, port = endpoint.removeprefix("https://").rpartition(":")

    async def probe() -> bool | None:
        shown = await asyncio.to_thread(ssl.get_server_certificate, (host, int(port)))
        return ssl.PEM_cert_to_DER_cert(shown) == certificate or None

    return probe


def takes(url: str, authority: Authority, token: str) -> Callable[[], Awaitable[bool | None]]:
    """Return what tells whether *token* is good."""

    async def probe() -> bool | None:
        headers = {"Content-Type": "application/json", "Authorization": f"Bearer {token}"}
        async with (
            ClientSession() as session,
            session.post(f"{url}/v1/traces", data=b"{}", headers=headers, ssl=authority.context()) as response,
        ):
            return response.status == 200 or None

    return probe
