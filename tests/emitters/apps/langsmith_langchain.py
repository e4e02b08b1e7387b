"""A chat model of LangChain, traced by LangSmith's SDK, which sends OTLP instead of its own protocol."""

from __future__ import annotations

import os
import sys

from tests.emitters.apps import langchain_calls
from tests.emitters.apps.telemetry import exporting

if __name__ == "__main__":
    os.environ |= {"LANGSMITH_TRACING": "true", "LANGSMITH_OTEL_ENABLED": "true", "LANGSMITH_OTEL_ONLY": "true"}
    with exporting():
        langchain_calls.make(sys.argv[1])
        from langsmith.run_trees import get_cached_client

        get_cached_client().flush()
