"""Real clients send through the gateway to a sink."""

from __future__ import annotations

import asyncio
import os
import shutil
import subprocess
import sys
from collections.abc import Awaitable, Callable, Sequence
from typing import TYPE_CHECKING, Final

import pytest
from genai_prices import Usage, calc_price
from opentelemetry.proto.trace.v1.trace_pb2 import Span

from tests.e2e.gateway import Gateway, pricing_config
from tests.e2e.otlp import attributes_of, export, trace_request
from tests.e2e.program import ROOT, missing
from tests.fake_provider import Failure, FakeProvider, Reply
from tests.fake_provider import Usage as Tokens

if TYPE_CHECKING:
    from tests.e2e.sink import Sink

MODEL: Final = "gpt-4o-mini-2024-07-18"
CLIENTS: Final = ROOT / "tests" / "clients"
StartGateway = Callable[[str], Awaitable[Gateway]]
PROTOCOLS: Final = pytest.mark.parametrize("protocol", ["grpc", "http/protobuf"])


@pytest.fixture
def python() -> Sequence[str]:
    """Return the command of the client in Python."""
    return [sys.executable, "-m", "tests.clients.python.sdk_app"]


@pytest.fixture(scope="session")
def go(tmp_path_factory: pytest.TempPathFactory) -> Sequence[str]:
    """Build the client in Go."""
    if shutil.which("go") is None:
        missing("Go is not installed: the client in tests/clients/go was not tried")
    binary = tmp_path_factory.mktemp("go") / "client"
    subprocess.run(["go", "build", "-buildvcs=false", "-o", binary, "."], cwd=CLIENTS / "go", check=True)
    return [str(binary)]


@pytest.fixture(scope="session")
def js(tmp_path_factory: pytest.TempPathFactory) -> Sequence[str]:
    """Install the client in JavaScript."""
    if shutil.which("npm") is None:
        missing("Node.js and npm are not installed: the client in tests/clients/js was not tried")
    directory = tmp_path_factory.mktemp("js")
    for name in ("client.mjs", "package.json", "package-lock.json"):
        shutil.copy(CLIENTS / "js" / name, directory)
    subprocess.run(["npm", "ci", "--ignore-scripts", "--prefer-offline"], cwd=directory, check=True)
    return ["node", str(directory / "client.mjs")]


@PROTOCOLS
@pytest.mark.parametrize(
    "language", ["python", pytest.param("go", marks=pytest.mark.backend), pytest.param("js", marks=pytest.mark.backend)]
)
async def test_an_sdk(
    language: str, protocol: str, request: pytest.FixtureRequest, gateway: StartGateway, sink: Sink
) -> None:
    """Spans of an SDK leave with today's names and their cost; one that is not gen_ai leaves as it came."""
    client: Sequence[str] = request.getfixturevalue(language)
    running = await gateway(to_sink(sink))

    await run_client(client, running, protocol)

    spans = {span.name: span for span in await sink.spans(3)}
    service_names = {attributes_of(group.resource)["service.name"] for group in sink.resource_spans}
    assert {f"client-{language}"} == service_names
    today = attributes_of(spans["chat gpt-4o-mini"])
    deprecated = attributes_of(spans["chat deprecated"])
    plain = spans["GET /api/items"]
    for attributes in (today, deprecated):
        assert "openai" == attributes["gen_ai.provider.name"]
        assert (1200, 300) == (attributes["gen_ai.usage.input_tokens"], attributes["gen_ai.usage.output_tokens"])
        assert "priced" == attributes["otel_llm.cost.status"]
    assert (
        price(Usage(input_tokens=1200, cache_read_tokens=1024, output_tokens=300)) == today["otel_llm.cost.total_usd"]
    )
    assert price(Usage(input_tokens=1200, output_tokens=300)) == deprecated["otel_llm.cost.total_usd"]
    assert Span.SpanKind.SPAN_KIND_SERVER == plain.kind
    assert {
        "http.request.method": "GET",
        "url.path": "/api/items",
        "http.response.status_code": 200,
    } == attributes_of(plain)


