"""VoltAgent.

Source: spans of `@voltagent/core`.
"""

from __future__ import annotations

from typing import Final

from otel_llm import semconv
from otel_llm_processors.gen_ai_normalizer.dialects.dialect import Dialect

__all__ = ["DIALECT"]

DIALECT: Final = Dialect(
    name="voltagent",
    label="voltagent",
    markers=(b"usage.prompt_tokens",),
    fields={
        semconv.GEN_AI_USAGE_INPUT_TOKENS: ("usage.prompt_tokens",),
        semconv.GEN_AI_USAGE_OUTPUT_TOKENS: ("usage.completion_tokens",),
        semconv.GEN_AI_USAGE_CACHE_READ_INPUT_TOKENS: ("usage.cached_tokens",),
        semconv.GEN_AI_USAGE_REASONING_OUTPUT_TOKENS: ("usage.reasoning_tokens",),
    },
    totals=("usage.total_tokens",),
)
