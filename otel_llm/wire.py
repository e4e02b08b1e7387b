"""Reading the encoding of a traces request without decoding it: where its spans are, and what in them is no text."""

from __future__ import annotations

import re
from typing import Final

__all__ = ["may_have_events", "without_ids"]

_RESOURCE_SPANS: Final = 0x0A
_SCOPE_SPANS: Final = 0x12
_SPAN: Final = 0x12
_EVENT: Final = (b"\x5a", b"\xda")
"""What an event in a span begins with, one of which is longer than it need be."""
_MORE: Final = 0x80
"""Set in every byte of a varint but its last."""
_LENGTH_BITS: Final = 5 * 7
_LENGTH_DELIMITED: Final = 2
_IDS: Final = re.compile(rb"(?s)\x0a\x10.{16}\x12\x08.{8}(?:\x22\x08.{8})?(?:\x2a([\x00-\x7f]))?")
"""A span's ids, which encoders begin it with, and then the length of its name, if below 128.

Lengths of ids are checked at the door."""
_NAME: Final = 2
"""Bytes that say how long the name is."""
_KIND: Final = 0x30
_START: Final = 0x39
_END: Final = 0x41
_TIMES: Final = 9 + 9
"""Bytes of start and end, which stand behind the name and the kind."""


def without_ids(raw: bytes) -> bytes:
    """Return a traces request without ids and times where encoders write them, for a search of its texts.

    Ids are random and times nearly so: among so many bytes some look like anything. What stays is in no encoding any
    more, but every text is there whole. A request that is written in an unusual way stays as it is.
    """
    kept: list[bytes] = []
    last = 0
    try:
        for start, end in _spans(raw):
            ids = _IDS.match(raw, start, end)
            if ids is None:
                continue
            kept.append(raw[last:start])
            behind = last = ids.end()
            if (name := ids[1]) is None:
                continue
            last -= _NAME
            behind += name[0]
            if raw[behind] == _KIND and raw[behind + 1] < _MORE:
                behind += 2
            if raw[behind] == _START and raw[behind + 9] == _END and behind + _TIMES <= end:
                kept.append(raw[last:behind])
                last = behind + _TIMES
    except IndexError:
        return raw
    kept.append(raw[last:])
    return b"".join(kept)


def may_have_events(raw: bytes) -> bool:
    """Tell whether a span may have events, in a request that may be `without_ids`."""
    return any(first in raw for first in _EVENT)


def _spans(raw: bytes) -> list[tuple[int, int]]:
    """Return where spans begin and end.

    Raises:
        IndexError: it is not encoded as usual, or a length leads past the end.
    """
    inner = [(0, len(raw))]
    for wanted in (_RESOURCE_SPANS, _SCOPE_SPANS, _SPAN):
        outer, inner = inner, []
        for begin, stop in outer:
            position = begin
            while position < stop:
                tag, length = raw[position], raw[position + 1]
                position += 2
                shift = 7
                while length >> shift and shift < _LENGTH_BITS:  # the last byte said that another one follows
                    length += (raw[position] - 1) << shift
                    position += 1
                    shift += 7
                end = position + length
                if tag & (_MORE | 7) != _LENGTH_DELIMITED or end > stop:
                    raise IndexError
                if tag == wanted:
                    inner.append((position, end))
                position = end
    return inner
