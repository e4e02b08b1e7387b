"""Pydantic AI and Logfire.

Source: `pydantic_ai/usage.py` and `pydantic_ai/models/instrumented.py` of pydantic/pydantic-ai 2.68.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from otel_llm import semconv
from otel_llm_processors.gen_ai_normalizer.converters import completion_json, prompt_json
from otel_llm_processors.gen_ai_normalizer.dialects.dialect import Dialect, Spelling
from otel_llm_processors.gen_ai_normalizer.structures import decoded

if TYPE_CHECKING:
    from otel_llm.attributes import Value

__all__ = ["DIALECT"]

_DETAILS: Final = "gen_ai.usage.details."
"""They repeat what the counts include: they are never added."""
_ABOUT: Final = ("event.", "gen_ai.")
"""What the members of an event begin with that are about it, and not of it."""


def _asked(value: Value) -> str | None:
    """Return the messages of events that are none of the answer."""
    return prompt_json(_bodies(value, is_answer=False))


def _answered(value: Value) -> str | None:
    """Return the messages of events that are the answer."""
    return completion_json(_bodies(value, is_answer=True))


def _bodies(value: Value, *, is_answer: bool) -> list[Any]:
    held = decoded(value)
    events = [event for event in held if type(event) is dict] if type(held) is list else []
    return [
        {key: event[key] for key in event if not key.startswith(_ABOUT)}
        for event in events
        if is_answer is (event.get("event.name") == "gen_ai.choice" or "finish_reason" in event)
    ]


DIALECT: Final[Dialect] = Dialect(
    name="pydantic_ai",
    label="pydantic_ai",
    markers=(semconv.GEN_AI_PREFIX.encode(),),
    # the last is OpenTelemetry's own, whose events Logfire puts on its spans
    scopes=("pydantic-ai", "logfire", "opentelemetry.instrumentation.google_genai"),
    fields={
        # content of earlier versions: all events in one list
        semconv.GEN_AI_INPUT_MESSAGES: (Spelling("events", _asked), Spelling("all_messages_events", _asked)),
        semconv.GEN_AI_OUTPUT_MESSAGES: (Spelling("events", _answered),),
        semconv.GEN_AI_RESPONSE_TIME_TO_FIRST_CHUNK: ("gen_ai.client.operation.time_to_first_chunk",),
        semconv.GEN_AI_USAGE_CACHE_READ_INPUT_TOKENS: (_DETAILS + "cache_read_tokens",),
        semconv.GEN_AI_USAGE_CACHE_WRITE_INPUT_TOKENS: (_DETAILS + "cache_write_tokens",),
        semconv.GEN_AI_USAGE_REASONING_OUTPUT_TOKENS: (_DETAILS + "reasoning_tokens", _DETAILS + "thoughts_tokens"),
        semconv.GEN_AI_USAGE_AUDIO_INPUT_TOKENS: (_DETAILS + "input_audio_tokens",),
        semconv.GEN_AI_USAGE_AUDIO_OUTPUT_TOKENS: (_DETAILS + "output_audio_tokens",),
    },
    shared=("events", "all_messages_events"),
)
