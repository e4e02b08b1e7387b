"""Reading the encoding of a traces request without decoding it: where its spans are, and what in them is no text."""

from __future__ import annotations

import re
from struct import Struct
from typing import Any, Final, TypeAlias

__all__ = [
    "EVENT",
    "IS_COMPILED",
    "OTHER",
    "Encoded",
    "attributes_of",
    "fields_of",
    "may_have_events",
    "spans_in",
    "without_ids",
]

IS_COMPILED: Final = not __file__.endswith(".py")
"""Whether this module is compiled: only then reading attributes here is faster than asking protobuf for each."""

Encoded: TypeAlias = tuple[bytes, int, int]
"""A request, and where in it a span begins and ends."""

OTHER: Final = -1
"""In place of an attribute's position: a name, a link, whatever else has a text."""
EVENT: Final = -2
"""An event with all that it has."""
_RESOURCE_SPANS: Final = 0x0A
_SCOPE_SPANS: Final = 0x12
_SPAN: Final = 0x12
_EVENT: Final = (b"\x5a", b"\xda")
"""What an event in a span begins with, one of which is longer than it need be."""
_MORE: Final = 0x80
"""Set in every byte of a varint but its last."""
_VARINT_BITS: Final = 10 * 7
"""In what is longer the last byte counts as it stands: a number that leads past any end."""
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
_EVENT_FIELD: Final = 0x5A
_ID_FIELDS: Final = frozenset({0x0A, 0x12, 0x22})
_ATTRIBUTE: Final = 0x4A
_KEY: Final = 0x0A
_VALUE: Final = 0x12
_STRING: Final = 0x0A
_BOOL: Final = 0x10
_INT: Final = 0x18
_DOUBLE: Final = 0x21
_FIXED: Final = {1: 8, 5: 4}
"""How long what has a fixed length is, by the kind that its tag says."""
_LONG: Final = 1024
"""A text from this length on is not read before somebody asks for it."""
_SIGN: Final = 1 << 63
_float: Final = Struct("<d").unpack_from


def without_ids(raw: bytes, most: int | None = None) -> bytes:
    """Return a traces request without ids and times where encoders write them, for a search of its texts.

    With *most* only its first spans: those that begin in so many bytes of it.

    Ids are random and times nearly so: among so many bytes some look like anything. What stays is in no encoding any
    more, but every text is there whole. A request that is written in an unusual way stays as it is.
    """
    kept: list[bytes] = []
    last = 0
    try:
        for start, end in spans_in(raw):
            if most is not None and start > most:
                return b"".join((*kept, raw[last:start]))
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


def attributes_of(raw: bytes, start: int, end: int) -> tuple[dict[str, Any], int]:
    """Return the attributes of a span by key, and how many they are. Of several with one key the last counts.

    A value is None if it is none, is long or no scalar, or is written in an unusual way: the message has it.

    Args:
        raw: a request that has been decoded without an error.
        start: where the span begins in it.
        end: where it ends.

    Raises:
        IndexError: it is not encoded as usual.
    """
    held: dict[str, Any] = {}
    count = 0
    position = start
    while position < end:
        tag, position = _varint(raw, position)
        kind = tag & 7
        if kind == _LENGTH_DELIMITED:
            length, position = _varint(raw, position)
            stop = position + length
            if tag == _ATTRIBUTE:
                if length == 0 or raw[position] != _KEY:
                    raise IndexError
                length, position = _varint(raw, position + 1)
                key = raw[position : position + length].decode()
                held[key] = _value(raw, position + length, stop)
                count += 1
            position = stop
        elif kind in _FIXED:
            position += _FIXED[kind]
        elif kind == 0:
            position = _varint(raw, position)[1]
        else:
            raise IndexError
    return held, count


def _value(raw: bytes, position: int, stop: int) -> Any:
    """Return the value in a pair behind its key, as `attributes_of` says."""
    if position == stop:
        return None
    if raw[position] != _VALUE:
        raise IndexError
    length, position = _varint(raw, position + 1)
    if position + length != stop:
        raise IndexError
    kind = raw[position] if length else 0
    if kind == _STRING:
        length, position = _varint(raw, position + 1)
        return raw[position:stop].decode() if length < _LONG and position + length == stop else None
    if kind == _INT:
        number, position = _varint(raw, position + 1)
        if position == stop and number < 2 * _SIGN:
            return number if number < _SIGN else number - 2 * _SIGN
    elif kind == _DOUBLE and position + 9 == stop:
        return _float(raw, position + 1)[0]
    elif kind == _BOOL and position + 2 == stop:
        return raw[position + 1] != 0
    return None


def fields_of(raw: bytes, start: int, end: int) -> list[tuple[int, int, int]]:
    """Return where in a span all that may be text begins and ends, each after which of its attributes it is.

    Or after `EVENT` or `OTHER`, where it is none.

    Args:
        raw: a request that has been decoded without an error.
        start: where the span begins in it.
        end: where it ends.

    Raises:
        IndexError: it is not encoded as usual.
    """
    fields: list[tuple[int, int, int]] = []
    count = 0
    position = start
    while position < end:
        tag, position = _varint(raw, position)
        kind = tag & 7
        if kind == _LENGTH_DELIMITED:
            length, position = _varint(raw, position)
            stop = position + length
            if tag == _ATTRIBUTE:
                fields.append((count, position, stop))
                count += 1
            elif tag not in _ID_FIELDS:
                fields.append((EVENT if tag == _EVENT_FIELD else OTHER, position, stop))
            position = stop
        elif kind in _FIXED:
            position += _FIXED[kind]
        elif kind == 0:
            position = _varint(raw, position)[1]
        else:
            raise IndexError
    return fields


def spans_in(raw: bytes) -> list[tuple[int, int]]:
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
                tag = raw[position]
                length, position = _varint(raw, position + 1)
                end = position + length
                if tag & (_MORE | 7) != _LENGTH_DELIMITED or end > stop:
                    raise IndexError
                if tag == wanted:
                    inner.append((position, end))
                position = end
    return inner


def _varint(raw: bytes, position: int) -> tuple[int, int]:
    """Return a number, and where it ends."""
    number = raw[position]
    shift = 7
    while number >> shift and shift < _VARINT_BITS:  # the last byte said that another one follows
        position += 1
        number += (raw[position] - 1) << shift
        shift += 7
    return number, position + 1
