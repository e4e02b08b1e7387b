"""The current attributes that are written: what each may hold, and what else says so where nobody wrote it.

A dialect's table maps its spellings to these. Attributes that need neither another spelling nor a check are not here:
they are not looked at.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Final, TypeAlias

from otel_llm import semconv
from otel_llm.attributes import Value, Writable
from otel_llm.span import Span
from otel_llm_processors.gen_ai_normalizer.converters import (
    boolean,
    content,
    current_instructions,
    current_messages,
    finish_reasons,
    instant,
    number,
    seconds,
    string_list,
    text,
    text_or_json,
    tokens,
    whole_number,
)
from otel_llm_processors.gen_ai_normalizer.draft import Draft
from otel_llm_processors.gen_ai_normalizer.operations import operation
from otel_llm_processors.gen_ai_normalizer.providers import infer_provider, provider
from otel_llm_processors.gen_ai_normalizer.structures import decoded

if TYPE_CHECKING:
    from otel_llm_processors.gen_ai_normalizer.dialects.dialect import Convert

__all__ = ["CONTENT", "FIRST", "NAMES", "VALUES", "Canonical"]

Infer: TypeAlias = Callable[[Sequence[str], Draft], Writable | None]
"""Takes the attributes that may hold the value, first first, and the item; returns None where nothing is certain."""

_NAMED_OPERATIONS: Final = frozenset({"chat", "embeddings", "generate_content", "text_completion"})
"""Operations whose spans are named `{operation} {model}`."""

_FIRST_CHUNK_AT: Final = ("langfuse.observation.completion_start_time", "mastra.completion_start_time")
"""When the answer began."""


@dataclass(frozen=True, slots=True)
class Canonical:
    """An attribute of the current conventions."""

    read: Convert
    """Returns the value as the conventions type it; None where there is none in it."""
    infer: Infer | None = None
    """Asked where no spelling holds a value."""
    also_on: tuple[str, ...] = ()
    """Attributes that are reason enough to ask, where no spelling is there."""
    is_rebuilt: bool = False
    """Whether what stands under its name alone may have to be written anew."""


def _operation(_spellings: Sequence[str], draft: Draft) -> str | None:
    """Read the span's name, where it is just as the conventions form it."""
    if not isinstance(draft.item, Span):
        return None
    name, _, model = draft.item.name.partition(" ")
    return name if name in _NAMED_OPERATIONS and model == draft.get(semconv.GEN_AI_REQUEST_MODEL) else None


def _finish_reasons(_spellings: Sequence[str], draft: Draft) -> list[str] | None:
    """Read the output messages, which had one each until the attribute took over. Not where one of them has none."""
    written = draft.get(semconv.GEN_AI_OUTPUT_MESSAGES)
    if type(written) is str and '"finish_reason"' not in written:
        return None
    messages = decoded(written)
    if type(messages) is not list:
        return None
    return string_list([message.get("finish_reason") if type(message) is dict else None for message in messages])


def _retrieval_top_k(_spellings: Sequence[str], draft: Draft) -> int | None:
    """Read the request's attribute, which is for models only now."""
    is_retrieval = draft.get(semconv.GEN_AI_OPERATION_NAME) == "retrieval"
    return whole_number(draft.get(semconv.GEN_AI_REQUEST_TOP_K)) if is_retrieval else None


def _time_to_first_chunk(_spellings: Sequence[str], draft: Draft) -> float | None:
    """Return the seconds from a span's start to when Langfuse's SDK, or Mastra's, say that the answer began."""
    began = next(filter(None, map(instant, map(draft.get, _FIRST_CHUNK_AT))), None)
    if began is None or not isinstance(draft.item, Span) or not draft.item.start_time_unix_nano:
        return None
    waited = began - draft.item.start_time_unix_nano / 1e9
    return round(waited, 6) if waited >= 0 else None


def _as_written(spellings: Sequence[str], draft: Draft) -> Writable | None:
    """Pass on what is no count, so that no call is priced as if there were none."""
    values: list[Value] = [draft.get(key) for key in spellings]
    return next((value for value in values if isinstance(value, str | int | float) and value != ""), None)


def _of_entity(operation: str, keys: Sequence[str], _spellings: Sequence[str], draft: Draft) -> str | None:
    """Read what is said of any entity, where the one that it is said of performs *operation*."""
    if draft.get(semconv.GEN_AI_OPERATION_NAME) != operation:
        return None
    return next(filter(None, map(text_or_json, map(draft.get, keys))), None)


def _named(operation: str) -> Canonical:
    return Canonical(text, partial(_of_entity, operation, _ENTITY), also_on=_ENTITY)


def _told(keys: tuple[str, ...]) -> Canonical:
    return Canonical(content, partial(_of_entity, "execute_tool", keys), also_on=keys)


_ENTITY: Final = ("traceloop.entity.name",)
_GIVEN: Final = (
    "traceloop.entity.input",
    "input.value",
    "langfuse.observation.input",
    "lmnr.span.input",
    "genkit:input",
)
_RETURNED: Final = (
    "traceloop.entity.output",
    "output.value",
    "langfuse.observation.output",
    "lmnr.span.output",
    "genkit:output",
)
"""Where several dialects put the name, the input and the output of whatever it is that a span is about."""

