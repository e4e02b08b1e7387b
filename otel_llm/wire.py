"""Reading the encoding of a traces request without decoding it: where its spans are, and what in them is no text."""

from __future__ import annotations

from typing import Final

__all__ = ["without_ids"]

_RESOURCE_SPANS: Final = 0x0A
_SCOPE_SPANS: Final = 0x12
_SPAN: Final = 0x12
_LENGTH_DELIMITED: Final = 2
_MORE: Final = 0x80
"""Set in every byte of a varint but its last."""

_IDS: Final = 18 + 10
"""Bytes of a span's two ids, which encoders begin it with. Their lengths are checked at the door."""
_PARENT: Final = 10
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
            behind = start + _IDS
            if behind > end or raw[start : start + 2] != b"\x0a\x10" or raw[start + 18 : start + 20] != b"\x12\x08":
                continue
            if raw[behind : behind + 2] == b"\x22\x08" and behind + _PARENT <= end:
                behind += _PARENT
            kept.append(raw[last:start])
            last = behind
            if raw[behind] == 0x2A and not raw[behind + 1] & _MORE:  # noqa: PLR2004 - the name, less than 128 bytes
                behind += 2 + raw[behind + 1]
                if raw[behind] == 0x30 and not raw[behind + 1] & _MORE:  # noqa: PLR2004 - the kind
                    behind += 2
                if raw[behind] == 0x39 and raw[behind + 9] == 0x41 and behind + _TIMES <= end:  # noqa: PLR2004 - both
                    kept.append(raw[last:behind])
                    last = behind + _TIMES
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
