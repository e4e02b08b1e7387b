"""Whether a count includes what it should. The conventions say that it does; not everybody does so."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from otel_llm import semconv
from otel_llm_processors.gen_ai_normalizer.converters import tokens

if TYPE_CHECKING:
    from collections.abc import Sequence

    from otel_llm.attributes import Value, Writable

__all__ = ["KNOWN", "PARTS", "Inclusion"]

_INPUT: Final = semconv.GEN_AI_USAGE_INPUT_TOKENS
_OUTPUT: Final = semconv.GEN_AI_USAGE_OUTPUT_TOKENS
_READ: Final = semconv.GEN_AI_USAGE_CACHE_READ_INPUT_TOKENS
_WRITE: Final = semconv.GEN_AI_USAGE_CACHE_WRITE_INPUT_TOKENS
_THOUGHT: Final = semconv.GEN_AI_USAGE_REASONING_OUTPUT_TOKENS

PARTS: Final = frozenset({_READ, _WRITE, _THOUGHT})
"""What counts tokens that belong to the input or the output."""
KNOWN: Final = (_INPUT, _OUTPUT, _READ, _WRITE, _THOUGHT, semconv.GEN_AI_REQUEST_MODEL)
"""What has to be known to tell."""
_INT64: Final = 1 << 63


class Inclusion:
    """Adds what was cached to the input, and what was thought to the output, where it is certain that it is missing.

    It is where the part is more than the whole, and where only with it the sum is the total of all tokens. Without such
    a proof the counts stay, but for Gemini's: its total counts what was thought, which its candidates do not, and few
    emitters hand on the count of it. What is left of its total is output.
    """

    __slots__ = ("_slots", "_totals")

    def __init__(self, slots: Sequence[int], totals: Sequence[int]) -> None:
        """Take where `KNOWN`, and the attributes that may hold the total, stand among an item's values."""
        self._slots = slots
        self._totals = totals

    def include(self, values: Sequence[Value], written: dict[str, Writable], *, is_exclusive: bool) -> None:
        """Put the right input among what is written.

        Args:
            values: what the item came with.
            written: what is to be written on it, and wins.
            is_exclusive: whether who wrote it is known to leave out of the input what was cached.
        """
        of_input, of_output, of_read, of_write, of_thought, of_model = self._slots
        cached = tokens(written.get(_READ, values[of_read])) or 0
        cached += tokens(written.get(_WRITE, values[of_write])) or 0
        thought = tokens(written.get(_THOUGHT, values[of_thought])) or 0
        if not cached and not thought and not self._totals:
            return
        given, produced = tokens(written.get(_INPUT, values[of_input])), tokens(written.get(_OUTPUT, values[of_output]))
        total = None if given is None else self._total(values)
        if given is None:
            given = cached = 0
        if produced is None:
            produced = thought = 0
        rest = 0 if total is None else total - given - produced
        if not rest and not is_exclusive and cached <= given and thought <= produced:
            return
        missing = cached if is_exclusive or cached > given or (rest and rest in (cached, cached + thought)) else 0
        unsaid = thought if thought > produced or (rest and rest - missing == thought) else 0
        left = rest - missing - unsaid
        if left > 0 and not thought and _is_gemini(written.get(semconv.GEN_AI_REQUEST_MODEL, values[of_model])):
            unsaid, left = left, 0
        if left > 0 and left in (cached, thought, cached + thought):
            return  # else a second run would find it missing again
        if missing and given + missing < _INT64:
            written[_INPUT] = given + missing
        if unsaid and produced + unsaid < _INT64:
            written[_OUTPUT] = produced + unsaid

    def _total(self, values: Sequence[Value]) -> int | None:
        """Return the sum of all tokens that the span gives."""
        for slot in self._totals:
            total = tokens(values[slot])
            if total is not None:
                return total
        return None


def _is_gemini(model: Value) -> bool:
    return type(model) is str and "gemini" in model
