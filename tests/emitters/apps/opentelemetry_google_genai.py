"""The `google-genai` package under OpenTelemetry's own instrumentation."""

from __future__ import annotations

import sys

from opentelemetry.instrumentation.google_genai import GoogleGenAiSdkInstrumentor

from tests.emitters.apps import google_genai_calls
from tests.emitters.apps.telemetry import exporting

if __name__ == "__main__":
    with exporting() as provider:
        GoogleGenAiSdkInstrumentor().instrument(tracer_provider=provider)
        google_genai_calls.make(sys.argv[1])
