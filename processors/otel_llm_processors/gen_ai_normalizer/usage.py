"""Whether a count of input tokens includes what was cached. The conventions say that it does; not everybody does so."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from otel_llm import semconv
from otel_llm_processors.gen_ai_normalizer.converters import tokens

if TYPE_CHECKING:
    from collections.abc import Sequence

    from otel_llm.attributes import Value, Writable

__all__ = ["CACHED", "COUNTS", "Cache"]

_INPUT: Final = semconv.GEN_AI_USAGE_INPUT_TOKENS
_OUTPUT: Final = semconv.GEN_AI_USAGE_OUTPUT_TOKENS
_READ: Final = semconv.GEN_AI_USAGE_CACHE_READ_INPUT_TOKENS
_WRITE: Final = semconv.GEN_AI_USAGE_CACHE_WRITE_INPUT_TOKENS

CACHED: Final = frozenset({_READ, _WRITE})
"""What counts tokens that were cached."""
COUNTS: Final = (_INPUT, _OUTPUT, _READ, _WRITE)
"""What has to be known to tell."""
_INT64: Final = 1 << 63


class Cache:
    """Adds what was cached to the input where it is certain that it is missing there.

    It is where more was cached than went in, and where only with it the sum is the total of all tokens. Without such a
    proof the count stays.
    """

    __slots__ = ("_slots", "_totals")

    def __init__(self, slots: Sequence[int], totals: Sequence[int]) -> None:
        """Take where `COUNTS`, and the attributes that may hold the total, stand among an item's values."""
        self._slots = slots
        self._totals = totals

    def include(self, values: Sequence[Value], written: dict[str, Writable], *, is_exclusive: bool) -> None:
        """Put the right input among what is written.

        Args:
            values: what the item came with.
            written: what is to be written on it, and wins.
            is_exclusive: whether who wrote it is known to leave out of the input what was cached.
        """
        slots = self._slots
        cached = tokens(written.get(_READ, values[slots[2]])) or 0
        cached += tokens(written.get(_WRITE, values[slots[3]])) or 0
        if not cached:
            return
        given = tokens(written.get(_INPUT, values[slots[0]]))
        if given is None:
            return
        expected = None
        for slot in self._totals:
            total = tokens(values[slot])
            if total is not None:
                expected = total - (tokens(written.get(_OUTPUT, values[slots[1]])) or 0) - cached
                break
        is_missing = is_exclusive or cached > given or given == expected
        is_settled = given + cached != expected  # else a second run would find it missing again
        if is_missing and is_settled and given + cached < _INT64:
            written[_INPUT] = given + cached
