"""A gateway whose guardrail asks a service: what that says is on the span, and nobody else waits for it."""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING, Final

from tests.e2e.otlp import attributes_of, export, trace_request
from tests.processors.guardrail.judge import WORD, Judge

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from tests.e2e.gateway import Gateway
    from tests.e2e.sink import Sink

CONFIG: Final = """
receivers:
  otlp: {{protocols: {{grpc: {{endpoint: "127.0.0.1:0"}}, http: {{endpoint: "127.0.0.1:0"}}}}}}
  otlp/plain: {{protocols: {{http: {{endpoint: "127.0.0.1:0"}}}}}}
processors: {{guardrail: {guardrail}}}
exporters: {{otlp: {{endpoint: "{sink}", tls: {{insecure: true}}}}}}
service:
  telemetry: {{metrics: {{endpoint: "127.0.0.1:0"}}}}
  pipelines:
    traces: {{receivers: [otlp], processors: [guardrail], exporters: [otlp]}}
    traces/plain: {{receivers: [otlp/plain], exporters: [otlp]}}
"""


async def test_a_service_judges_and_only_its_pipeline_waits(
    gateway: Callable[[str], Awaitable[Gateway]], sink: Sink
) -> None:
    """While a request waits for the service, the gateway takes another one; then the verdict is on the first's span."""
    with Judge() as judge:
        judge.go_on.clear()
        started = await gateway(CONFIG.format(guardrail=json.dumps(judge.config()), sink=sink.grpc_endpoint))
        said = {"gen_ai.operation.name": "chat", "gen_ai.input.messages": f"the {WORD} sings"}
        request = trace_request(call=said).SerializeToString()
        waiting = asyncio.create_task(export(started.grpc_endpoint, request))
        assert await asyncio.to_thread(judge.asked.acquire, timeout=20)
        plain = started.endpoints["receivers.otlp/plain.protocols.http.endpoint"]
        await export(f"http://{plain}", trace_request(call={"plain": "yes"}).SerializeToString())
        (first,) = await sink.spans(1)
        judge.go_on.set()
        await waiting
        found = [attributes_of(span) for span in await sink.spans(2)]

    assert "yes" == attributes_of(first)["plain"]
    assert [["judge.injection"]] == [each["otel_llm.guardrail.findings"] for each in found if "plain" not in each]
