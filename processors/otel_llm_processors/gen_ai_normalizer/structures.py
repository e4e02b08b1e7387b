"""Values inside a value: in JSON, in a Python dictionary as `repr` writes it, or in one that OTLP carries."""

from __future__ import annotations

import ast
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Final

import orjson

if TYPE_CHECKING:
    from otel_llm.attributes import Value

__all__ = ["decoded", "exclusive_input", "json_string", "structure", "unchanged"]

_LONGEST_REPR: Final = 16_384
"""Counts, which are all that is read from one, are shorter; and Python's parser is slow."""

_LONGEST_REMEMBERED: Final = 16_384
"""Nobody's messages are kept for longer than it takes to read them."""
_CACHED: Final = (
    "input_cached_tokens",
    "cache_read_input_tokens",
    "cache_creation_input_tokens",
)
"""Langfuse's names of what its `input` leaves out."""


def structure(value: Value) -> Any:
    """Return the dictionary or list that a value is or describes, not to be changed; None where it does neither."""
    if type(value) is str:
        if not value.startswith(("{", "[")):
            return None
        return _remembered(value) if len(value) <= _LONGEST_REMEMBERED else _parsed(value)
    return value if type(value) in (dict, list) else None


def decoded(value: Value) -> Value:
    """Return what a text says if it is a JSON array or object, anything else as it is."""
    if type(value) is str and value.startswith(("[", "{")):
        try:
            return orjson.loads(value)
        except orjson.JSONDecodeError:
            return value
    return value


def unchanged(value: Value) -> Value:
    """Return what is right as it stands."""
    return value


def json_string(value: Value) -> Value:
    """Return the text that a JSON string holds, anything else as it is."""
    if type(value) is str and value.startswith('"'):
        try:
            return orjson.loads(value)
        except orjson.JSONDecodeError:
            return value
    return value


def exclusive_input(value: Value) -> Value:
    """Return Langfuse's count of input with what was cached, which its buckets leave out."""
    usage = structure(value)
    if type(usage) is not dict or type(usage.get("input")) is not int:
        return None
    cached = [usage[name] for name in _CACHED if name in usage]
    return sum((usage["input"], *(count for count in cached if type(count) is int)))


def _parsed(text: str) -> Any:
    try:
        return orjson.loads(text)
    except orjson.JSONDecodeError:
        pass
    if len(text) > _LONGEST_REPR:
        return None
    try:
        return ast.literal_eval(text)
    except (ValueError, SyntaxError, TypeError, MemoryError, RecursionError):
        return None


_remembered: Final = lru_cache(maxsize=4)(_parsed)
"""Several attributes are read from one text, one after the other."""
