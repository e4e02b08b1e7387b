"""The gateway before, behind and between real backends."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any, Final

import pytest
from genai_prices import Usage, calc_price
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from tests.e2e.backends import Collector, Jaeger
from tests.e2e.gateway import Gateway, pricing_config
from tests.e2e.otlp import export, trace_request

pytestmark = pytest.mark.backend

StartGateway = Callable[[str], Awaitable[Gateway]]
StartCollector = Callable[[str], Awaitable[Collector]]

MODEL: Final = "gpt-4o-mini-2024-07-18"
PLAINTEXT: Final = {"insecure": True}


async def test_jaeger_shows_normalised_names_and_costs(gateway: StartGateway, jaeger: Jaeger) -> None:
    """A span in the names of 2024 comes back from Jaeger's query API in today's, with what it cost."""
    running = await gateway(pricing_config("otlp", endpoint=jaeger.grpc_endpoint, tls=PLAINTEXT))
    request = one_trace()

    await export(running.grpc_endpoint, request.SerializeToString())

    assert_priced(await jaeger.trace(trace_id(request), 2))


async def test_jaeger_over_http(gateway: StartGateway, jaeger: Jaeger) -> None:
    """The same over OTLP/HTTP on both sides."""
    running = await gateway(pricing_config("otlphttp", endpoint=jaeger.http_endpoint))
    request = one_trace()

    await export(running.http_endpoint, request.SerializeToString())

    assert_priced(await jaeger.trace(trace_id(request), 2))


async def test_jaeger_cannot_tell_that_a_plain_span_came_through_the_gateway(
    gateway: StartGateway, jaeger: Jaeger
) -> None:
    """What Jaeger knows of a span that is not gen_ai is the same as when it was sent there directly."""
    running = await gateway(pricing_config("otlp", endpoint=jaeger.grpc_endpoint, tls=PLAINTEXT))
    through = one_trace()
    direct = ExportTraceServiceRequest.FromString(through.SerializeToString())
    for span in direct.resource_spans[0].scope_spans[0].spans:
        span.trace_id = bytes(reversed(span.trace_id))

    await export(running.grpc_endpoint, through.SerializeToString())
    await export(jaeger.grpc_endpoint, direct.SerializeToString())

    expected = (await jaeger.trace(trace_id(direct), 2))["get"]
    actual = (await jaeger.trace(trace_id(through), 2))["get"]
    assert expected | {"traceID": actual["traceID"]} == actual


async def test_behind_a_collector(gateway: StartGateway, otelcol: StartCollector, jaeger: Jaeger) -> None:
    """A Collector forwards to the gateway as to any backend."""
    running = await gateway(pricing_config("otlp", endpoint=jaeger.grpc_endpoint, tls=PLAINTEXT))
    collector = await otelcol(running.grpc_endpoint)
    request = one_trace()

    await export(collector.grpc_endpoint, request.SerializeToString())

    assert_priced(await jaeger.trace(trace_id(request), 2))


async def test_before_a_collector(gateway: StartGateway, otelcol: StartCollector, jaeger: Jaeger) -> None:
    """The gateway forwards to a Collector as to any backend."""
    collector = await otelcol(jaeger.grpc_endpoint)
    running = await gateway(pricing_config("otlp", endpoint=collector.grpc_endpoint, tls=PLAINTEXT))
    request = one_trace()

    await export(running.grpc_endpoint, request.SerializeToString())

    assert_priced(await jaeger.trace(trace_id(request), 2))


def one_trace() -> ExportTraceServiceRequest:
    """Return a trace with a call in deprecated names, and a span that is not gen_ai."""
    return trace_request(
        get={"http.request.method": "GET", "http.response.status_code": 200},
        chat={
            "gen_ai.operation.name": "chat",
            "gen_ai.system": "openai",
            "gen_ai.response.model": MODEL,
            "gen_ai.usage.prompt_tokens": 1200,
            "gen_ai.usage.completion_tokens": 300,
        },
    )


def trace_id(request: ExportTraceServiceRequest) -> bytes:
    """Return the id that all spans of a request share."""
    return request.resource_spans[0].scope_spans[0].spans[0].trace_id


def assert_priced(spans: dict[str, dict[str, Any]]) -> None:
    """Check the spans of `one_trace` as Jaeger's API has them."""
    chat = {tag["key"]: tag["value"] for tag in spans["chat"]["tags"]}
    cost = calc_price(Usage(input_tokens=1200, output_tokens=300), model_ref=MODEL, provider_id="openai")
    assert "openai" == chat["gen_ai.provider.name"]
    assert (1200, 300) == (chat["gen_ai.usage.input_tokens"], chat["gen_ai.usage.output_tokens"])
    assert "priced" == chat["otel_llm.cost.status"]
    assert float(cost.total_price) == chat["otel_llm.cost.total_usd"]
    assert "otel_llm.cost.status" not in {tag["key"] for tag in spans["get"]["tags"]}
