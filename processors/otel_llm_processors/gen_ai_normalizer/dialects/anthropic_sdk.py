"""Anthropic's own SDK, which writes spans of itself in current names, and some figures in names of its own.

Source: spans of the `anthropic` package 2.12 for Python.
"""

from __future__ import annotations

from typing import Final

from otel_llm import semconv
from otel_llm_processors.gen_ai_normalizer.dialects.dialect import Dialect

__all__ = ["DIALECT"]

DIALECT: Final[Dialect] = Dialect(
    name="anthropic_sdk",
    label="anthropic_sdk",
    markers=(semconv.GEN_AI_PREFIX.encode(),),
    scopes=("com.anthropic.sdk",),
    fields={
        semconv.GEN_AI_RESPONSE_FINISH_REASONS: ("anthropic.message.stop_reason",),
        semconv.GEN_AI_USAGE_DETAILS_CACHE_WRITE_1H_TOKENS: (
            "anthropic.usage.cache_creation.ephemeral_1h_input_tokens",
        ),
    },
)
