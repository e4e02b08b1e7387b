"""From a value as somebody wrote it to a value as the conventions want it. None says that there is none in it."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from otel_llm_processors.gen_ai_normalizer.messages import decoded, messages, to_json

if TYPE_CHECKING:
    from otel_llm.attributes import Value

__all__ = [
    "completion_json",
    "content",
    "output_type",
    "prompt_json",
    "string_list",
    "text",
    "tokens",
    "whole_number",
]

_INTEGER: Final = re.compile("-?[0-9]{1,19}")
_INT64: Final = 1 << 63
_OUTPUT_TYPES: Final = {"json_object": "json", "json_schema": "json", "json": "json", "text": "text"}


def text(value: Value) -> str | None:
    """Return a text that is not empty."""
    return value if type(value) is str and value else None


def whole_number(value: Value) -> int | None:
    """Return an integer, also one that was written as a double or in ASCII digits. `int()` alone would take more."""
    if type(value) is int:
        return value
    if (type(value) is float and value.is_integer()) or (type(value) is str and _INTEGER.fullmatch(value)):
        number = int(value)
        return number if -_INT64 <= number < _INT64 else None
    return None


def tokens(value: Value) -> int | None:
    """Return a count of tokens: a whole number, not negative."""
    number = whole_number(value)
    return number if number is not None and number >= 0 else None


def string_list(value: Value) -> list[str] | None:
    """Return a list of texts, also one that was written as JSON; a bare text as a list of one."""
    held = decoded(value)
    if type(held) is str:
        return [held] if held else None
    return held if type(held) is list and held and all(type(item) is str for item in held) else None


def output_type(value: Value) -> str | None:
    """Return the kind of output that a response format of OpenAI's asks for."""
    held = decoded(value)
    if type(held) is dict:
        held = held.get("type")
    return _OUTPUT_TYPES.get(held) if type(held) is str else None


def content(value: Value) -> Value:
    """Return messages or instructions that are there already, as text or structured. They are not looked into."""
    return value if type(value) in (str, list, dict) and value else None


def prompt_json(value: Value) -> str | None:
    """Return a whole prompt as input messages."""
    return to_json(messages(value, "user"))


def completion_json(value: Value) -> str | None:
    """Return a whole completion as output messages."""
    return to_json(messages(value, "assistant"))
