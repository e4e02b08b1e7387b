"""Tells texts that may hold something from those that cannot, all at once and without reading any of them by itself.

A string of JSON stands verbatim in its document once the escapes of that are decoded, wherever they stand; a string of
JSON in JSON once they are decoded again. So as many readings of all texts together are searched as there are escapes in
escapes, and what stands in none of them stands in no string.
"""

from __future__ import annotations

from bisect import bisect_right
from itertools import accumulate
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Sequence

    from otel_llm.detection.engines import Engine

__all__ = ["suspects"]

_READINGS: Final = 4
"""Escapes in escapes that are decoded; what has more is read by itself."""
_BACKSLASH: Final = b"\x01"
"""Stands for an escaped one while others are decoded."""
_ESCAPES: Final = ((b'\\"', b'"'), (b"\\n", b"\n"), (b"\\t", b"\t"), (b"\\r", b"\r"), (b"\\/", b"/"))
"""Those that are decoded alike wherever they stand. Others are not: `\\b` is a backspace in JSON and two characters in
a pattern, `\\u0040` any character."""


def suspects(engine: Engine, texts: Sequence[bytes]) -> set[int]:
    """Return the places of the texts, in UTF-8, in which something may be found."""
    found: set[int] = set()
    waiting = [*range(len(texts))]
    data = b"\0".join(texts)
    for _ in range(_READINGS):
        places = engine.suspicious(data)
        if places is None or _BACKSLASH in data or data.count(0) >= len(waiting):
            break
        if not places and b"\\" not in data:
            return found
        parts = data.split(b"\0")
        starts = [*accumulate((len(part) + 1 for part in parts), initial=0)] if places else []
        fired = {bisect_right(starts, place - 1) - 1 for place in places}
        found.update(waiting[each] for each in fired)
        escaped = [each for each, part in enumerate(parts) if b"\\" in part and each not in fired]
        if not escaped:
            return found
        waiting = [waiting[each] for each in escaped]
        data = _decoded(b"\0".join([parts[each] for each in escaped]))
        if b"\\" in data:
            found.update(each for each, part in zip(waiting, data.split(b"\0"), strict=True) if b"\\" in part)
        data = data.replace(_BACKSLASH, b"\\")
    return found.union(waiting)


def _decoded(data: bytes) -> bytes:
    """Return texts with their escapes decoded, but for those of backslashes, and those that leave one."""
    data = data.replace(b"\\\\", _BACKSLASH)
    for escape, decoded in _ESCAPES:
        if b"\\" not in data:
            break
        data = data.replace(escape, decoded)
    return data
