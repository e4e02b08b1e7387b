"""Phoenix, with what it keeps in a directory of the test."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Final

import pytest

from tests.e2e.backends import run_phoenix
from tests.e2e.gateway import on_free_ports, run_gateway
from tests.e2e.otlp import export, trace_request
from tests.e2e.program import ROOT, run

if TYPE_CHECKING:
    from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

pytestmark = pytest.mark.backend

CONFIG: Final = ROOT / "collector-config" / "phoenix.yaml"
SHOWN: Final = ("openai", "gpt-4o", 1000, 0.0035)


async def test_shows_what_a_call_cost_whichever_way_its_span_came(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """From a gateway with the ready config, and straight from an app: provider, model, tokens and price."""
    async with run_phoenix(tmp_path) as phoenix:
        monkeypatch.setenv("PHOENIX_ENDPOINT", phoenix.http_endpoint)
        monkeypatch.setenv("OTEL_LLM_STATE_DIR", str(tmp_path / "state"))
        async with run_gateway(tmp_path, on_free_ports(CONFIG.read_text())) as gateway:
            await export(gateway.grpc_endpoint, a_call("through the gateway").SerializeToString())
            await phoenix.spans("through the gateway")

        monkeypatch.setenv("OTEL_TRACES_EXPORTER", "otel_llm")
        monkeypatch.setenv("OTEL_METRICS_EXPORTER", "none")
        monkeypatch.setenv("OTEL_LOGS_EXPORTER", "none")
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_PROTOCOL", "http/protobuf")
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", phoenix.http_endpoint)
        instrument = Path(sys.executable).parent / "opentelemetry-instrument"
        async with run([instrument, sys.executable, "-m", "tests.apps.script", "normal"], tmp_path / "log") as app:
            assert 0 == await app.wait(60), app.output
        spans = await phoenix.spans("through the gateway", "first", "second")

    for attributes in spans.values():
        shown = ("gen_ai.provider.name", "gen_ai.request.model", "gen_ai.usage.input_tokens", "otel_llm.cost.total_usd")
        assert tuple(attributes[key] for key in shown) == SHOWN


def a_call(name: str) -> ExportTraceServiceRequest:
    """Return a call in deprecated names, as those of the app are."""
    call: dict[str, str | int] = {
        "gen_ai.operation.name": "chat",
        "gen_ai.system": "openai",
        "gen_ai.request.model": "gpt-4o",
        "gen_ai.usage.prompt_tokens": 1000,
        "gen_ai.usage.completion_tokens": 100,
    }
    return trace_request(**{name: call})
