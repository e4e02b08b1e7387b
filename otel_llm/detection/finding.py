"""What detection says about a text."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

__all__ = ["TOO_DEEP", "TOO_MUCH", "UNSCANNED", "Finding"]

UNSCANNED: Final = "unscanned."
"""Begins what stands in place of a rule's id where nobody knows what a text holds."""
TOO_DEEP: Final = f"{UNSCANNED}depth"
"""JSON in JSON is nested deeper than is looked into."""
TOO_MUCH: Final = f"{UNSCANNED}work"
"""So many rules may match that to look for all of them is more work than a text of that length is worth."""


@dataclass(frozen=True, slots=True)
class Finding:
    """A place in a text where a rule fired. Never the text itself."""

    rule: str
    """The rule's id."""
    start: int
    """Offset of the first character, or byte where the text is bytes."""
    end: int
    """Offset past the last."""
    score: float = 1.0
    """How sure the rule is, 0 to 1."""
