"""VoltAgent. Its models' spans have the kind `llm`; those of agents, above them, repeat their usage.

Source: spans of `@voltagent/core` 2.
"""

from __future__ import annotations

from typing import Final

from otel_llm import semconv
from otel_llm_processors.gen_ai_normalizer.converters import one_of, prompt_json
from otel_llm_processors.gen_ai_normalizer.dialects.dialect import Dialect, Spelling

__all__ = ["DIALECT"]

_TYPES: Final = {
    "llm": "chat",
    "tool": "execute_tool",
    "agent": "invoke_agent",
    "retriever": "retrieval",
    "workflow": "invoke_workflow",
    "workflow-step": "invoke_workflow",
}

DIALECT: Final[Dialect] = Dialect(
    name="voltagent",
    label="voltagent",
    markers=(b"usage.prompt_tokens", b"voltagent"),
    scopes=("@voltagent/core",),
    signs=("llm.model", "llm.messages"),
    fields={
        semconv.GEN_AI_OPERATION_NAME: (
            Spelling("span.type", one_of(_TYPES), is_kept=True),
            Spelling("entity.type", one_of(_TYPES), is_kept=True),
        ),
        semconv.GEN_AI_PROVIDER_NAME: ("llm.provider",),
        semconv.GEN_AI_CONVERSATION_ID: ("conversation.id", "voltagent.conversation_id"),
        semconv.GEN_AI_AGENT_NAME: (Spelling("entity.name", is_kept=True),),
        # request
        semconv.GEN_AI_REQUEST_MODEL: ("llm.model", "ai.model.name"),
        semconv.GEN_AI_REQUEST_MAX_TOKENS: ("llm.max_output_tokens", "ai.model.max_tokens"),
        semconv.GEN_AI_REQUEST_TEMPERATURE: ("llm.temperature", "ai.model.temperature"),
        semconv.GEN_AI_REQUEST_TOP_P: ("llm.top_p", "ai.model.top_p"),
        semconv.GEN_AI_REQUEST_STREAM: ("llm.stream",),
        # response
        semconv.GEN_AI_RESPONSE_FINISH_REASONS: ("llm.finish_reason", "ai.response.finish_reason"),
        # usage
        semconv.GEN_AI_USAGE_INPUT_TOKENS: ("llm.usage.prompt_tokens", "usage.prompt_tokens"),
        semconv.GEN_AI_USAGE_OUTPUT_TOKENS: ("llm.usage.completion_tokens", "usage.completion_tokens"),
        semconv.GEN_AI_USAGE_CACHE_READ_INPUT_TOKENS: ("llm.usage.cached_tokens", "usage.cached_tokens"),
        semconv.GEN_AI_USAGE_REASONING_OUTPUT_TOKENS: ("llm.usage.reasoning_tokens", "usage.reasoning_tokens"),
        # content
        semconv.GEN_AI_INPUT_MESSAGES: (Spelling("llm.messages", prompt_json), Spelling("agent.messages", prompt_json)),
        # tools
        semconv.GEN_AI_TOOL_NAME: ("tool.name",),
        semconv.GEN_AI_TOOL_CALL_ID: ("tool.call.id",),
        semconv.GEN_AI_TOOL_DESCRIPTION: ("tool.description",),
    },
    shared=(
        "span.type",
        "entity.type",
        "entity.name",
        "conversation.id",
        "llm.stream",
        "ai.model.name",
        "tool.name",
        "tool.call.id",
        "tool.description",
    ),
    totals=("llm.usage.total_tokens", "usage.total_tokens"),
)
