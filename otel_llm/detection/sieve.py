"""Tells texts that may hold something from those that cannot, all at once and without reading any of them by itself.

A string of JSON stands verbatim in its document once the escapes of that are decoded, wherever they stand; a string of
JSON in JSON once they are decoded again. So as many readings of all texts together are searched as there are escapes in
escapes, and what stands in none of them stands in no string.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from itertools import accumulate
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from otel_llm.detection.engines import Engine

__all__ = ["suspects", "uncertain"]

_READINGS: Final = 4
"""Escapes in escapes that are decoded; what has more is read by itself."""
_BACKSLASH: Final = b"\x01"
"""Stands for an escaped one while others are decoded."""
_ESCAPES: Final = ((b'\\"', b'"'), (b"\\n", b"\n"), (b"\\t", b"\t"), (b"\\r", b"\r"), (b"\\/", b"/"))
"""Those that are decoded alike wherever they stand. Others are not: `\\b` is a backspace in JSON and two characters in
a pattern, `\\u0040` any character."""


def suspects(engine: Engine, texts: Sequence[bytes], documents: Collection[int]) -> set[int]:
    """Return the places of the texts, in UTF-8, in which something may be found.

    Those of *documents* are JSON: their strings alone say anything, as they read.
    """
    found: set[int] = set()
    waiting = [place for place in range(len(texts)) if place not in documents]
    escaped = [texts[place] for place in documents]
    unread = [*documents]
    data = b"\0".join([texts[place] for place in waiting])
    for _ in range(_READINGS):
        if waiting:
            places = engine.suspicious(data)
            if places is None or _BACKSLASH in data or data.count(0) >= len(waiting):
                break
            if places or b"\\" in data:
                parts = data.split(b"\0")
                starts = [*accumulate((len(part) + 1 for part in parts), initial=0)] if places else []
                fired = {bisect_right(starts, place - 1) - 1 for place in places}
                found.update(waiting[each] for each in fired)
                left = [each for each, part in enumerate(parts) if b"\\" in part and each not in fired]
                unread += [waiting[each] for each in left]
                escaped += [parts[each] for each in left]
        if not unread:
            return found
        waiting, unread = unread, []
        data, escaped = _decoded(b"\0".join(escaped)), []
        if b"\\" in data:
            found.update(each for each, part in zip(waiting, data.split(b"\0"), strict=True) if b"\\" in part)
        data = data.replace(_BACKSLASH, b"\\")
    return found.union(waiting, unread)


def uncertain(engine: Engine, parts: Sequence[bytes], known: dict[bytes, bool]) -> Collection[int]:
    """Return the places of those parts of a request in which something may be found, whatever stands around them.

    *known* remembers which are: the most recur from span to span.
    """
    found: list[int] = []
    fresh: list[int] = []
    for place, part in enumerate(parts):
        fires = known.get(part)
        if fires is None:
            fresh.append(place)
        elif fires:
            found.append(place)
    if not fresh:
        return found
    marks = engine.marks(b"\0".join([parts[place] for place in fresh]))
    if marks is None:
        return range(len(parts))
    starts = [*accumulate((len(parts[place]) + 1 for place in fresh), initial=0)]
    marked = {bisect_left(starts, mark) - 1 for mark in marks}
    for number, place in enumerate(fresh):
        known[parts[place]] = fires = number in marked or b"\\" in parts[place]
        if fires:
            found.append(place)
    return found


def _decoded(data: bytes) -> bytes:
    """Return texts with their escapes decoded, but for those of backslashes, and those that leave one."""
    if b"\\n" not in data:
        bare = data.translate(None, b"\\")
        if data.count(b'\\"') == len(data) - len(bare):
            return bare  # every backslash stood before a quote, as in JSON in JSON
    data = data.replace(b"\\\\", _BACKSLASH)
    for escape, decoded in _ESCAPES:
        if b"\\" not in data:
            break
        data = data.replace(escape, decoded)
    return data
