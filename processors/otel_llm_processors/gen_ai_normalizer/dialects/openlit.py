"""OpenLIT.

Source: `openlit/semcov/__init__.py` of openlit/openlit 1.45.
"""

from __future__ import annotations

from typing import Final

from otel_llm import semconv
from otel_llm_processors.gen_ai_normalizer.dialects.dialect import Dialect

__all__ = ["DIALECT"]

_INPUT: Final = "gen_ai.usage.prompt_tokens_details."
_OUTPUT: Final = "gen_ai.usage.completion_tokens_details."

DIALECT: Final[Dialect] = Dialect(
    name="openlit",
    label="openlit",
    markers=(semconv.GEN_AI_PREFIX.encode(),),
    scopes=("openlit",),
    sdks=("openlit",),
    exclusive=("openlit.instrumentation.anthropic",),
    signs=("gen_ai.application_name", "gen_ai.environment"),
    fields={
        semconv.USER_ID: ("gen_ai.user.id", "gen_ai.request.user"),
        semconv.GEN_AI_RESPONSE_TIME_TO_FIRST_CHUNK: ("gen_ai.server.time_to_first_token", "gen_ai.server.ttft"),
        semconv.GEN_AI_USAGE_CACHE_READ_INPUT_TOKENS: (_INPUT + "cached_tokens",),
        semconv.GEN_AI_USAGE_CACHE_WRITE_INPUT_TOKENS: (_INPUT + "cache_creation_tokens",),
        semconv.GEN_AI_USAGE_AUDIO_OUTPUT_TOKENS: (_OUTPUT + "audio_tokens",),
        semconv.GEN_AI_USAGE_REASONING_OUTPUT_TOKENS: (_OUTPUT + "reasoning_tokens",),
    },
)
