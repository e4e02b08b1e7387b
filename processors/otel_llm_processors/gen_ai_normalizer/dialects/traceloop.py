"""OpenLLMetry, the instrumentations of Traceloop, before and while it moves to the GenAI conventions.

Source: `opentelemetry/semconv_ai/__init__.py` 0.5 and the instrumentations 0.62 of traceloop/openllmetry.
"""

from __future__ import annotations

from functools import partial
from typing import Final

from otel_llm import semconv
from otel_llm_processors.gen_ai_normalizer.converters import one_of
from otel_llm_processors.gen_ai_normalizer.dialects.dialect import Dialect, Spelling
from otel_llm_processors.gen_ai_normalizer.indexed import (
    traceloop_finish_reasons,
    traceloop_functions,
    traceloop_messages,
)

__all__ = ["DIALECT"]

_REQUESTS: Final = {"chat": "chat", "completion": "text_completion", "embedding": "embeddings", "rerank": "rerank"}
_KINDS: Final = {
    "workflow": "invoke_workflow",
    "task": "invoke_workflow",
    "agent": "invoke_agent",
    "tool": "execute_tool",
}
_ASSOCIATION: Final = "traceloop.association.properties."

DIALECT: Final[Dialect] = Dialect(
    name="openllmetry",
    label="openllmetry",
    markers=(semconv.GEN_AI_PREFIX.encode(), b"llm.", b"traceloop."),
    exclusive=("opentelemetry.instrumentation.bedrock",),
    signs=("llm.request.type", "traceloop.workflow.name", "traceloop.entity.name"),
    fields={
        semconv.GEN_AI_OPERATION_NAME: (
            Spelling("llm.request.type", one_of(_REQUESTS)),
            Spelling("traceloop.span.kind", one_of(_KINDS)),
        ),
        semconv.GEN_AI_CONVERSATION_ID: (
            _ASSOCIATION + "session_id",
            _ASSOCIATION + "conversation_id",
            _ASSOCIATION + "thread_id",
            _ASSOCIATION + "sessionId",
        ),
        semconv.USER_ID: ("gen_ai.user", "llm.user", _ASSOCIATION + "user_id", _ASSOCIATION + "userId"),
        # request
        semconv.GEN_AI_REQUEST_STREAM: ("gen_ai.is_streaming", "llm.is_streaming"),
        semconv.GEN_AI_REQUEST_TOP_K: ("llm.top_k",),
        semconv.GEN_AI_REQUEST_FREQUENCY_PENALTY: ("llm.frequency_penalty",),
        semconv.GEN_AI_REQUEST_PRESENCE_PENALTY: ("llm.presence_penalty",),
        semconv.GEN_AI_REQUEST_STOP_SEQUENCES: ("llm.chat.stop_sequences",),
        semconv.GEN_AI_PROMPT_NAME: ("traceloop.prompt.key",),
        semconv.GEN_AI_PROMPT_VERSION: ("traceloop.prompt.version_name",),
        # response
        semconv.GEN_AI_RESPONSE_FINISH_REASONS: (
            "llm.response.finish_reason",
            "llm.response.stop_reason",
            Spelling("gen_ai.completion.", traceloop_finish_reasons),
        ),
        # usage
        semconv.GEN_AI_USAGE_INPUT_TOKENS: ("llm.usage.prompt_tokens", "llm.usage.input_tokens"),
        semconv.GEN_AI_USAGE_OUTPUT_TOKENS: ("llm.usage.completion_tokens", "llm.usage.output_tokens"),
        semconv.GEN_AI_USAGE_CACHE_READ_INPUT_TOKENS: (
            "gen_ai.usage.cache_read_input_tokens",
            "llm.usage.cache_read_input_tokens",
        ),
        semconv.GEN_AI_USAGE_CACHE_WRITE_INPUT_TOKENS: (
            "gen_ai.usage.cache_creation_input_tokens",
            "llm.usage.cache_creation_input_tokens",
        ),
        semconv.GEN_AI_USAGE_REASONING_OUTPUT_TOKENS: ("gen_ai.usage.reasoning_tokens", "llm.usage.reasoning_tokens"),
        # content
        semconv.GEN_AI_INPUT_MESSAGES: (Spelling("gen_ai.prompt.", partial(traceloop_messages, "user")),),
        semconv.GEN_AI_OUTPUT_MESSAGES: (Spelling("gen_ai.completion.", partial(traceloop_messages, "assistant")),),
        semconv.GEN_AI_TOOL_DEFINITIONS: (Spelling("llm.request.functions.", traceloop_functions),),
    },
    totals=("gen_ai.usage.total_tokens", "llm.usage.total_tokens"),
)
