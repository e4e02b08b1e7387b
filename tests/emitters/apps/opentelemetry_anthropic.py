"""The `anthropic` package under OpenTelemetry's own instrumentation."""

from __future__ import annotations

import sys

from opentelemetry.instrumentation.genai.anthropic import AnthropicInstrumentor

from tests.emitters.apps import anthropic_calls
from tests.emitters.apps.telemetry import exporting

if __name__ == "__main__":
    with exporting() as provider:
        AnthropicInstrumentor().instrument(tracer_provider=provider)
        anthropic_calls.make(sys.argv[1])
