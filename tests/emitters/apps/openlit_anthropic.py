"""The `anthropic` package under OpenLIT."""

from __future__ import annotations

import os
import sys

import openlit

from tests.emitters.apps import anthropic_calls
from tests.emitters.apps.telemetry import exporting

if __name__ == "__main__":
    os.environ["OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT"] = "true"
    with exporting():
        openlit.init(disable_metrics=True, disable_events=True, pricing_json="none.json")
        anthropic_calls.make(sys.argv[1])
