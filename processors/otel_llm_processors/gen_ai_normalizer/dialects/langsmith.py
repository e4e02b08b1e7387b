"""The SDK of LangSmith.

Source: `langsmith/_internal/otel/_otel_exporter.py` of langchain-ai/langsmith-sdk 0.14.
"""

from __future__ import annotations

from typing import Final

from otel_llm import semconv
from otel_llm_processors.gen_ai_normalizer.converters import one_of
from otel_llm_processors.gen_ai_normalizer.dialects.dialect import Dialect, Spelling, member

__all__ = ["DIALECT"]

_KINDS: Final = {
    "llm": "chat",
    "embedding": "embeddings",
    "tool": "execute_tool",
    "retriever": "retrieval",
    "chain": "invoke_workflow",
    "prompt": "invoke_workflow",
    "parser": "invoke_workflow",
}
_METADATA: Final = "langsmith.metadata."
_USAGE: Final = "langsmith.usage_metadata"
_INPUT: Final = ("gen_ai.usage.input_token_details", "input_token_details")
_OUTPUT: Final = ("gen_ai.usage.output_token_details", "output_token_details")


def _detail(place: tuple[str, str], name: str) -> tuple[Spelling, ...]:
    """Return the places of a count: a Python dictionary, printed, or JSON, and the usage as LangChain has it."""
    attribute, part = place
    return (
        member(attribute, name),
        member(_METADATA + "usage_metadata", part, name),
        member(_USAGE, part, name),
    )


DIALECT: Final[Dialect] = Dialect(
    name="langsmith",
    label="langsmith",
    markers=(semconv.GEN_AI_PREFIX.encode(),),
    scopes=("langsmith",),
    fields={
        semconv.GEN_AI_OPERATION_NAME: (
            Spelling("langsmith.span.kind", one_of(_KINDS), is_believed=True),  # it calls a retriever embeddings
        ),
        semconv.GEN_AI_PROVIDER_NAME: (_METADATA + "ls_provider",),
        semconv.GEN_AI_REQUEST_MODEL: (_METADATA + "ls_model_name",),
        semconv.GEN_AI_RESPONSE_MODEL: (member("gen_ai.completion", "llm_output", "model_name"),),
        semconv.GEN_AI_REQUEST_STREAM: ("langsmith.request.streaming",),
        semconv.GEN_AI_CONVERSATION_ID: (
            _METADATA + "session_id",
            _METADATA + "thread_id",
            _METADATA + "conversation_id",
        ),
        semconv.USER_ID: (_METADATA + "user_id",),
        semconv.OPENAI_RESPONSE_SERVICE_TIER: ("gen_ai.response.service_tier",),
        semconv.OPENAI_RESPONSE_SYSTEM_FINGERPRINT: ("gen_ai.response.system_fingerprint",),
        semconv.GEN_AI_USAGE_INPUT_TOKENS: (member(_USAGE, "input_tokens"),),
        semconv.GEN_AI_USAGE_OUTPUT_TOKENS: (member(_USAGE, "output_tokens"),),
        semconv.GEN_AI_USAGE_CACHE_READ_INPUT_TOKENS: _detail(_INPUT, "cache_read"),
        semconv.GEN_AI_USAGE_CACHE_WRITE_INPUT_TOKENS: _detail(_INPUT, "cache_creation"),
        semconv.GEN_AI_USAGE_AUDIO_INPUT_TOKENS: _detail(_INPUT, "audio"),
        semconv.GEN_AI_USAGE_AUDIO_OUTPUT_TOKENS: _detail(_OUTPUT, "audio"),
        semconv.GEN_AI_USAGE_REASONING_OUTPUT_TOKENS: _detail(_OUTPUT, "reasoning"),
    },
)
