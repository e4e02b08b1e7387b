"""What detection says about a text."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["TOO_DEEP", "Finding"]

TOO_DEEP = "unscanned.depth"
"""Stands in place of a rule's id where JSON in JSON is nested deeper than is looked into."""


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
