"""The `anthropic` package, which writes spans of its own where there is a global tracer provider."""

from __future__ import annotations

import os
import sys

from tests.emitters.apps import anthropic_calls
from tests.emitters.apps.telemetry import exporting

if __name__ == "__main__":
    os.environ["ANTHROPIC_OPEN_TELEMETRY"] = "true"
    with exporting():
        anthropic_calls.make(sys.argv[1])
