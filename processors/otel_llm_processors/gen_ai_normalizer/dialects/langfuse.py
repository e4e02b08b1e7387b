"""The SDK of Langfuse.

Source: `langfuse/_client/attributes.py` of langfuse/langfuse-python 5.0.
"""

from __future__ import annotations

from functools import partial
from typing import Final

from otel_llm import semconv
from otel_llm_processors.gen_ai_normalizer.converters import completion_json, one_of, prompt_json, text_or_number
from otel_llm_processors.gen_ai_normalizer.dialects.dialect import Dialect, Spelling, member
from otel_llm_processors.gen_ai_normalizer.structures import bucket_sum

__all__ = ["DIALECT"]

_TYPES: Final = {
    "generation": "chat",
    "embedding": "embeddings",
    "tool": "execute_tool",
    "retriever": "retrieval",
    "agent": "invoke_agent",
    "chain": "invoke_workflow",
}
_PARAMETERS: Final = "langfuse.observation.model.parameters"
_USAGE: Final = "langfuse.observation.usage_details"


def _used(*paths: tuple[str, ...]) -> tuple[Spelling, ...]:
    return tuple(member(_USAGE, *path) for path in paths)


DIALECT: Final[Dialect] = Dialect(
    name="langfuse",
    label="langfuse",
    markers=(b"langfuse.observation",),
    scopes=("langfuse-sdk",),
    fields={
        semconv.GEN_AI_OPERATION_NAME: (Spelling("langfuse.observation.type", one_of(_TYPES)),),
        semconv.GEN_AI_CONVERSATION_ID: ("langfuse.session.id",),
        semconv.USER_ID: ("langfuse.user.id",),
        semconv.GEN_AI_PROMPT_NAME: ("langfuse.observation.prompt.name", "langfuse.prompt.name"),
        semconv.GEN_AI_PROMPT_VERSION: (
            Spelling("langfuse.observation.prompt.version", text_or_number),
            Spelling("langfuse.prompt.version", text_or_number),
        ),
        # request
        semconv.GEN_AI_REQUEST_MODEL: ("langfuse.observation.model.name",),
        semconv.GEN_AI_REQUEST_MAX_TOKENS: (member(_PARAMETERS, "max_tokens"),),
        semconv.GEN_AI_REQUEST_TEMPERATURE: (member(_PARAMETERS, "temperature"),),
        semconv.GEN_AI_REQUEST_TOP_P: (member(_PARAMETERS, "top_p"),),
        # usage: the wrapper of OpenAI's client hands on OpenAI's object; others write buckets that do not overlap
        semconv.GEN_AI_USAGE_INPUT_TOKENS: (
            *_used(("prompt_tokens",), ("input_tokens",)),
            Spelling(_USAGE, partial(bucket_sum, "input"), is_kept=True),
        ),
        semconv.GEN_AI_USAGE_OUTPUT_TOKENS: (
            *_used(("completion_tokens",), ("output_tokens",)),
            Spelling(_USAGE, partial(bucket_sum, "output"), is_kept=True),
        ),
        semconv.GEN_AI_USAGE_CACHE_READ_INPUT_TOKENS: _used(
            ("prompt_tokens_details", "cached_tokens"),
            ("input_tokens_details", "cached_tokens"),
            ("cache_read_input_tokens",),
            ("input_cached_tokens",),
            ("input_cache_read",),
        ),
        semconv.GEN_AI_USAGE_CACHE_WRITE_INPUT_TOKENS: _used(
            ("cache_creation_input_tokens",), ("input_cache_creation",)
        ),
        semconv.GEN_AI_USAGE_REASONING_OUTPUT_TOKENS: _used(
            ("completion_tokens_details", "reasoning_tokens"),
            ("output_tokens_details", "reasoning_tokens"),
            ("output_reasoning_tokens",),
            ("output_reasoning",),
        ),
        # content
        semconv.GEN_AI_INPUT_MESSAGES: (Spelling("langfuse.observation.input", prompt_json),),
        semconv.GEN_AI_OUTPUT_MESSAGES: (Spelling("langfuse.observation.output", completion_json),),
    },
)
