"""Claude Code, whose spans have bare names. They count in its own scope alone.

Source: spans of Claude Code 2.1 with its telemetry switched on.
"""

from __future__ import annotations

from typing import Final

from otel_llm import semconv
from otel_llm_processors.gen_ai_normalizer.converters import milliseconds, one_of
from otel_llm_processors.gen_ai_normalizer.dialects.dialect import Dialect, Spelling

__all__ = ["DIALECT"]

_SCOPE: Final = "com.anthropic.claude_code"
_TYPES: Final = {"interaction": "invoke_agent", "llm_request": "chat", "tool": "execute_tool"}

DIALECT: Final[Dialect] = Dialect(
    name="claude_code",
    label="claude_code",
    markers=(_SCOPE.encode(),),
    scopes=(_SCOPE,),
    is_scoped=True,
    exclusive=(_SCOPE,),
    fields={
        semconv.GEN_AI_OPERATION_NAME: (Spelling("span.type", one_of(_TYPES), is_kept=True),),
        semconv.GEN_AI_CONVERSATION_ID: (Spelling("session.id", is_kept=True),),
        semconv.GEN_AI_REQUEST_MODEL: ("model",),
        # response
        semconv.GEN_AI_RESPONSE_FINISH_REASONS: ("stop_reason",),
        semconv.GEN_AI_RESPONSE_TIME_TO_FIRST_CHUNK: (Spelling("ttft_ms", milliseconds),),
        # usage, as Anthropic's API counts it
        semconv.GEN_AI_USAGE_INPUT_TOKENS: ("input_tokens",),
        semconv.GEN_AI_USAGE_OUTPUT_TOKENS: ("output_tokens",),
        semconv.GEN_AI_USAGE_CACHE_READ_INPUT_TOKENS: ("cache_read_tokens",),
        semconv.GEN_AI_USAGE_CACHE_WRITE_INPUT_TOKENS: ("cache_creation_tokens",),
        # tools
        semconv.GEN_AI_TOOL_NAME: ("tool_name",),
        semconv.GEN_AI_TOOL_CALL_ID: ("tool_use_id",),
    },
)
