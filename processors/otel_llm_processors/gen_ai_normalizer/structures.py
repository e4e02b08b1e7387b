"""Values inside a value: in JSON, in a Python dictionary as `repr` writes it, or in one that OTLP carries."""

from __future__ import annotations

import ast
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Final

import orjson

if TYPE_CHECKING:
    from collections.abc import Iterable

    from otel_llm.attributes import Value

__all__ = ["bucket_sum", "decoded", "json_string", "structure", "unchanged"]

_LONGEST_REPR: Final = 16_384
"""Counts, which are all that is read from one, are shorter; and Python's parser is slow."""

_LONGEST_REMEMBERED: Final = 16_384
"""Nobody's messages are kept for longer than it takes to read them."""


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


def bucket_sum(side: str, value: Value) -> int | None:
    """Return Langfuse's count of all *side*, `input` or `output`: its buckets with that in their names do not overlap.

    The one that is called just so is all there is where it is said to be, by a total.
    """
    usage = structure(value)
    own = usage.get(side) if type(usage) is dict else None
    if type(own) is not int:
        return None
    if usage.get("total") == _sum(usage, ("input", "output")):
        return own
    return _sum(usage, [name for name in usage if side in name])


def _sum(counts: dict[str, Any], names: Iterable[str]) -> int:
    return sum(count for name in names if type(count := counts.get(name)) is int)


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
