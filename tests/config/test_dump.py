"""The config that is shown is the one that runs, but for its secrets."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import yaml

from otel_llm.config import load_config
from otel_llm.config.dump import dump_config

if TYPE_CHECKING:
    from otel_llm.config import HostConfig

ROOT = Path(__file__).parents[2]
CANARY = "s3cr3t-Canary"
SECRETS = {
    "DD_API_KEY": CANARY,
    "GRAFANA_CLOUD_AUTH": CANARY,
    "HONEYCOMB_API_KEY": CANARY,
    "LANGFUSE_AUTH": CANARY,
    "LOGFIRE_TOKEN": CANARY,
    "OPENOBSERVE_AUTH": CANARY,
    "TEMPO_TOKEN": CANARY,
    "TOKEN": CANARY,
}
ENVIRONMENT = SECRETS | {"GRAFANA_CLOUD_OTLP_ENDPOINT": "https://otlp-gateway.example.com/otlp"}
CONFIG = """
receivers:
  otlp:
    protocols:
      http: {auth: {tokens: [{name: a, token: "${env:TOKEN}", tenant: acme}, {name: b, token_file: f}]}}
exporters:
  otlphttp:
    endpoint: https://b
    headers: {authorization: "Bearer ${env:TOKEN}", x-plain: s3cr3t-Canary}
    retry_on_failure: {initial_interval: 1500us, max_elapsed_time: 1000h}
service:
  telemetry: {metrics: {endpoint: none}}
  pipelines: {traces: {receivers: [otlp], exporters: [otlphttp]}}
"""


def parts(config: HostConfig) -> tuple[Any, ...]:
    """Return what two configs are compared by: all but what is secret."""
    sections = config.receivers, config.processors, config.exporters, config.extensions
    return (
        *({name: part.config.model_dump(exclude={"headers"}) for name, part in each.items()} for each in sections),
        config.service,
    )


@pytest.mark.parametrize("path", sorted(ROOT.joinpath("collector-config").glob("*.yaml")), ids=lambda path: path.stem)
def test_what_is_shown_reads_as_the_same_config(path: Path) -> None:
    """Every default is written out, and nothing changes by that."""
    config = load_config(path.read_text(), environ=ENVIRONMENT)
    again = load_config(dump_config(config))

    assert dump_config(config) == dump_config(again)
    assert parts(config) == parts(again)


def test_secrets_are_not_shown() -> None:
    """C10: neither tokens nor values of headers, wherever they came from."""
    shown = dump_config(load_config(CONFIG, environ=SECRETS))
    found = yaml.safe_load(shown)

    assert CANARY not in shown
    assert {"authorization": "[REDACTED]", "x-plain": "[REDACTED]"} == found["exporters"]["otlphttp"]["headers"]
    assert [
        {"name": "a", "token": "[REDACTED]", "tenant": "acme"},
        {"name": "b", "token_file": "f"},
    ] == found["receivers"]["otlp"]["protocols"]["http"]["auth"]["tokens"]


def test_what_is_off_stays_off() -> None:
    """A protocol that is not served, metrics that are nowhere; and times keep their length."""
    config = load_config(CONFIG, environ=SECRETS)
    again = load_config(dump_config(config))
    receiver, exporter = again.receivers["otlp"].config.model_dump(), again.exporters["otlphttp"].config.model_dump()

    assert receiver["protocols"]["grpc"] is None
    assert again.service.telemetry.metrics.endpoint is None
    assert (0.0015, 3_600_000.0) == (
        exporter["retry_on_failure"]["initial_interval"],
        exporter["retry_on_failure"]["max_elapsed_time"],
    )


def test_no_config_shows_its_secrets() -> None:
    """Nor does a config that is printed or dumped otherwise, as a debugger or a careless log would."""
    config = load_config(CONFIG, environ=SECRETS)
    shown = [f"{part.config!r} {part.config.model_dump()} {part.config.model_dump_json()}"
             for section in (config.receivers, config.exporters) for part in section.values()]  # fmt: skip

    assert CANARY not in f"{config!r} {shown}"
