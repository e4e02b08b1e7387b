"""LiteLLM's own callback for OpenTelemetry, the older one and the second version.

Source: `litellm/integrations/opentelemetry.py` and `litellm/integrations/otel/` of BerriAI/litellm 1.109.
"""

from __future__ import annotations

from functools import partial
from typing import Final

from otel_llm import semconv
from otel_llm_processors.gen_ai_normalizer.converters import current_json, one_of
from otel_llm_processors.gen_ai_normalizer.dialects.dialect import Dialect, Spelling, member
from otel_llm_processors.gen_ai_normalizer.indexed import function_calls

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


def _rebuilt(attribute: str, role: str) -> Spelling:
    return Spelling(attribute, partial(current_json, role), is_believed=True, is_kept=True)


DIALECT: Final[Dialect] = Dialect(
    name="litellm",
    label="litellm",
    markers=(semconv.GEN_AI_PREFIX.encode(), b"llm."),
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
        # content: under the current names, but with the tool calls outside of its parts
        semconv.GEN_AI_INPUT_MESSAGES: (_rebuilt(semconv.GEN_AI_INPUT_MESSAGES, "user"),),
        semconv.GEN_AI_OUTPUT_MESSAGES: (
            Spelling("gen_ai.completion.", function_calls, is_believed=True),
            _rebuilt(semconv.GEN_AI_OUTPUT_MESSAGES, "assistant"),
        ),
    },
)
