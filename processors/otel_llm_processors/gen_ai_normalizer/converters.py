"""From a value as somebody wrote it to a value as the conventions want it. None says that there is none in it."""

from __future__ import annotations

import math
import re
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

from otel_llm_processors.gen_ai_normalizer.messages import message, messages, to_json
from otel_llm_processors.gen_ai_normalizer.parts import parts
from otel_llm_processors.gen_ai_normalizer.structures import decoded, json_string

if TYPE_CHECKING:
    from collections.abc import Mapping

    from otel_llm.attributes import Value
    from otel_llm_processors.gen_ai_normalizer.dialects.dialect import Convert

__all__ = [
    "answer_json",
    "boolean",
    "completion_json",
    "content",
    "current_instructions",
    "current_json",
    "current_messages",
    "definitions_json",
    "finish_reasons",
    "instant",
    "milliseconds",
    "number",
    "one_of",
    "output_type",
    "prompt_json",
    "request_json",
    "seconds",
    "string_list",
    "text",
    "text_or_json",
    "text_or_number",
    "tokens",
    "whole_number",
]

_INTEGER: Final = re.compile("-?[0-9]{1,19}")
_INT64: Final = 1 << 63
_NUMBER: Final = re.compile(r"-?[0-9]{1,30}(\.[0-9]{1,30})?([eE][+-]?[0-9]{1,3})?")
_BOOLEANS: Final = {"true": True, "True": True, "false": False, "False": False}
_TEXTS: Final = {str}
"""The types in a list of texts that is not empty."""
_SCHEMAS: Final = ("parameters", "input_schema", "inputSchema")
"""What OpenAI, Anthropic and the Vercel AI SDK call the schema of a tool's arguments."""
_JSON: Final = ("[", "{", '"')
"""What JSON begins with."""
_OUTPUT_TYPES: Final = {"json_object": "json", "json_schema": "json", "json": "json", "text": "text"}


def text(value: Value) -> str | None:
    """Return a text that is not empty."""
    return value if type(value) is str and value else None


def whole_number(value: Value) -> int | None:
    """Return an integer, also one that was written as a double or in ASCII digits. `int()` alone would take more."""
    if type(value) is int:
        return value if -_INT64 <= value < _INT64 else None
    if (type(value) is float and value.is_integer()) or (type(value) is str and _INTEGER.fullmatch(value)):
        number = int(value)
        return number if -_INT64 <= number < _INT64 else None
    return None


def tokens(value: Value) -> int | None:
    """Return a count of tokens: a whole number, not negative."""
    if type(value) is int and 0 <= value < _INT64:
        return value
    number = whole_number(value)
    return number if number is not None and number >= 0 else None


def number(value: Value) -> float | None:
    """Return a finite number, also one that was written as a text."""
    if type(value) is str and _NUMBER.fullmatch(value):
        value = float(value)
    return value if type(value) in (int, float) and math.isfinite(value) else None


def seconds(value: Value) -> float | None:
    """Return a duration: a number, not negative."""
    duration = number(value)
    return duration if duration is not None and duration >= 0 else None


def milliseconds(value: Value) -> float | None:
    """Return a duration in milliseconds as one in seconds."""
    duration = number(value)
    return None if duration is None else duration / 1000


def instant(value: Value) -> float | None:
    """Return a time as ISO 8601 writes it, quoted or not, in seconds since 1970; without a zone it is UTC."""
    try:
        time = datetime.fromisoformat(json_string(value))
    except (TypeError, ValueError):
        return None
    return (time if time.tzinfo else time.replace(tzinfo=UTC)).timestamp()


def boolean(value: Value) -> bool | None:
    """Return a truth value, also one that was written as a text, in JSON's words or Python's."""
    return value if type(value) is bool else _BOOLEANS.get(value) if type(value) is str else None


def one_of(meanings: Mapping[str, str]) -> Convert:
    """Return a converter for a closed list of words; their case plays no part."""

    def convert(value: Value) -> str | None:
        return meanings.get(value.lower()) if type(value) is str else None

    return convert


def text_or_json(value: Value) -> str | None:
    """Return a text that is not empty; something structured as JSON."""
    return to_json(value) if type(value) in (list, dict) else text(value)


def text_or_number(value: Value) -> str | None:
    """Return a text that is not empty; a whole number in digits."""
    return str(value) if type(value) is int else text(value)


def string_list(value: Value) -> list[str] | None:
    """Return a list of texts, also one that was written as JSON; a bare text as a list of one."""
    held = decoded(value)
    if type(held) is str:
        return [held] if held else None
    return held if type(held) is list and {*map(type, held)} == _TEXTS else None


