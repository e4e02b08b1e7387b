"""Budgets from end to end: an app with a real provider's client, the gateway, and the backend that shows it."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any, Final

import aiohttp
import httpx2
import openai
import pytest
from opentelemetry.exporter.otlp.proto.grpc.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor

from otel_llm import semconv
from otel_llm.budget import AsyncClient, AsyncGuardedTransport
from tests.e2e.gateway import Gateway
from tests.e2e.program import eventually
from tests.fake_provider import FakeProvider, Reply, Usage

if TYPE_CHECKING:
    from pathlib import Path

    from tests.e2e.backends import Jaeger

pytestmark = pytest.mark.backend

StartGateway = Callable[[str], Awaitable[Gateway]]

DAY: Final = "models/gpt-4o/daily_usd"
CONFIG: Final = """
receivers: {{otlp: {{protocols: {{grpc: {{endpoint: "127.0.0.1:0"}}}}}}}}
processors: {{gen_ai_normalizer: {{}}, cost: {{}}, budget: {{}}}}
exporters:
  otlp: {{endpoint: "{jaeger}", tls: {{insecure: true}}}}
  store: {{}}
extensions:
  storage: {{directory: "{directory}/state"}}
  store: {{url: "sqlite:///{directory}/store.db"}}
  budgets:
    file: "{directory}/budgets.yml"
    http: {{endpoint: "127.0.0.1:0"}}
    grpc: none
    digest: {{key: a key of the tests}}
service:
  extensions: [storage, store, budgets]
  telemetry: {{metrics: {{endpoint: "127.0.0.1:0"}}}}
  pipelines:
    traces: {{receivers: [otlp], processors: [gen_ai_normalizer, cost, budget], exporters: [otlp, store]}}
"""


async def test_jaeger_shows_how_the_budget_stands(gateway: StartGateway, jaeger: Jaeger, tmp_path: Path) -> None:
    """Two calls fit under the cap, the third never leaves; their spans settle what was held, and say so in Jaeger."""
    (tmp_path / "budgets.yml").write_text("models: {gpt-4o: {daily_usd: 0.008}}\n")
    running = await gateway(CONFIG.format(directory=tmp_path, jaeger=jaeger.grpc_endpoint))
    url = f"http://{running.endpoints['extensions.budgets.http.endpoint']}"
    tracing = TracerProvider()
    exporter = OTLPSpanExporter(endpoint=running.grpc_endpoint, insecure=True)
    tracing.add_span_processor(SimpleSpanProcessor(exporter))
    tracer = tracing.get_tracer("app")

    async def stands() -> dict[str, Any]:
        async with aiohttp.ClientSession() as session, session.get(f"{url}/v1/budgets") as answer:
            (day,) = (await answer.json())["budgets"]
            return dict(day)

    with FakeProvider(Reply("Yes.", usage=Usage(input=1000, output=100))) as provider:
        async with (
            AsyncClient(url, timeout_s=20) as budgets,
            httpx2.AsyncClient(transport=AsyncGuardedTransport(budgets)) as http,
            openai.AsyncOpenAI(base_url=provider.openai_url, api_key="any", http_client=http) as client,
        ):

            async def call(name: str) -> bytes:
                with tracer.start_as_current_span(name) as span:
                    span.set_attributes({"gen_ai.operation.name": "chat", "gen_ai.provider.name": "openai"})
                    span.set_attribute("gen_ai.request.model", "gpt-4o")
                    question: Any = [{"role": "user", "content": "Is it expensive?"}]
                    answer = await client.chat.completions.create(model="gpt-4o", messages=question, max_tokens=200)
                    assert answer.usage is not None
                    span.set_attribute("gen_ai.response.id", answer.id)
                    span.set_attribute("gen_ai.response.model", answer.model)
                    span.set_attribute("gen_ai.usage.input_tokens", answer.usage.prompt_tokens)
                    span.set_attribute("gen_ai.usage.output_tokens", answer.usage.completion_tokens)
                    return span.get_span_context().trace_id.to_bytes(16, "big")

            first = await call("first")

            async def warns() -> bool | None:
                return (await stands())["settled_usd"] == "0.0035" or None

            await eventually(warns, "the first call was charged", running.program)
            second = await call("second")
            with pytest.raises(openai.RateLimitError):
                await call("third")
        asked = len(provider.calls)
    tracing.shutdown()

    async def charged() -> dict[str, Any] | None:
        day = await stands()
        return day if (day["settled_usd"], day["held_usd"]) == ("0.007", "0") else None

    day = await eventually(charged, "both calls were charged", running.program)
    tags = [_tags((await jaeger.trace(trace, 1))[name]) for trace, name in ((first, "first"), (second, "second"))]

    assert 2 == asked
    assert "warn" == day["state"]
    assert [[DAY], [DAY]] == [json.loads(each[semconv.BUDGET_IDS]) for each in tags]
    assert {"ok", "unknown"} >= {each[semconv.BUDGET_STATE] for each in tags}
    assert [0.0035, 0.0035] == [each[semconv.COST_TOTAL_USD] for each in tags]
    assert all(each[semconv.RESERVATION_ID] for each in tags)


def _tags(span: dict[str, Any]) -> dict[str, Any]:
    return {tag["key"]: tag["value"] for tag in span["tags"]}
