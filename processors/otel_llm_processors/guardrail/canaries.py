"""Words that stand in the instructions for one purpose: where they come out, the instructions have."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from otel_llm.errors import ConfigError
from otel_llm_processors.guardrail.finding import Finding
from otel_llm_processors.guardrail.words import words_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from otel_llm_processors.guardrail.content import Call

__all__ = ["Canaries"]

_SHORTEST: Final = 12
"""Letters: fewer may be a part of other words."""
_TARGETS: Final = frozenset({"output", "tool_call"})
"""Where what the model has read can go."""


class Canaries:
    """Looks for canaries in answers and in arguments of tools, however they are spaced, cased or encoded."""

    def __init__(self, canaries: Iterable[str]) -> None:
        """Take the canaries.

        Raises:
            ConfigError: one is too short; it does not say which.
        """
        self._canaries = tuple(_letters(next(words_of(canary))) for canary in canaries)
        if any(len(canary) < _SHORTEST for canary in self._canaries):
            raise ConfigError(f"canaries: each needs {_SHORTEST} letters at least; of digits, 2, 6 and 9 are none")

    def __call__(self, call: Call, /) -> Iterator[Finding]:
        """Yield the parts in which one stands."""
        for part in call.parts:
            if part.target in _TARGETS:
                for words in words_of(part.text):
                    letters = _letters(words)
                    if any(canary in letters for canary in self._canaries):
                        yield Finding("canary.leaked", part.target, part)


def _letters(words: str) -> str:
    return words.replace(" ", "")
