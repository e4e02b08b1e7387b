"""Whether a count of input tokens includes what was cached. The conventions say that it does; not everybody does so."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from otel_llm import semconv
from otel_llm_processors.gen_ai_normalizer.converters import tokens

if TYPE_CHECKING:
    from collections.abc import Sequence

    from otel_llm.attributes import Attributes

__all__ = ["include_cached"]

_INT64: Final = 1 << 63


def include_cached(item: Attributes, totals: Sequence[str]) -> None:
    """Add what was cached to the input where it is certain that it is missing there.

    It is where more was cached than went in, and where only with it the sum is the total of all tokens. Without such a
    proof the count stays.

    Args:
        item: the span or record.
        totals: the attributes that may hold the total.
    """
    cached = _count(item, semconv.GEN_AI_USAGE_CACHE_READ_INPUT_TOKENS) + _count(
        item, semconv.GEN_AI_USAGE_CACHE_WRITE_INPUT_TOKENS
    )
    given = tokens(item.get(semconv.GEN_AI_USAGE_INPUT_TOKENS))
    if not cached or given is None:
        return
    total = next((count for key in totals if (count := tokens(item.get(key))) is not None), None)
    expected = None if total is None else total - _count(item, semconv.GEN_AI_USAGE_OUTPUT_TOKENS) - cached
    is_missing = cached > given or given == expected
    is_settled = given + cached != expected  # else a second run would find it missing again
    if is_missing and is_settled and given + cached < _INT64:
        item.set(semconv.GEN_AI_USAGE_INPUT_TOKENS, given + cached)


def _count(item: Attributes, key: str) -> int:
    return tokens(item.get(key)) or 0