@PROTOCOLS
async def test_the_instrumentation_of_openai(
    protocol: str, gateway: StartGateway, sink: Sink, provider: FakeProvider
) -> None:
    """What the provider answered is what is priced, streamed or not; a refused call says why and costs nothing."""
    provider.script(
        Reply(model=MODEL, usage=Tokens(input=1200, cache_read=1024, output=300, reasoning=64)),
        Reply(model=MODEL, usage=Tokens(input=2400, output=7)),
        Failure(429, retry_after_s=1),
    )
    running = await gateway(to_sink(sink))
    app = [sys.executable, "-m", "tests.clients.python.openai_app"]

    await run_client(app, running, protocol, OPENAI_BASE_URL=provider.openai_url, OPENAI_API_KEY="sk-test")

    plain, streamed, refused = map(attributes_of, await sink.spans(3))
    assert ["openai"] * 3 == [each["gen_ai.provider.name"] for each in (plain, streamed, refused)]
    assert [(1200, 300), (2400, 7)] == [
        (each["gen_ai.usage.input_tokens"], each["gen_ai.usage.output_tokens"]) for each in (plain, streamed)
    ]
    assert (1024, 64) == (plain["gen_ai.usage.cache_read.input_tokens"], plain["gen_ai.usage.reasoning.output_tokens"])
    assert ["priced", "priced"] == [each["otel_llm.cost.status"] for each in (plain, streamed)]
    assert (
        price(Usage(input_tokens=1200, cache_read_tokens=1024, output_tokens=300)) == plain["otel_llm.cost.total_usd"]
    )
    assert price(Usage(input_tokens=2400, output_tokens=7)) == streamed["otel_llm.cost.total_usd"]
    assert "openai.RateLimitError" == refused["error.type"]
    assert "otel_llm.cost.total_usd" not in refused


@pytest.mark.parametrize("transport", ["grpc", "http"])
async def test_what_is_not_gen_ai_leaves_as_the_bytes_that_came(
    transport: str, gateway: StartGateway, sink: Sink
) -> None:
    """A request without gen_ai is forwarded byte for byte, fields that no version of OTLP knows included."""
    running = await gateway(to_sink(sink))
    unknown_field = b"\xa2\x06\x03new"  # field 100 of the request, length-delimited
    body = trace_request(get={"http.route": "/"}).SerializeToString() + unknown_field

    await export(running.grpc_endpoint if transport == "grpc" else running.http_endpoint, body)

    await sink.spans(1)
    assert [body] == [each.body for each in sink.received]


async def test_a_span_beside_a_priced_one_keeps_its_bytes(gateway: StartGateway, sink: Sink) -> None:
    """Where one span of a request is changed, the others are not."""
    running = await gateway(to_sink(sink))
    request = trace_request(get={"http.route": "/"}, chat={"gen_ai.system": "openai", "gen_ai.request.model": MODEL})
    untouched = request.resource_spans[0].scope_spans[0].spans[0].SerializeToString()

    await export(running.grpc_endpoint, request.SerializeToString())

    spans = {span.name: span for span in await sink.spans(2)}
    assert "openai" == attributes_of(spans["chat"])["gen_ai.provider.name"]
    assert untouched in sink.received[0].body


def to_sink(sink: Sink) -> str:
    """Return a config that exports to the sink."""
    return pricing_config("otlp", endpoint=sink.grpc_endpoint, tls={"insecure": True})


def price(usage: Usage) -> float:
    """Return what OpenAI charges, in USD, by the price list's own calculator."""
    return float(calc_price(usage, model_ref=MODEL, provider_id="openai").total_price)


async def run_client(command: Sequence[str], gateway: Gateway, protocol: str, **environment: str) -> None:
    """Run a client to its end; it must end well."""
    endpoint = f"http://{gateway.grpc_endpoint}" if protocol == "grpc" else gateway.http_endpoint
    environment |= {"OTEL_EXPORTER_OTLP_ENDPOINT": endpoint, "OTEL_EXPORTER_OTLP_PROTOCOL": protocol}
    process = await asyncio.create_subprocess_exec(*command, cwd=ROOT, env=os.environ | environment)
    assert 0 == await process.wait()
