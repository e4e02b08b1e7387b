"""Scores a text by which sequences of letters are in it: logistic regression over hashed n-grams of characters."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from otel_llm_processors.guardrail.finding import Finding
from otel_llm_processors.guardrail.phrases import OTHERS
from otel_llm_processors.guardrail.words import words_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from otel_llm_processors.guardrail.content import Call

__all__ = ["BITS", "WEIGHTS", "LinearModel", "features", "score", "windows"]

BITS: Final = 15
"""There are `2**BITS` features."""
WEIGHTS: Final = Path(__file__).with_name("weights.npz")
_LENGTHS: Final = (3, 4, 5)
"""Characters of an n-gram."""
_WINDOW: Final = 1024
"""Characters that are scored together: in a longer text an injection is thinned out."""
_MAX_WINDOWS: Final = 64
_SHORTEST: Final = 24
"""Characters: in fewer there is too little to tell by."""
_FACTOR: Final = np.uint32(16777619)
_MIX: Final = np.uint32(2654435761)


class LinearModel:
    """Tells of texts that score high."""

    def __init__(self, threshold: float) -> None:
        self._threshold = threshold
        self._weights, self._bias = _load()

    def __call__(self, call: Call, /) -> Iterator[Finding]:
        """Yield the parts that score as much as the threshold, each with the score of its highest window."""
        for part in call.parts:
            if part.target in OTHERS:
                scores = [score(features(window), self._weights, self._bias) for window in windows(part.text)]
                if scores and max(scores) >= self._threshold:
                    yield Finding("prompt_injection.model", part.target, part, max(scores))


def windows(text: str) -> list[bytes]:
    """Return the words of a text in stretches, of which one may be an injection; of a long text only the first 64."""
    stretches: list[bytes] = []
    for words in words_of(text):
        data = b" ".join(words.encode().split())
        starts = range(0, max(len(data) - _WINDOW // 2, 1), _WINDOW)
        stretches += [data[start : start + _WINDOW] for start in starts if len(data) >= _SHORTEST]
    return stretches[:_MAX_WINDOWS]


def features(window: bytes) -> Any:
    """Return which features a stretch has: an array of indices, each once. Its n-grams are hashed (FNV, Knuth)."""
    signs = np.frombuffer(b" " + window + b" ", np.uint8).astype(np.uint32)
    found = []
    hashes = np.zeros(len(signs), np.uint32)
    for length in range(1, _LENGTHS[-1] + 1):
        hashes = hashes[: len(signs) - length + 1] * _FACTOR ^ signs[length - 1 :]
        if length in _LENGTHS:
            found.append(hashes * _MIX >> np.uint32(32 - BITS))
    return np.unique(np.concatenate(found))


def score(indices: Any, weights: Any, bias: float) -> float:
    """Return how likely a stretch with these features is one of an injection, 0 to 1."""
    logit = float(weights[indices].sum()) / len(indices) ** 0.5 + bias
    return float(1 / (1 + np.exp(-logit)))


@cache
def _load() -> tuple[Any, float]:
    with np.load(WEIGHTS, allow_pickle=False) as stored:
        return stored["weights"].astype(np.float32) * stored["scale"], float(stored["bias"])
