"""Whether a count of input tokens includes what was cached. The conventions say that it does; not everybody does so."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from otel_llm import semconv
from otel_llm_processors.gen_ai_normalizer.converters import tokens

if TYPE_CHECKING:
    from collections.abc import Sequence

    from otel_llm.attributes import Value
    from otel_llm_processors.gen_ai_normalizer.draft import Draft

__all__ = ["CACHED", "include_cached"]

_INPUT: Final = semconv.GEN_AI_USAGE_INPUT_TOKENS
_OUTPUT: Final = semconv.GEN_AI_USAGE_OUTPUT_TOKENS
_CACHE_READ: Final = semconv.GEN_AI_USAGE_CACHE_READ_INPUT_TOKENS
_CACHE_WRITE: Final = semconv.GEN_AI_USAGE_CACHE_WRITE_INPUT_TOKENS

CACHED: Final = frozenset({_CACHE_READ, _CACHE_WRITE})
"""What counts tokens that were cached."""
_INT64: Final = 1 << 63


def include_cached(draft: Draft, totals: Sequence[str]) -> None:
    """Add what was cached to the input where it is certain that it is missing there.

    It is where more was cached than went in, and where only with it the sum is the total of all tokens. Without such a
    proof the count stays.

    Args:
        draft: the item.
        totals: the attributes that may hold the total.
    """
    get = draft.get
    cached = _count(get(_CACHE_READ)) + _count(get(_CACHE_WRITE))
    given = tokens(get(_INPUT))
    if not cached or given is None:
        return
    total = next((count for key in totals if (count := tokens(get(key))) is not None), None)
    expected = None if total is None else total - _count(get(_OUTPUT)) - cached
    is_missing = cached > given or given == expected
    is_settled = given + cached != expected  # else a second run would find it missing again
    if is_missing and is_settled and given + cached < _INT64:
        draft.written[_INPUT] = given + cached


def _count(value: Value) -> int:
    return tokens(value) or 0
