"""A chat model of LangChain under OpenInference's (Arize) instrumentation."""

from __future__ import annotations

import sys

from openinference.instrumentation.langchain import LangChainInstrumentor

from tests.emitters.apps import langchain_calls
from tests.emitters.apps.telemetry import exporting

if __name__ == "__main__":
    with exporting() as provider:
        LangChainInstrumentor().instrument(tracer_provider=provider)
        langchain_calls.make(sys.argv[1])
