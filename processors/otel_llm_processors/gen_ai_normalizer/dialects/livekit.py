"""LiveKit's agents, whose spans of models have current names, but for content and the time to the first token.

Source: `livekit-agents/livekit/agents/telemetry/trace_types.py` of livekit/agents.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from otel_llm import semconv
from otel_llm_processors.gen_ai_normalizer.converters import completion_json, prompt_json, text_or_json
from otel_llm_processors.gen_ai_normalizer.dialects.dialect import Dialect, Spelling
from otel_llm_processors.gen_ai_normalizer.structures import decoded

if TYPE_CHECKING:
    from otel_llm.attributes import Value
    from otel_llm_processors.gen_ai_normalizer.dialects.dialect import Convert

__all__ = ["DIALECT"]


def _messages(value: Value) -> str | None:
    """Return what was said so far. Calls of tools, and what came of them, are items of their own."""
    held = decoded(value)
    items = held.get("items") if type(held) is dict else held
    return prompt_json([_message(item) for item in items]) if type(items) is list else None


def _message(item: Any) -> Any:
    is_message = type(item) is dict and item.get("type") == "message"
    return {key: item[key] for key in ("role", "content") if key in item} if is_message else item


def _content(name: str, convert: Convert) -> tuple[Spelling, ...]:
    """Return the two names of content, of which later versions use the one that says that it may be personal."""
    return Spelling(f"lk.{name}", convert), Spelling(f"lk.pii.{name}", convert)


DIALECT: Final[Dialect] = Dialect(
    name="livekit",
    label="livekit",
    markers=(b"lk.",),
    fields={
        semconv.GEN_AI_RESPONSE_TIME_TO_FIRST_CHUNK: ("lk.response.ttft",),
        semconv.GEN_AI_INPUT_MESSAGES: _content("chat_ctx", _messages),
        semconv.GEN_AI_OUTPUT_MESSAGES: _content("response.text", completion_json),
        semconv.GEN_AI_TOOL_NAME: ("lk.function_tool.name",),
        semconv.GEN_AI_TOOL_CALL_ID: ("lk.function_tool.id",),
        semconv.GEN_AI_TOOL_CALL_ARGUMENTS: _content("function_tool.arguments", text_or_json),
        semconv.GEN_AI_TOOL_CALL_RESULT: _content("function_tool.output", text_or_json),
    },
)
