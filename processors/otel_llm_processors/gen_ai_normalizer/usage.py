"""Whether a count includes what it should. The conventions say that it does; not everybody does so."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from otel_llm import semconv
from otel_llm_processors.gen_ai_normalizer.converters import tokens

if TYPE_CHECKING:
    from collections.abc import Sequence

    from otel_llm.attributes import Value, Writable

__all__ = ["COUNTS", "PARTS", "Inclusion"]

_INPUT: Final = semconv.GEN_AI_USAGE_INPUT_TOKENS
_OUTPUT: Final = semconv.GEN_AI_USAGE_OUTPUT_TOKENS
_READ: Final = semconv.GEN_AI_USAGE_CACHE_READ_INPUT_TOKENS
_WRITE: Final = semconv.GEN_AI_USAGE_CACHE_WRITE_INPUT_TOKENS
_THOUGHT: Final = semconv.GEN_AI_USAGE_REASONING_OUTPUT_TOKENS

PARTS: Final = frozenset({_READ, _WRITE, _THOUGHT})
"""What counts tokens that belong to the input or the output."""
COUNTS: Final = (_INPUT, _OUTPUT, _READ, _WRITE, _THOUGHT)
"""What has to be known to tell."""
_INT64: Final = 1 << 63


class Inclusion:
    """Adds what was cached to the input, and what was thought to the output, where it is certain that it is missing.

    It is where the part is more than the whole, and where only with it the sum is the total of all tokens. Without such
    a proof the counts stay.
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
        given, produced, read, wrote, thought = (
            tokens(written.get(key, values[slot])) for key, slot in zip(COUNTS, self._slots, strict=True)
        )
        cached = 0 if given is None else (read or 0) + (wrote or 0)
        thought = 0 if produced is None else thought or 0
        if not cached and not thought:
            return
        given, produced = given or 0, produced or 0
        total = next((total for slot in self._totals if (total := tokens(values[slot])) is not None), None)
        rest = 0 if total is None else total - given - produced
        added = cached if is_exclusive or cached > given or (rest and rest in (cached, cached + thought)) else 0
        thought_of = thought if thought > produced or (rest and rest - added == thought) else 0
        left = rest - added - thought_of
        if left > 0 and left in (cached, thought, cached + thought):
            return  # else a second run would find it missing again
        if added and given + added < _INT64:
            written[_INPUT] = given + added
        if thought_of and produced + thought_of < _INT64:
            written[_OUTPUT] = produced + thought_of
