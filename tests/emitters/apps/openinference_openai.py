"""The `openai` package under OpenInference's (Arize) instrumentation."""

from __future__ import annotations

import sys

from openinference.instrumentation.openai import OpenAIInstrumentor

from tests.emitters.apps import openai_calls
from tests.emitters.apps.telemetry import exporting

if __name__ == "__main__":
    with exporting() as provider:
        OpenAIInstrumentor().instrument(tracer_provider=provider)
        openai_calls.make(sys.argv[1])
