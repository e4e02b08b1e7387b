"""The same agent, in the schema that its telemetry had at first."""

from __future__ import annotations

import os
import sys

from tests.emitters.apps.google_adk_agent import run

if __name__ == "__main__":
    os.environ["ADK_TELEMETRY_SCHEMA_VERSION_OPT_IN"] = "1"
    del os.environ["OTEL_SEMCONV_STABILITY_OPT_IN"]  # as it is where nobody has opted in to anything newer
    run(sys.argv[1])
