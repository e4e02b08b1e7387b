"""Words that stand in the instructions for one purpose: where they come out, the instructions have."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from otel_llm.detectors import Detection, Target, TextDetector
from otel_llm.errors import ConfigError
from otel_llm_processors.guardrail.words import words_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from otel_llm.detectors import Passage

__all__ = ["Canaries"]

_SHORTEST: Final = 12
"""Letters: fewer may be a part of other words."""
_LEAKED: Final = Detection("canary.leaked")


class Canaries(TextDetector):
    """Looks for canaries in answers and in arguments of tools, however they are spaced, cased or encoded."""

    targets: frozenset[Target] = frozenset({"output", "tool_call"})
    """Where what the model has read can go."""
    rules = (_LEAKED.rule,)

    def __init__(self, canaries: Iterable[str]) -> None:
        """Take the canaries.

        Raises:
            ConfigError: one is too short; it does not say which.
        """
        self._canaries = tuple(_letters(next(words_of(canary))) for canary in canaries)
        if any(len(canary) < _SHORTEST for canary in self._canaries):
            raise ConfigError(f"canaries: each needs {_SHORTEST} letters at least; of digits, 2, 6 and 9 are none")

    def detect(self, passages: Sequence[Passage], /) -> Sequence[Sequence[Detection]]:
        """Return in which passages one stands."""
        return [[_LEAKED] if self._stands_in(passage.text) else [] for passage in passages]

    def _stands_in(self, text: str) -> bool:
        return any(canary in letters for letters in map(_letters, words_of(text)) for canary in self._canaries)


def _letters(words: bytes) -> bytes:
    return words.replace(b" ", b"")
