"""LiteLLM's own callback for OpenTelemetry, the older one and the second version.

Source: `litellm/integrations/opentelemetry.py` and `litellm/integrations/otel/` of BerriAI/litellm 1.109.
"""

from __future__ import annotations

from typing import Final

from otel_llm import semconv
from otel_llm_processors.gen_ai_normalizer.converters import one_of
from otel_llm_processors.gen_ai_normalizer.dialects.dialect import Dialect, Spelling, member

__all__ = ["DIALECT"]

_CALLS: Final = {
    "completion": "chat",
    "acompletion": "chat",
    "text_completion": "text_completion",
    "atext_completion": "text_completion",
    "responses": "chat",
    "aresponses": "chat",
    "anthropic_messages": "chat",
    "embedding": "embeddings",
    "aembedding": "embeddings",
    "rerank": "rerank",
    "arerank": "rerank",
}
_USAGE: Final = "metadata.usage_object"
"""A Python dictionary, printed."""

DIALECT: Final = Dialect(
    name="litellm",
    label="litellm",
    markers=(b"litellm",),
    scopes=("litellm",),
    is_scoped=True,  # `llm.request.type` is OpenLLMetry's too, where a completion is one of text
    signs=("litellm.call_id", "hidden_params", "llm.request.type", "llm.is_streaming"),
    fields={
        semconv.GEN_AI_OPERATION_NAME: (
            Spelling("litellm.call_type", one_of(_CALLS)),
            Spelling("llm.request.type", one_of(_CALLS)),
        ),
        semconv.USER_ID: ("litellm.end_user.id",),
        semconv.GEN_AI_REQUEST_STREAM: ("litellm.request.streaming",),
        semconv.GEN_AI_USAGE_CACHE_READ_INPUT_TOKENS: (
            member(_USAGE, "cache_read_input_tokens"),
            member(_USAGE, "prompt_tokens_details", "cached_tokens"),
        ),
        semconv.GEN_AI_USAGE_CACHE_WRITE_INPUT_TOKENS: (member(_USAGE, "cache_creation_input_tokens"),),
        semconv.GEN_AI_USAGE_REASONING_OUTPUT_TOKENS: (
            member(_USAGE, "completion_tokens_details", "reasoning_tokens"),
        ),
    },
)
