"""The same agent in version 1.20, whose telemetry has one span for a call."""

from __future__ import annotations

import sys

from tests.emitters.apps.google_adk_agent import run

if __name__ == "__main__":
    run(sys.argv[1])
