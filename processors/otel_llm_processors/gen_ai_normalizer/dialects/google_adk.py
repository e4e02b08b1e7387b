"""Google's Agent Development Kit: its first schema, and the second, which writes the current names.

In the first a call is written as `call_llm`, with all that was asked and answered; later versions repeat it below that
as `generate_content {model}`. Source: `google/adk/telemetry` of google/adk-python 2.13, 1.39 and 1.20.
"""

from __future__ import annotations

from itertools import groupby
from typing import TYPE_CHECKING, Any, Final

from otel_llm import semconv
from otel_llm_processors.gen_ai_normalizer.converters import (
    completion_json,
    definitions_json,
    request_json,
    text_or_json,
)
from otel_llm_processors.gen_ai_normalizer.dialects.dialect import Dialect, Spelling, member
from otel_llm_processors.gen_ai_normalizer.messages import message, to_json
from otel_llm_processors.gen_ai_normalizer.structures import decoded

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from otel_llm.attributes import Value

__all__ = ["DIALECT"]

_REQUEST: Final = "gcp.vertex.agent.llm_request"
_RESPONSE: Final = "gcp.vertex.agent.llm_response"


def _operation(_contents: Value) -> str:
    return "generate_content"


def _instructions(value: Value) -> str | None:
    """Return instructions that are a text or, as Gemini has them, content."""
    return to_json(message({"content": value}, "system")["parts"])


def _definitions(value: Value) -> str | None:
    """Return the functions of Gemini's tools."""
    tools = value if type(value) is list else []
    declared = [tool.get("function_declarations") for tool in tools if type(tool) is dict]
    return definitions_json(
        [_definition(each) for functions in declared if type(functions) is list for each in functions]
    )


def _definition(function: Any) -> Any:
    if type(function) is not dict or "parameters_json_schema" not in function:
        return function
    kept = {key: held for key, held in function.items() if key != "parameters_json_schema"}
    return {"parameters": function["parameters_json_schema"], **kept}


def _used(*names: str, is_believed: bool = False) -> Spelling:
    """Return the sum of some counts in the usage of an answer."""

    def counted(usage: Value) -> int | None:
        counts = [usage.get(name) for name in names] if type(usage) is dict else []
        known = [count for count in counts if type(count) is int]
        return sum(known) if known else None

    return Spelling(_RESPONSE, counted, path=("usage_metadata",), is_believed=is_believed, is_kept=True)


def _whole(value: Value) -> str | None:
    """Return output messages that are the chunks of a stream as what they are chunks of; None for all others."""
    held = decoded(value)
    if type(held) is not list or not all(map(_is_message, held)):
        return None
    answers = list(_answers(held))
    return to_json(answers) if len(answers) < len(held) else None


def _is_message(item: Any) -> bool:
    return type(item) is dict and type(item.get("parts")) is list


def _answers(chunks: Iterable[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    """Put together what has no reason to have ended with what follows it."""
    begun: list[dict[str, Any]] = []
    for chunk in chunks:
        begun.append(chunk)
        if chunk.get("finish_reason") != "":
            yield _answer(begun)
            begun = []
    if begun:
        yield _answer(begun)


def _answer(chunks: list[dict[str, Any]]) -> dict[str, Any]:
    *_, last = chunks
    if len(chunks) == 1:
        return last
    pieces = [part for chunk in chunks for part in chunk["parts"]]
    return {**last, "parts": [part for kind, same in groupby(pieces, _kind_of_text) for part in _joined(kind, same)]}


def _joined(kind: str | None, pieces: Iterable[Any]) -> Iterable[Any]:
    return pieces if kind is None else [{"type": kind, "content": "".join(piece["content"] for piece in pieces)}]


def _kind_of_text(part: Any) -> str | None:
    """Return the type of a part that goes on in the next of its type; None for one that does not."""
    is_text = type(part) is dict and part.get("type") in ("text", "reasoning") and type(part.get("content")) is str
    return part["type"] if is_text else None


DIALECT: Final[Dialect] = Dialect(
    name="google_adk",
    label="google_adk",
    markers=(semconv.GEN_AI_PREFIX.encode(),),
    scopes=("gcp.vertex.agent",),
    is_scoped=True,  # it reads what is in current names too, which those of others need not
    signs=(_REQUEST, "gcp.vertex.agent.invocation_id", "gcp.vertex.agent.event_id"),
    fields={
        semconv.GEN_AI_OPERATION_NAME: (Spelling(_REQUEST, _operation, path=("contents",), is_kept=True),),
        semconv.GEN_AI_CONVERSATION_ID: ("gcp.vertex.agent.session_id",),
        semconv.GEN_AI_RESPONSE_MODEL: (member(_RESPONSE, "model_version"),),
        semconv.GEN_AI_USAGE_INPUT_TOKENS: (_used("prompt_token_count", "tool_use_prompt_token_count"),),
        semconv.GEN_AI_USAGE_OUTPUT_TOKENS: (
            # up to version 1.39 the attribute leaves out what was thought
            _used("candidates_token_count", "thoughts_token_count", is_believed=True),
        ),
        semconv.GEN_AI_USAGE_CACHE_READ_INPUT_TOKENS: (_used("cached_content_token_count"),),
        semconv.GEN_AI_USAGE_REASONING_OUTPUT_TOKENS: (_used("thoughts_token_count"),),
        # content
        semconv.GEN_AI_SYSTEM_INSTRUCTIONS: (
            Spelling(_REQUEST, _instructions, path=("config", "system_instruction"), is_kept=True),
        ),
        semconv.GEN_AI_INPUT_MESSAGES: (Spelling(_REQUEST, request_json, is_kept=True),),
        semconv.GEN_AI_OUTPUT_MESSAGES: (
            Spelling(semconv.GEN_AI_OUTPUT_MESSAGES, _whole, is_believed=True, is_kept=True),
            Spelling(_RESPONSE, completion_json, is_kept=True),
        ),
        semconv.GEN_AI_TOOL_DEFINITIONS: (Spelling(_REQUEST, _definitions, path=("config", "tools"), is_kept=True),),
        semconv.GEN_AI_TOOL_CALL_ARGUMENTS: (Spelling("gcp.vertex.agent.tool_call_args", text_or_json),),
        semconv.GEN_AI_TOOL_CALL_RESULT: (Spelling("gcp.vertex.agent.tool_response", text_or_json),),
    },
)
