"""The `anthropic` package in a traced app, where it writes spans of its own beside those of OpenLLMetry."""

from __future__ import annotations

import os
import sys

from opentelemetry.instrumentation.anthropic import AnthropicInstrumentor

from tests.emitters.apps import anthropic_calls
from tests.emitters.apps.telemetry import exporting

if __name__ == "__main__":
    os.environ["ANTHROPIC_OPEN_TELEMETRY"] = "true"
    with exporting() as provider:
        AnthropicInstrumentor().instrument(tracer_provider=provider)
        with provider.get_tracer("app").start_as_current_span("GET /answer"):
            anthropic_calls.make(sys.argv[1])
