"""What the attributes of an item stand for, by their keys alone."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, NamedTuple

from otel_llm_processors.gen_ai_normalizer.dialects.dialect import Place
from otel_llm_processors.gen_ai_normalizer.program import Program

if TYPE_CHECKING:
    from collections.abc import Collection

__all__ = ["Layout"]


class Layout(NamedTuple):
    """Items of one instrumentation come with the same attributes again and again: this is found out once for them."""

    keys: Sequence[str]
    """Of the attributes."""
    terms: Sequence[str]
    """What each of them stands for: itself, its family, or nothing that is looked for."""
    present: frozenset[str]
    """All of these."""
    families: Mapping[str, Mapping[str, str]]
    """The keys of each family, by what follows the family's name."""
    program: Program
    """What is to be done where nothing else is there."""
    programs: dict[tuple[Place, ...], Program]
    """What is to be done where events or members are there besides, as far as it was asked for."""
    asked: Sequence[str]
    """Keys that say whom the item is for."""
    is_gen_ai: bool
    """Whether one of the keys is the conventions'."""
    is_labelled: bool
    """Whether it says already which dialect it was in."""

    def keys_of(self, terms: Collection[str]) -> Collection[str]:
        """Return the keys that are among *terms*, or stand for one of them."""
        return [key for key, term in zip(self.keys, self.terms, strict=True) if key in terms or term in terms]
