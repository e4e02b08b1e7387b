"""Text that a model reads and nobody sees."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from otel_llm.detectors import Detection, TextDetector

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from otel_llm.detectors import Passage

__all__ = ["Invisible"]

_TAG: Final = "\U000e0000-\U000e007f"
_INVISIBLE: Final = re.compile(
    # Tags after a black flag are the flag of a region (UTS #51); one joiner or selector alone is in many an emoji.
    rf"(?P<tags>(?<![\U0001f3f4{_TAG}])[{_TAG}]+)"
    r"|(?P<zero_width>[\u200b-\u200d\u2060-\u2064\u00ad\ufeff\u180e]{4})"
    r"|(?P<selectors>[\ufe00-\ufe0f\U000e0100-\U000e01ef]{3})"
    r"|(?P<bidi>[\u202d\u202e])"
)


class Invisible(TextDetector):
    """Looks for tag characters, runs of characters without width, and a changed direction."""

    rules = tuple(f"invisible.{name}" for name in _INVISIBLE.groupindex)

    def detect(self, passages: Sequence[Passage], /) -> Sequence[Iterable[Detection]]:
        """Return which kinds each passage holds."""
        return [() if passage.text.isascii() else _found(passage.text) for passage in passages]


def _found(text: str) -> set[Detection]:
    return {Detection(f"invisible.{match.lastgroup}") for match in _INVISIBLE.finditer(text)}
