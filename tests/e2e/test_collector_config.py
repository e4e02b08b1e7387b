"""Every ready config runs: it is started as it stands, but for its ports, and fed over both protocols."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

import pytest

from tests.e2e.otlp import attributes_of, export, trace_request
from tests.e2e.program import ROOT, eventually

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from pathlib import Path

    from tests.e2e.gateway import Gateway
    from tests.e2e.sink import Sink

CONFIGS: Final = {path.name: path.read_text() for path in sorted(ROOT.glob("collector-config/*.yaml"))}
CALL: Final[dict[str, str | int]] = {
    "gen_ai.operation.name": "chat",
    "gen_ai.system": "openai",
    "gen_ai.request.model": "gpt-4o",
    "gen_ai.usage.prompt_tokens": 1000,
    "gen_ai.usage.completion_tokens": 100,
}
PRICE: Final = 0.0035
"""USD: 1,000 tokens at $2.50 and 100 at $10 a million."""


@pytest.mark.parametrize("name", CONFIGS)
async def test_a_ready_config_runs(
    name: str, gateway: Callable[[str], Awaitable[Gateway]], sink: Sink, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A span in deprecated words arrives at the backend in current ones and priced, by either protocol."""
    for variable in ("JAEGER_ENDPOINT", "TEMPO_ENDPOINT", "COLLECTOR_ENDPOINT"):
        monkeypatch.setenv(variable, sink.grpc_endpoint)
    for variable in ("LANGFUSE_HOST", "PHOENIX_ENDPOINT"):
        monkeypatch.setenv(variable, sink.http_endpoint)
    monkeypatch.setenv("OTEL_LLM_STATE_DIR", str(tmp_path / "state"))
    monkeypatch.setenv("LANGFUSE_AUTH", "cHVibGljOnNlY3JldA==")
    config = re.sub(r"127\.0\.0\.1:(5317|5318|8889|13134)", "127.0.0.1:0", CONFIGS[name])
    started = await gateway(_on_free_ports(config))
    for endpoint in (started.grpc_endpoint, started.http_endpoint):
        await export(endpoint, trace_request(call=CALL).SerializeToString())

    if "debug: {}" in config:

        async def shown() -> str | None:
            return started.program.output if started.program.output.count("$0.0035") == 2 else None

        assert "chat gpt-4o" in await eventually(shown, "two priced lines", started.program)
        return
    found = [attributes_of(span) for span in await sink.spans(2)]

    assert ["openai", "openai"] == [span["gen_ai.provider.name"] for span in found]
    assert [PRICE, PRICE] == pytest.approx([span["otel_llm.cost.total_usd"] for span in found])


def _on_free_ports(config: str) -> str:
    """Return the config with port 0 where it leaves the ports to the defaults, which other tests may be using."""
    config = config.replace(
        "  otlp: {}\n", '  otlp: {protocols: {grpc: {endpoint: "127.0.0.1:0"}, http: {endpoint: "127.0.0.1:0"}}}\n', 1
    )
    config = config.replace("  health: {}\n", '  health: {endpoint: "127.0.0.1:0"}\n')
    if "telemetry:" not in config:
        config = config.replace("service:\n", 'service:\n  telemetry: {metrics: {endpoint: "127.0.0.1:0"}}\n', 1)
    return config
