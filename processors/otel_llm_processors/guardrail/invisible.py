"""Text that a model reads and nobody sees."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from otel_llm_processors.guardrail.finding import Finding

if TYPE_CHECKING:
    from collections.abc import Iterator

    from otel_llm_processors.guardrail.content import Call

__all__ = ["find_invisible"]

_TAG: Final = "\U000e0000-\U000e007f"
_INVISIBLE: Final = re.compile(
    # Tags after a black flag are the flag of a region (UTS #51); one joiner or selector alone is in many an emoji.
    rf"(?P<tags>(?<![\U0001f3f4{_TAG}])[{_TAG}]+)"
    r"|(?P<zero_width>[\u200b-\u200d\u2060-\u2064\u00ad\ufeff\u180e]{4})"
    r"|(?P<selectors>[\ufe00-\ufe0f\U000e0100-\U000e01ef]{3})"
    r"|(?P<bidi>[\u202d\u202e])"
)


def find_invisible(call: Call) -> Iterator[Finding]:
    """Yield the parts of a call with tag characters, runs of characters without width, or a changed direction."""
    for part in call.parts:
        if not part.text.isascii():
            for match in _INVISIBLE.finditer(part.text):
                yield Finding(f"invisible.{match.lastgroup}", part.target, part)
