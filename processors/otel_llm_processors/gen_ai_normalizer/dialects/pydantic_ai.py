"""Pydantic AI and Logfire.

Source: `pydantic_ai/usage.py` and `pydantic_ai/models/instrumented.py` of pydantic/pydantic-ai 2.68.
"""

from __future__ import annotations

from typing import Final

from otel_llm import semconv
from otel_llm_processors.gen_ai_normalizer.dialects.dialect import Dialect

__all__ = ["DIALECT"]

_DETAILS: Final = "gen_ai.usage.details."
"""They repeat what the counts include: they are never added."""

DIALECT: Final = Dialect(
    name="pydantic_ai",
    label="pydantic_ai",
    markers=(semconv.GEN_AI_PREFIX.encode(),),
    scopes=("pydantic-ai", "logfire"),
    fields={
        semconv.GEN_AI_RESPONSE_TIME_TO_FIRST_CHUNK: ("gen_ai.client.operation.time_to_first_chunk",),
        semconv.GEN_AI_USAGE_CACHE_READ_INPUT_TOKENS: (_DETAILS + "cache_read_tokens",),
        semconv.GEN_AI_USAGE_CACHE_WRITE_INPUT_TOKENS: (_DETAILS + "cache_write_tokens",),
        semconv.GEN_AI_USAGE_REASONING_OUTPUT_TOKENS: (_DETAILS + "reasoning_tokens", _DETAILS + "thoughts_tokens"),
        semconv.GEN_AI_USAGE_AUDIO_INPUT_TOKENS: (_DETAILS + "input_audio_tokens",),
        semconv.GEN_AI_USAGE_AUDIO_OUTPUT_TOKENS: (_DETAILS + "output_audio_tokens",),
    },
)
