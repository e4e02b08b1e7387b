"""Runs an emitter's app against the fake provider."""

from __future__ import annotations

import asyncio
import json
import os
from typing import TYPE_CHECKING

from tests.e2e.program import ROOT
from tests.emitters.answers import answers
from tests.emitters.asked import CITY, EMBEDDED, QUESTION, SYSTEM, WEATHER
from tests.emitters.environment import command_of
from tests.fake_provider import FakeProvider

if TYPE_CHECKING:
    from tests.emitters.table import Emitter

__all__ = ["run_app"]


async def run_app(emitter: Emitter, scenario: str, endpoint: str) -> None:
    """Make the calls of a scenario under the emitter, which sends its spans to *endpoint*, `http://host:port`.

    Raises:
        AssertionError: the app ended badly, or made other calls than the scenario has.
    """
    command = await asyncio.to_thread(command_of, emitter.name, emitter.environment)
    script = answers(scenario, emitter.provider)
    with FakeProvider() as provider:
        provider.script(*script)
        process = await asyncio.create_subprocess_exec(
            *command,
            scenario,
            cwd=ROOT,
            env=os.environ | _environment(provider, endpoint),
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
        )
        output, _ = await process.communicate()
        assert 0 == process.returncode, output.decode()
        assert len(script) == len(provider.calls), output.decode()


def _environment(provider: FakeProvider, endpoint: str) -> dict[str, str]:
    asked = {"city": CITY, "embedded": EMBEDDED, "question": QUESTION, "system": SYSTEM, "weather": WEATHER}
    return {
        "ASKED": json.dumps(asked),  # for an app that is not in Python
        "OPENAI_BASE_URL": provider.openai_url,
        "OPENAI_API_KEY": "sk-test",
        "ANTHROPIC_BASE_URL": provider.url,
        "ANTHROPIC_API_KEY": "test",
        "ANTHROPIC_OPEN_TELEMETRY": "false",
        "ANTHROPIC_OPEN_TELEMETRY_TRACES_CONTENT_MODE": "content",
        "GOOGLE_GEMINI_BASE_URL": provider.url,
        "GOOGLE_API_KEY": "test",
        "OTEL_EXPORTER_OTLP_ENDPOINT": endpoint,
        "OTEL_EXPORTER_OTLP_PROTOCOL": "http/protobuf",
        "OTEL_SERVICE_NAME": "emitter",
        "LANGCHAIN_REVISION_ID": "1",  # else that of the working copy
        "LANGFUSE_BASE_URL": endpoint,
        "LANGFUSE_OTEL_TRACES_EXPORT_PATH": "v1/traces",
        "LANGFUSE_PUBLIC_KEY": "pk-test",
        "LANGFUSE_SECRET_KEY": "sk-test",
        "MLFLOW_DISABLE_TELEMETRY": "true",
        "OTEL_SEMCONV_STABILITY_OPT_IN": "gen_ai_latest_experimental",
        "OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT": "SPAN_ONLY",
    }
