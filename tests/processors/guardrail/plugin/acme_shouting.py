"""Somebody else's detector: tells of passages in capitals."""

from __future__ import annotations

from typing import TYPE_CHECKING

from otel_llm.component import Config, Settings
from otel_llm.detectors import Detection, DetectorFactory, Passage, TextDetector

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["factory"]


class ShoutingConfig(Config):
    """Settings of `detectors.shouting`."""

    share: float = 0.5
    """Of its characters so many are capitals."""


class Shouting(TextDetector):
    """Counts capitals."""

    rules = ("shouting.capitals",)

    def __init__(self, config: ShoutingConfig, _settings: Settings) -> None:
        self._share = config.share

    def detect(self, passages: Sequence[Passage], /) -> Sequence[list[Detection]]:
        """Return which passages are loud."""
        return [self._judge(passage.text) for passage in passages]

    def _judge(self, text: str) -> list[Detection]:
        share = sum(map(str.isupper, text)) / max(len(text), 1)
        return [Detection("shouting.capitals", share)] if share >= self._share else []


factory = DetectorFactory("shouting", ShoutingConfig, Shouting)
