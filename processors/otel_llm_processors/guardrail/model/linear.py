"""Scores a text by which sequences of letters are in it: logistic regression over hashed n-grams of characters."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from otel_llm.detectors import SAID_BY_OTHERS, Detection, TextDetector
from otel_llm_processors.guardrail.words import words_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from otel_llm.component import Settings
    from otel_llm.detectors import Passage
    from otel_llm_processors.guardrail.model.config import LinearModelConfig

__all__ = ["BITS", "WEIGHTS", "LinearModel", "features", "scores", "windows"]

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


class LinearModel(TextDetector):
    """Tells of texts that score high."""

    rules = ("prompt_injection.model",)
    targets = SAID_BY_OTHERS

    def __init__(self, config: LinearModelConfig, _settings: Settings) -> None:
        self._threshold = config.threshold
        self._weights, self._bias = _load()

    def detect(self, passages: Sequence[Passage], /) -> Sequence[Sequence[Detection]]:
        """Return which passages score as much as the threshold, each with the score of its highest window."""
        stretches = [windows(passage.text) for passage in passages]
        scored = iter(scores([each for own in stretches for each in own], self._weights, self._bias))
        highest = [max((next(scored) for _ in own), default=0.0) for own in stretches]
        return [[Detection(self.rules[0], best)] if best >= self._threshold else [] for best in highest]


def windows(text: str) -> list[bytes]:
    """Return the words of a text in stretches, of which one may be an injection; of a long text only the first 64."""
    stretches: list[bytes] = []
    for words in words_of(text):
        data = b" ".join(words.split())
        starts = range(0, max(len(data) - _WINDOW // 2, 1), _WINDOW)
        stretches += [data[start : start + _WINDOW] for start in starts if len(data) >= _SHORTEST]
    return stretches[:_MAX_WINDOWS]


def features(window: bytes) -> Any:
    """Return which features a stretch has: an array of indices, each once."""
    return np.unique(_hashed([window])[0])


def scores(stretches: Sequence[bytes], weights: Any, bias: float) -> list[float]:
    """Return how likely each stretch is one of an injection, 0 to 1."""
    by_length: dict[int, list[int]] = {}
    for place, stretch in enumerate(stretches):
        by_length.setdefault(len(stretch), []).append(place)
    scored = [0.0] * len(stretches)
    for places in by_length.values():
        # Sorted, a feature that stands twice stands beside itself. Numpy sorts numbers of 16 bits by their digits.
        indices = np.sort(_hashed([stretches[place] for place in places]), axis=1, kind="stable")
        is_first = np.ones(indices.shape, bool)
        np.not_equal(indices[:, 1:], indices[:, :-1], out=is_first[:, 1:])
        logits = (weights[indices] * is_first).sum(axis=1) / np.sqrt(is_first.sum(axis=1)) + bias
        for place, scored_one in zip(places, (1 / (1 + np.exp(-logits))).tolist(), strict=True):
            scored[place] = scored_one
    return scored


def _hashed(stretches: Sequence[bytes]) -> Any:
    """Return the hashes (FNV, Knuth) of all n-grams of stretches of one length: a row of 16-bit numbers for each."""
    data = b"".join(b" %b " % stretch for stretch in stretches)
    signs = np.frombuffer(data, np.uint8).reshape(len(stretches), -1).astype(np.uint32)
    found = []
    hashes = np.zeros_like(signs)
    for length in range(1, _LENGTHS[-1] + 1):
        hashes = hashes[:, : signs.shape[1] - length + 1] * _FACTOR ^ signs[:, length - 1 :]
        if length in _LENGTHS:
            found.append((hashes * _MIX >> np.uint32(32 - BITS)).astype(np.uint16))
    return np.concatenate(found, axis=1)


@cache
def _load() -> tuple[Any, float]:
    with np.load(WEIGHTS, allow_pickle=False) as stored:
        return stored["weights"].astype(np.float32) * stored["scale"], float(stored["bias"])
