"""Phoenix, with what it keeps in a directory of the test."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Final

import pytest

from tests.e2e.backends import run_phoenix
from tests.e2e.gateway import on_free_ports, run_gateway
from tests.e2e.in_app import INSTRUMENT, configure
from tests.e2e.otlp import export, trace_request
from tests.e2e.program import ROOT, run
from tests.model_call import CALL_OF_2024, COST_USD

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.backend

CONFIG: Final = ROOT / "collector-config" / "phoenix.yaml"
SHOWN: Final = ("openai", "gpt-4o", 1000, COST_USD)


async def test_shows_what_a_call_cost_whichever_way_its_span_came(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """From a gateway with the ready config, and straight from an app: provider, model, tokens and price."""
    async with run_phoenix(tmp_path) as phoenix:
        monkeypatch.setenv("PHOENIX_ENDPOINT", phoenix.http_endpoint)
        monkeypatch.setenv("OTEL_LLM_STATE_DIR", str(tmp_path / "state"))
        async with run_gateway(tmp_path, on_free_ports(CONFIG.read_text())) as gateway:
            await export(
                gateway.grpc_endpoint, trace_request(**{"through the gateway": CALL_OF_2024}).SerializeToString()
            )
            await phoenix.spans("through the gateway")

        configure(monkeypatch, phoenix.http_endpoint)
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_PROTOCOL", "http/protobuf")
        async with run([INSTRUMENT, sys.executable, "-m", "tests.apps.script", "normal"], tmp_path / "log") as app:
            assert 0 == await app.wait(60), app.output
        spans = await phoenix.spans("through the gateway", "first", "second")

    for attributes in spans.values():
        shown = ("gen_ai.provider.name", "gen_ai.request.model", "gen_ai.usage.input_tokens", "otel_llm.cost.total_usd")
        assert tuple(attributes[key] for key in shown) == SHOWN
