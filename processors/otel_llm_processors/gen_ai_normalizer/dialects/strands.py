"""Strands, the agents of AWS, which write most counts twice and durations in milliseconds.

Source: `strands/telemetry/tracer.py` of strands-agents/sdk-python 1.62.
"""

from __future__ import annotations

from typing import Final

from otel_llm import semconv
from otel_llm_processors.gen_ai_normalizer.converters import milliseconds
from otel_llm_processors.gen_ai_normalizer.dialects.dialect import Dialect, Spelling

__all__ = ["DIALECT"]

DIALECT: Final[Dialect] = Dialect(
    name="strands",
    label="strands",
    markers=(semconv.GEN_AI_PREFIX.encode(),),
    scopes=("strands",),
    is_scoped=True,  # OpenLIT writes the same attribute in seconds
    signs=("event_loop.cycle_id",),
    fields={
        semconv.GEN_AI_RESPONSE_TIME_TO_FIRST_CHUNK: (Spelling("gen_ai.server.time_to_first_token", milliseconds),),
        semconv.GEN_AI_USAGE_CACHE_WRITE_INPUT_TOKENS: ("gen_ai.usage.cache_write_input_tokens",),
    },
)