_NUMBER: Final = Canonical(number)
_TEXT: Final = Canonical(text)
_TOKENS: Final = Canonical(tokens, _as_written)

NAMES: Final = {
    semconv.GEN_AI_REQUEST_MODEL: _TEXT,
    semconv.GEN_AI_RESPONSE_MODEL: _TEXT,
    semconv.GEN_AI_RESPONSE_ID: _TEXT,
    semconv.GEN_AI_CONVERSATION_ID: _TEXT,
    semconv.USER_ID: _TEXT,
    semconv.GEN_AI_AGENT_NAME: _named("invoke_agent"),
    semconv.GEN_AI_PROMPT_NAME: _TEXT,
    semconv.GEN_AI_PROMPT_VERSION: _TEXT,
    semconv.GEN_AI_TOOL_NAME: _named("execute_tool"),
    semconv.GEN_AI_TOOL_DESCRIPTION: _TEXT,
    semconv.GEN_AI_TOOL_CALL_ID: _TEXT,
}
"""Names are read only where they have another spelling: the same thing may well have two."""

CONTENT: Final = {
    semconv.GEN_AI_SYSTEM_INSTRUCTIONS: Canonical(current_instructions, is_rebuilt=True),
    semconv.GEN_AI_INPUT_MESSAGES: Canonical(partial(current_messages, "user"), is_rebuilt=True),
    semconv.GEN_AI_OUTPUT_MESSAGES: Canonical(partial(current_messages, "assistant"), is_rebuilt=True),
    semconv.GEN_AI_TOOL_DEFINITIONS: Canonical(content),
    semconv.GEN_AI_TOOL_CALL_ARGUMENTS: _told(_GIVEN),
    semconv.GEN_AI_TOOL_CALL_RESULT: _told(_RETURNED),
    semconv.GEN_AI_RETRIEVAL_DOCUMENTS: Canonical(content),
}
"""Content is parsed only where it has to be rebuilt: it is long, and no two spellings hold the same text."""

VALUES: Final = {
    semconv.GEN_AI_OPERATION_NAME: Canonical(operation, _operation, also_on=(semconv.GEN_AI_REQUEST_MODEL,)),
    semconv.GEN_AI_PROVIDER_NAME: Canonical(
        provider, infer_provider, also_on=(semconv.GEN_AI_REQUEST_MODEL, semconv.GEN_AI_RESPONSE_MODEL)
    ),
    semconv.GEN_AI_OUTPUT_TYPE: Canonical(text),
    semconv.GEN_AI_REQUEST_SEED: Canonical(whole_number),
    semconv.GEN_AI_REQUEST_TOP_K: Canonical(whole_number),
    semconv.GEN_AI_REQUEST_MAX_TOKENS: Canonical(whole_number),
    semconv.GEN_AI_REQUEST_TEMPERATURE: _NUMBER,
    semconv.GEN_AI_REQUEST_TOP_P: _NUMBER,
    semconv.GEN_AI_REQUEST_FREQUENCY_PENALTY: _NUMBER,
    semconv.GEN_AI_REQUEST_PRESENCE_PENALTY: _NUMBER,
    semconv.GEN_AI_REQUEST_STOP_SEQUENCES: Canonical(string_list),
    semconv.GEN_AI_REQUEST_STREAM: Canonical(boolean),
    semconv.GEN_AI_RESPONSE_TIME_TO_FIRST_CHUNK: Canonical(seconds, _time_to_first_chunk, also_on=_FIRST_CHUNK_AT),
    semconv.GEN_AI_RETRIEVAL_TOP_K: Canonical(whole_number, _retrieval_top_k, also_on=(semconv.GEN_AI_REQUEST_TOP_K,)),
    semconv.GEN_AI_RESPONSE_FINISH_REASONS: Canonical(
        finish_reasons, _finish_reasons, also_on=(semconv.GEN_AI_OUTPUT_MESSAGES,)
    ),
    semconv.OPENAI_REQUEST_SERVICE_TIER: Canonical(text),
    semconv.OPENAI_RESPONSE_SERVICE_TIER: Canonical(text),
    semconv.OPENAI_RESPONSE_SYSTEM_FINGERPRINT: Canonical(text),
    semconv.GEN_AI_USAGE_INPUT_TOKENS: _TOKENS,
    semconv.GEN_AI_USAGE_OUTPUT_TOKENS: _TOKENS,
    semconv.GEN_AI_USAGE_CACHE_READ_INPUT_TOKENS: _TOKENS,
    semconv.GEN_AI_USAGE_CACHE_WRITE_INPUT_TOKENS: _TOKENS,
    semconv.GEN_AI_USAGE_REASONING_OUTPUT_TOKENS: _TOKENS,
    semconv.GEN_AI_USAGE_DETAILS_CACHE_WRITE_1H_TOKENS: _TOKENS,
    semconv.GEN_AI_USAGE_AUDIO_INPUT_TOKENS: _TOKENS,
    semconv.GEN_AI_USAGE_AUDIO_OUTPUT_TOKENS: _TOKENS,
}
"""In the order in which they are settled: what is inferred comes after what it is inferred from."""

FIRST: Final = (semconv.GEN_AI_REQUEST_MODEL, semconv.GEN_AI_OPERATION_NAME)
"""What is settled before all others: names and content are inferred from it too."""
