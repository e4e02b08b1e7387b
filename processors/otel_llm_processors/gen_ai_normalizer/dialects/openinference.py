"""OpenInference, the conventions of Arize's instrumentations and of Phoenix.

Source: `openinference/semconv/trace/__init__.py` of openinference-semantic-conventions 0.1.
"""

from __future__ import annotations

from functools import partial
from typing import Final

from otel_llm import semconv
from otel_llm_processors.gen_ai_normalizer.converters import one_of, text, text_or_json
from otel_llm_processors.gen_ai_normalizer.dialects.dialect import Dialect, Spelling, member
from otel_llm_processors.gen_ai_normalizer.indexed import (
    openinference_documents,
    openinference_messages,
    openinference_tools,
)

__all__ = ["DIALECT"]

_KINDS: Final = {
    "llm": "chat",
    "embedding": "embeddings",
    "chain": "invoke_workflow",
    "retriever": "retrieval",
    "reranker": "rerank",
    "tool": "execute_tool",
    "agent": "invoke_agent",
}
_MODEL: Final = ("llm.model_name", "embedding.model_name", "reranker.model_name")
_PARAMETERS: Final = "llm.invocation_parameters"


def _parameter(*names: str) -> tuple[Spelling, ...]:
    return tuple(member(_PARAMETERS, name) for name in names)


DIALECT: Final[Dialect] = Dialect(
    name="openinference",
    label="openinference",
    markers=(b"openinference.span.kind", b"llm.", b"embedding.model_name", b"reranker.model_name"),
    scopes=("openinference.instrumentation",),
    signs=("llm.model_name", "llm.system", "llm.provider"),
    fields={
        semconv.GEN_AI_OPERATION_NAME: (Spelling("openinference.span.kind", one_of(_KINDS)),),
        # the host; only where that is not known, whose model or API it is
        semconv.GEN_AI_PROVIDER_NAME: ("llm.provider", Spelling("llm.system", is_vague=True)),
        semconv.GEN_AI_CONVERSATION_ID: (Spelling("session.id", text, is_kept=True),),
        semconv.GEN_AI_AGENT_NAME: ("agent.name",),
        # request; the model's one name is that of the answer, where there was one
        semconv.GEN_AI_REQUEST_MODEL: ("llm.request.model_name", *_parameter("model", "model_name"), *_MODEL),
        semconv.GEN_AI_REQUEST_MAX_TOKENS: _parameter("max_tokens", "max_completion_tokens", "max_output_tokens"),
        semconv.GEN_AI_REQUEST_TEMPERATURE: _parameter("temperature"),
        semconv.GEN_AI_REQUEST_TOP_P: _parameter("top_p"),
        semconv.GEN_AI_REQUEST_TOP_K: _parameter("top_k"),
        semconv.GEN_AI_REQUEST_FREQUENCY_PENALTY: _parameter("frequency_penalty"),
        semconv.GEN_AI_REQUEST_PRESENCE_PENALTY: _parameter("presence_penalty"),
        semconv.GEN_AI_REQUEST_SEED: _parameter("seed"),
        semconv.GEN_AI_REQUEST_STOP_SEQUENCES: _parameter("stop", "stop_sequences"),
        semconv.GEN_AI_REQUEST_STREAM: _parameter("stream"),
        semconv.OPENAI_REQUEST_SERVICE_TIER: _parameter("service_tier"),
        semconv.GEN_AI_PROMPT_VERSION: ("llm.prompt_template.version",),
        # response
        semconv.GEN_AI_RESPONSE_MODEL: ("llm.response.model_name", *_MODEL),
        semconv.GEN_AI_RESPONSE_FINISH_REASONS: ("llm.finish_reason",),
        # usage
        semconv.GEN_AI_USAGE_INPUT_TOKENS: ("llm.token_count.prompt",),
        semconv.GEN_AI_USAGE_OUTPUT_TOKENS: ("llm.token_count.completion",),
        semconv.GEN_AI_USAGE_CACHE_READ_INPUT_TOKENS: (
            "llm.token_count.prompt_details.cache_read",
            "llm.token_count.prompt_details.cache_input",
        ),
        semconv.GEN_AI_USAGE_CACHE_WRITE_INPUT_TOKENS: (
            "llm.token_count.prompt_details.cache_write",
            "llm.token_count.prompt_details.cache_creation",
        ),
        semconv.GEN_AI_USAGE_REASONING_OUTPUT_TOKENS: ("llm.token_count.completion_details.reasoning",),
        semconv.GEN_AI_USAGE_AUDIO_INPUT_TOKENS: ("llm.token_count.prompt_details.audio",),
        semconv.GEN_AI_USAGE_AUDIO_OUTPUT_TOKENS: ("llm.token_count.completion_details.audio",),
        # content
        semconv.GEN_AI_INPUT_MESSAGES: (Spelling("llm.input_messages.", partial(openinference_messages, "user")),),
        semconv.GEN_AI_OUTPUT_MESSAGES: (
            Spelling("llm.output_messages.", partial(openinference_messages, "assistant")),
        ),
        semconv.GEN_AI_TOOL_DEFINITIONS: (Spelling("llm.tools.", openinference_tools),),
        semconv.GEN_AI_RETRIEVAL_DOCUMENTS: (Spelling("retrieval.documents.", openinference_documents, is_kept=True),),
        # tools
        semconv.GEN_AI_TOOL_NAME: ("tool.name",),
        semconv.GEN_AI_TOOL_DESCRIPTION: ("tool.description",),
        semconv.GEN_AI_TOOL_CALL_ID: ("tool.id",),
        semconv.GEN_AI_TOOL_CALL_ARGUMENTS: (Spelling("tool.parameters", text_or_json),),
    },
    shared=("session.id", "agent.name", "tool.name", "tool.description", "tool.id", "tool.parameters"),
    totals=("llm.token_count.total",),
)
