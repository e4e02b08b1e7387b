"""Whether a count of input tokens includes what was cached. The conventions say that it does; not everybody does so."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from otel_llm import semconv
from otel_llm_processors.gen_ai_normalizer.converters import tokens

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from otel_llm.attributes import Value, Writable

__all__ = ["CACHED", "include_cached"]

_INPUT: Final = semconv.GEN_AI_USAGE_INPUT_TOKENS
_OUTPUT: Final = semconv.GEN_AI_USAGE_OUTPUT_TOKENS
_CACHE_READ: Final = semconv.GEN_AI_USAGE_CACHE_READ_INPUT_TOKENS
_CACHE_WRITE: Final = semconv.GEN_AI_USAGE_CACHE_WRITE_INPUT_TOKENS

CACHED: Final = frozenset({_CACHE_READ, _CACHE_WRITE})
"""What counts tokens that were cached."""
_INT64: Final = 1 << 63


def include_cached(
    values: Mapping[Any, Value], written: dict[str, Writable], totals: Sequence[str], *, is_exclusive: bool
) -> None:
    """Add what was cached to the input where it is certain that it is missing there.

    It is where more was cached than went in, and where only with it the sum is the total of all tokens. Without such a
    proof the count stays.

    Args:
        values: what the item came with.
        written: what is to be written on it, and wins.
        totals: the attributes that may hold the total.
        is_exclusive: whether who wrote it is known to leave out of the input what was cached.
    """
    given = tokens(written.get(_INPUT, values.get(_INPUT)))
    cached = _count(written.get(_CACHE_READ, values.get(_CACHE_READ)))
    cached += _count(written.get(_CACHE_WRITE, values.get(_CACHE_WRITE)))
    if not cached or given is None:
        return
    total = next((count for key in totals if (count := tokens(values[key])) is not None), None)
    expected = None if total is None else total - _count(written.get(_OUTPUT, values.get(_OUTPUT))) - cached
    is_missing = is_exclusive or cached > given or given == expected
    is_settled = given + cached != expected  # else a second run would find it missing again
    if is_missing and is_settled and given + cached < _INT64:
        written[_INPUT] = given + cached


def _count(value: Value) -> int:
    return tokens(value) or 0
