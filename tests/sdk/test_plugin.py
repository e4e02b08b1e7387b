"""A distribution of somebody else's, once installed, is a processor in every app."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Final

from tests.plugins import install

PLUGIN: Final = Path(__file__).with_name("plugin")
APP: Final = """
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import ConsoleSpanExporter, SimpleSpanProcessor
from otel_llm.sdk import wrap

provider = TracerProvider(resource=Resource({"service.name": "shop"}))
provider.add_span_processor(SimpleSpanProcessor(wrap(ConsoleSpanExporter())))
provider.get_tracer("app").start_span("chat", attributes={"gen_ai.operation.name": "chat"}).end()
"""
CONFIG: Final = """
processors: {team: {teams: {shop: payments}}}
service: {pipelines: {traces: {processors: [team]}}}
"""


def test_an_installed_processor_is_found_by_its_name(tmp_path: Path) -> None:
    """Installed by pip, named in the config, and nothing else done."""
    config = tmp_path / "otel-llm.yaml"
    config.write_text(CONFIG)
    environment = install(PLUGIN, tmp_path / "site") | {"OTEL_LLM_CONFIG": str(config)}

    done = subprocess.run([sys.executable, "-c", APP], env=environment, capture_output=True, text=True, check=True)

    assert '"acme.team": "payments"' in done.stdout, done.stderr
