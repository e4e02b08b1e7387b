"""Reading the encoding of a traces request without decoding it: where its spans are, and what in them is no text."""

from __future__ import annotations

import re
from typing import Final

__all__ = ["without_ids"]

_RESOURCE_SPANS: Final = 0x0A
_SCOPE_SPANS: Final = 0x12
_SPAN: Final = 0x12
_NAME: Final = 0x2A
_LENGTH_DELIMITED: Final = 2
_MORE: Final = 0x80
"""Set in every byte of a varint but its last."""
_IDS: Final = re.compile(rb'\x0a\x10[\s\S]{16}\x12\x08[\s\S]{8}(?:"\x08[\s\S]{8})?')
"""What encoders begin a span with: its ids, and its parent's. Lengths are checked at the door."""
_TIMES: Final = re.compile(rb"(?:\x30[\x00-\x7f])?\x39[\s\S]{8}\x41[\s\S]{8}")
"""What stands behind its name: the kind, start and end."""


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
            position = ids.end()
            kept.append(raw[last:start])
            last = position
            if raw[position] == _NAME and not raw[position + 1] & _MORE:
                times = _TIMES.match(raw, position + 2 + raw[position + 1], end)
                if times:
                    kept.append(raw[position : times.start()])
                    last = times.end()
    except IndexError:
        return raw
    kept.append(raw[last:])
    return b"".join(kept)


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
                if length & _MORE:
                    length &= ~_MORE
                    for shift in (7, 14, 21, 28):
                        byte = raw[position]
                        position += 1
                        length |= (byte & ~_MORE) << shift
                        if not byte & _MORE:
                            break
                if tag & (_MORE | 7) != _LENGTH_DELIMITED or position + length > stop:
                    raise IndexError
                if tag == wanted:
                    inner.append((position, position + length))
                position += length
    return inner