def finish_reasons(value: Value) -> list[str] | None:
    """Return reasons as a list of texts.

    Semantic Kernel's are members of an enumeration, as Python prints them; LangSmith's have commas between them.
    """
    reasons = value.split(", ") if type(value) is str and value[:1] not in ("", "[") else string_list(value)
    if reasons and any(map(_is_printed_member, reasons)):
        return [reason.rpartition(".")[2].lower() if _is_printed_member(reason) else reason for reason in reasons]
    return reasons


def _is_printed_member(reason: str) -> bool:
    return reason.startswith("FinishReason.")


def output_type(value: Value) -> str | None:
    """Return the kind of output that a response format of OpenAI's asks for."""
    held = decoded(value)
    if type(held) is dict:
        held = held.get("type")
    return _OUTPUT_TYPES.get(held) if type(held) is str else None


def content(value: Value) -> Value:
    """Return messages or instructions that are there already, as text or structured. They are not looked into."""
    return value if type(value) in (str, list, dict) and value else None


def current_json(role: str, value: Value) -> str | None:
    """Return messages that stand under the current name in another form, said by *role*; None for those in its form."""
    held = decoded(value)
    if type(held) is not list or all(
        type(each) is dict and "parts" in each and "tool_calls" not in each for each in held
    ):
        return None
    return to_json(messages(held, role))


def current_messages(role: str, value: Value) -> Value:
    """Return messages in the current schema: as they are, or rebuilt of another form, said by *role* if by nobody else.

    Those in the current schema are mostly not even parsed.
    """
    if type(value) is str and '"parts"' in value and '"type"' in value:
        return value
    held = decoded(value)
    said = held if type(held) is list else [held]
    if not all(map(_is_said, said)) or all(map(_is_current, said)):
        return content(value)
    rebuilt = messages(held, role)
    return (to_json(rebuilt) if rebuilt and any(each["parts"] for each in rebuilt) else None) or content(value)


def current_instructions(value: Value) -> Value:
    """Return instructions in the current schema: as they are, or, where they are a plain text, as a part."""
    return to_json(parts(value)) if type(value) is str and value and not value.startswith(_JSON) else content(value)


def definitions_json(value: Value) -> str | None:
    """Return tools, as the APIs and SDKs of models define them."""
    held = decoded(value)
    return to_json([_definition(decoded(each)) for each in held]) if type(held) is list else None


def request_json(value: Value) -> str | None:
    """Return the messages of a request that has instructions and a prompt apart."""
    held = decoded(value)
    if type(held) is not dict:
        return None
    given = (
        held.get("messages") or held.get("prompt") or held.get("contents") or ("model" in held and held.get("input"))
    )
    asked = messages(given, "user")
    return to_json([*(messages(held.get("system") or held.get("instructions"), "system") or ()), *(asked or ())])


def answer_json(value: Value) -> str | None:
    """Return one message whose pieces stand in several attributes."""
    if type(value) is not dict:
        return None
    thought = value.get("reasoning")
    said = value.get("text") or value.get("object")
    content = [
        *([{"type": "reasoning", "content": thought}] if type(thought) is str and thought else ()),
        *([{"type": "text", "text": said}] if type(said) is str and said else ()),
    ]
    answer = message({"content": content, "tool_calls": value.get("toolCalls")}, "assistant")
    return to_json([answer] if answer["parts"] else None)


def prompt_json(value: Value) -> str | None:
    """Return a whole prompt as input messages."""
    return to_json(messages(value, "user"))


def completion_json(value: Value) -> str | None:
    """Return a whole completion as output messages."""
    return to_json(messages(value, "assistant"))


def _is_said(item: Any) -> bool:
    """Tell whether it is a message by somebody, or a plain text: JSON there is half of something."""
    return type(item.get("role")) is str if type(item) is dict else type(item) is str and not item.startswith(_JSON)


def _is_current(item: Any) -> bool:
    return (
        type(item) is dict
        and type(item.get("parts")) is list
        and all(type(part) is dict and "type" in part for part in item["parts"])
    )


def _definition(tool: Any) -> Any:
    if type(tool) is not dict:
        return tool
    function = tool["function"] if type(tool.get("function")) is dict else tool
    if type(function.get("name")) is not str:
        return tool
    kept = {key: held for key, held in function.items() if key not in _SCHEMAS}
    schema = next((decoded(function[key]) for key in _SCHEMAS if function.get(key) is not None), None)
    return {"type": "function", **kept, **({} if schema is None else {"parameters": schema})}
