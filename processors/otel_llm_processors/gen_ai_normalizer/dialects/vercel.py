"""The Vercel AI SDK, v4 to v6. Its v7 writes the current names.

Source: `packages/otel/src` of vercel/ai. Only the spans with a `.do` in their operation are calls: those around them
repeat the usage of all calls within.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from otel_llm import semconv
from otel_llm_processors.gen_ai_normalizer.converters import (
    answer_json,
    definitions_json,
    milliseconds,
    one_of,
    prompt_json,
    request_json,
    text,
)
from otel_llm_processors.gen_ai_normalizer.dialects.dialect import Dialect, Spelling, member

if TYPE_CHECKING:
    from otel_llm.attributes import Value

__all__ = ["DIALECT"]

_OPERATIONS: Final = {
    "ai.generatetext": "invoke_agent",
    "ai.generatetext.dogenerate": "chat",
    "ai.streamtext": "invoke_agent",
    "ai.streamtext.dostream": "chat",
    "ai.generateobject": "invoke_agent",
    "ai.generateobject.dogenerate": "chat",
    "ai.streamobject": "invoke_agent",
    "ai.streamobject.dostream": "chat",
    "ai.embed": "invoke_workflow",
    "ai.embed.doembed": "embeddings",
    "ai.embedmany": "invoke_workflow",
    "ai.embedmany.doembed": "embeddings",
    "ai.rerank": "invoke_workflow",
    "ai.rerank.dorerank": "rerank",
    "ai.toolcall": "execute_tool",
}
"""In lower case."""
_TOLD: Final = "ai.telemetry.metadata."
"""What an app says of a call: names are its own."""
_CONVERSATIONS: Final = ("sessionId", "session_id", "threadId", "thread_id", "conversationId", "conversation_id")
_METADATA: Final = "ai.response.providerMetadata"
_ANTHROPIC_INPUT: Final = ("input_tokens", "cache_read_input_tokens", "cache_creation_input_tokens")


def _all_input(usage: Value) -> int | None:
    """Return all input that Anthropic reported: v5 of the SDK leaves out what was cached, v6 does not."""
    if type(usage) is not dict or type(usage.get("input_tokens")) is not int:
        return None
    return sum(count for name in _ANTHROPIC_INPUT if type(count := usage.get(name)) is int)


DIALECT: Final[Dialect] = Dialect(
    name="vercel_ai",
    label="vercel_ai",
    markers=(b"ai.operationId",),
    fields={
        semconv.GEN_AI_OPERATION_NAME: (Spelling("ai.operationId", one_of(_OPERATIONS)),),
        semconv.GEN_AI_PROVIDER_NAME: ("ai.model.provider",),
        semconv.GEN_AI_CONVERSATION_ID: tuple(map(_TOLD.__add__, _CONVERSATIONS)),
        semconv.USER_ID: (_TOLD + "userId", _TOLD + "user_id"),
        semconv.GEN_AI_AGENT_NAME: ("ai.telemetry.functionId",),
        # request
        semconv.GEN_AI_REQUEST_MODEL: ("ai.model.id",),
        semconv.GEN_AI_REQUEST_MAX_TOKENS: ("ai.settings.maxOutputTokens", "ai.settings.maxTokens"),
        semconv.GEN_AI_REQUEST_TEMPERATURE: ("ai.settings.temperature",),
        semconv.GEN_AI_REQUEST_TOP_P: ("ai.settings.topP",),
        semconv.GEN_AI_REQUEST_TOP_K: ("ai.settings.topK",),
        semconv.GEN_AI_REQUEST_FREQUENCY_PENALTY: ("ai.settings.frequencyPenalty",),
        semconv.GEN_AI_REQUEST_PRESENCE_PENALTY: ("ai.settings.presencePenalty",),
        semconv.GEN_AI_REQUEST_SEED: ("ai.settings.seed",),
        # response
        semconv.GEN_AI_RESPONSE_MODEL: ("ai.response.model",),
        semconv.GEN_AI_RESPONSE_ID: ("ai.response.id",),
        semconv.GEN_AI_RESPONSE_FINISH_REASONS: ("ai.response.finishReason", "ai.finishReason"),
        semconv.GEN_AI_RESPONSE_TIME_TO_FIRST_CHUNK: (
            Spelling("ai.response.msToFirstChunk", milliseconds),
            Spelling("ai.stream.msToFirstChunk", milliseconds),
        ),
        semconv.OPENAI_RESPONSE_SERVICE_TIER: (
            member(_METADATA, "openai", "serviceTier"),
            member(_METADATA, "azure", "serviceTier"),
        ),
        # usage
        semconv.GEN_AI_USAGE_INPUT_TOKENS: (
            Spelling(_METADATA, _all_input, ("anthropic", "usage"), is_believed=True, is_kept=True),
            "ai.usage.inputTokens",
            "ai.usage.promptTokens",
            "ai.usage.tokens",
        ),
        semconv.GEN_AI_USAGE_OUTPUT_TOKENS: ("ai.usage.outputTokens", "ai.usage.completionTokens"),
        semconv.GEN_AI_USAGE_CACHE_READ_INPUT_TOKENS: (
            "ai.usage.inputTokenDetails.cacheReadTokens",
            "ai.usage.cachedInputTokens",
            member(_METADATA, "anthropic", "cacheReadInputTokens"),
            member(_METADATA, "bedrock", "usage", "cacheReadInputTokens"),
        ),
        semconv.GEN_AI_USAGE_CACHE_WRITE_INPUT_TOKENS: (
            "ai.usage.inputTokenDetails.cacheWriteTokens",
            member(_METADATA, "anthropic", "usage", "cache_creation_input_tokens"),
            member(_METADATA, "anthropic", "cacheCreationInputTokens"),
            member(_METADATA, "bedrock", "usage", "cacheWriteInputTokens"),
        ),
        semconv.GEN_AI_USAGE_DETAILS_CACHE_WRITE_1H_TOKENS: (
            member(_METADATA, "anthropic", "usage", "cache_creation", "ephemeral_1h_input_tokens"),
        ),
        semconv.GEN_AI_USAGE_REASONING_OUTPUT_TOKENS: (
            "ai.usage.outputTokenDetails.reasoningTokens",
            "ai.usage.reasoningTokens",
        ),
        # content
        semconv.GEN_AI_INPUT_MESSAGES: (
            Spelling("ai.prompt.messages", prompt_json),
            Spelling("ai.prompt", request_json),
        ),
        semconv.GEN_AI_OUTPUT_MESSAGES: (
            Spelling("ai.response.", answer_json, names=("text", "object", "toolCalls", "reasoning")),
        ),
        semconv.GEN_AI_TOOL_DEFINITIONS: (Spelling("ai.prompt.tools", definitions_json),),
        # tools
        semconv.GEN_AI_TOOL_NAME: ("ai.toolCall.name",),
        semconv.GEN_AI_TOOL_CALL_ID: ("ai.toolCall.id",),
        semconv.GEN_AI_TOOL_CALL_ARGUMENTS: (Spelling("ai.toolCall.args", text),),
        semconv.GEN_AI_TOOL_CALL_RESULT: (Spelling("ai.toolCall.result", text),),
    },
    totals=("ai.usage.totalTokens",),
)
