"""Names that look like the conventions' and never were: what APIs call a thing, under `gen_ai.`.

Several write each of them: Sentry's SDKs, OpenRouter, gateways, agents for the terminal, GitHub's Copilot, Semantic
Kernel for .NET, and who instruments by hand. Source: spans and SDKs of getsentry, microsoft/semantic-kernel,
microsoft/vscode-copilot-chat, OpenRouter Broadcast, maximhq/bifrost, google-gemini/gemini-cli, JetBrains/tracy,
alibaba/loongsuite and coralogix/llm-tracekit.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from otel_llm import semconv
from otel_llm_processors.gen_ai_normalizer.converters import (
    completion_json,
    definitions_json,
    milliseconds,
    prompt_json,
    text_or_json,
)
from otel_llm_processors.gen_ai_normalizer.dialects.dialect import Dialect, Spelling

if TYPE_CHECKING:
    from otel_llm.attributes import Value

__all__ = ["DIALECT"]

_USAGE: Final = semconv.GEN_AI_USAGE_PREFIX


def _used(*names: str) -> tuple[str, ...]:
    return tuple(_USAGE + name for name in names)


def _first_token(value: Value) -> Value:
    """Return a duration, of which doubles are seconds, and integers nanoseconds."""
    return value / 1e9 if type(value) is int else value


DIALECT: Final[Dialect] = Dialect(
    name="variants",
    label="variants",
    markers=(semconv.GEN_AI_PREFIX.encode(),),
    fields={
        semconv.GEN_AI_CONVERSATION_ID: ("gen_ai.session.id",),
        semconv.GEN_AI_REQUEST_STREAM: ("gen_ai.request.is_stream", "gen_ai.request.is_streaming"),
        semconv.GEN_AI_RESPONSE_TIME_TO_FIRST_CHUNK: (
            Spelling("gen_ai.response.time_to_first_token", _first_token),
            Spelling("gen_ai.response.time_to_first_token_ms", milliseconds),
            Spelling("copilot_chat.time_to_first_token", milliseconds),
        ),
        # usage
        semconv.GEN_AI_USAGE_INPUT_TOKENS: ("gen_ai.response.prompt_tokens",),
        semconv.GEN_AI_USAGE_OUTPUT_TOKENS: ("gen_ai.response.completion_tokens",),
        semconv.GEN_AI_USAGE_CACHE_READ_INPUT_TOKENS: _used(
            "cached_tokens",
            "cached_input_tokens",
            "cached_content_tokens",
            "cache_read_tokens",
            "input_cached_tokens",
            "input_tokens.cached",
            "input_tokens_details.cached",
            "input_tokens_details.cached_tokens",
            "input_token_details.cached_tokens",
        ),
        semconv.GEN_AI_USAGE_CACHE_WRITE_INPUT_TOKENS: _used(
            "cache_write_tokens",
            "cache_creation_tokens",
            "input_tokens.cache_write",
        ),
        semconv.GEN_AI_USAGE_REASONING_OUTPUT_TOKENS: (
            "codex.usage.reasoning_output_tokens",
            *_used(
                "thoughts_tokens",
                "thoughts_token_count",
                "output_reasoning_tokens",
                "reasoning_output_tokens",
                "output_tokens.reasoning",
                "output_tokens_details.reasoning",
                "output_tokens_details.reasoning_tokens",
                "output_token_details.reasoning_tokens",
            ),
        ),
        semconv.GEN_AI_USAGE_AUDIO_INPUT_TOKENS: _used("audio_input_tokens", "input_tokens_details.audio_tokens"),
        semconv.GEN_AI_USAGE_AUDIO_OUTPUT_TOKENS: _used("audio_output_tokens", "output_tokens_details.audio_tokens"),
        # content
        semconv.GEN_AI_INPUT_MESSAGES: (Spelling("gen_ai.request.messages", prompt_json),),
        semconv.GEN_AI_OUTPUT_MESSAGES: (Spelling("gen_ai.response.text", completion_json),),
        semconv.GEN_AI_TOOL_DEFINITIONS: (Spelling("gen_ai.request.available_tools", definitions_json),),
        # tools
        semconv.GEN_AI_TOOL_CALL_ARGUMENTS: (Spelling("gen_ai.tool.input", text_or_json),),
        semconv.GEN_AI_TOOL_CALL_RESULT: (Spelling("gen_ai.tool.output", text_or_json),),
    },
    totals=("codex.usage.total_tokens",),
)
