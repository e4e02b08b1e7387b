"""Detection that processors share: one scan of a text serves whoever asks, first or second."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["Detector", "Finding"]


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


class Detector(Protocol):
    """Scans one text for all rules that a chain's processors asked for. Used by one thread at a time."""

    def scan(self, text: str | bytes, /) -> Sequence[Finding]:
        """Return what was found, by `start`."""
        ...
