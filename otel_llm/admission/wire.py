"""Counts what a protobuf request consists of, by its lengths alone, before it is decoded.

Bytes do not bound what decoding takes: an empty span is two bytes on the wire and 176 in memory. So what is counted is
what a decoder makes objects of. The walk enters those messages only, and it looks at no more than four fields for each
part that is allowed: a request of other fields cannot keep it busy.

The tables below hold numbers of OTLP's fields, not the types of a codec; a test compares them with the descriptors of
the opentelemetry-proto wheel. https://protobuf.dev/programming-guides/encoding
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, TypeAlias

from otel_llm.signals import Signal

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["ITEMS", "MIN_PART_BYTES", "PARTS", "Parts", "count"]

MIN_PART_BYTES: Final = 2
"""The fewest bytes that a part takes: a tag, and a length of zero."""

Parts: TypeAlias = "dict[int, Parts]"
"""Which fields of a message are parts, by their tags (number and wire type), and which are inside those."""

_LEAF: Final[Parts] = {}
_PACKED: Final[Parts] = {0: _LEAF}
"""Stands for a field of packed integers. Each takes up to 14 times what it takes on the wire: 32 bytes are a part."""

_PACKED_BYTES_PER_PART: Final = 32
_FIELDS_PER_PART: Final = 4
_MAX_LEVEL: Final = 128
"""Deeper than any decoder follows: protobuf's limit is 100."""

_VARINT, _FIXED_64, _LENGTH, _GROUP_START, _GROUP_END, _FIXED_32 = range(6)
_MORE: Final = 0x80
"""Set in every byte of a number but the last."""
_MAX_NUMBER_BYTES: Final = 10


def count(parts_of: Parts, body: bytes, limit: int) -> int:  # noqa: C901, PLR0912 - a call for each field would double its time
    """Return how many parts *body* consists of; a number over *limit* as soon as there are more.

    Where it is malformed, or nested too deep, the count ends: the decoder will refuse it there. Never raises.
    """
    parts = groups = 0
    around: list[tuple[int, Parts]] = []
    position, end, fields = 0, len(body), parts_of
    try:
        for _ in range(_FIELDS_PER_PART * (limit + 1)):
            while position >= end:
                if not around or groups:
                    return parts
                end, fields = around.pop()
            tag, position = body[position], position + 1
            if tag >= _MORE:  # nearly always it has one byte more
                if (more := body[position]) < _MORE:
                    tag, position = tag - _MORE | more << 7, position + 1
                else:
                    tag, position = _number(body, position - 1)
            wire_type = tag & 7
            if wire_type == _LENGTH:
                size, position = body[position], position + 1
                if size >= _MORE:
                    if (more := body[position]) < _MORE:
                        size, position = size - _MORE | more << 7, position + 1
                    else:
                        size, position = _number(body, position - 1)
                behind = position + size
                inside = None if groups else fields.get(tag)
                if behind > end:
                    return parts
                if inside is None:
                    position = behind
                    continue
                parts += 1 if inside is not _PACKED else 1 + size // _PACKED_BYTES_PER_PART
                if parts > limit or len(around) == _MAX_LEVEL:
                    return parts
                if inside and inside is not _PACKED:
                    around.append((end, fields))
                    end, fields = behind, inside
                else:
                    position = behind
            elif wire_type == _VARINT:
                if body[position] < _MORE:
                    position += 1
                else:
                    _, position = _number(body, position)
            elif wire_type == _FIXED_64:
                position += 8
            elif wire_type == _FIXED_32:
                position += 4
            elif wire_type == _GROUP_START:
                groups += 1  # of an unknown field, as OTLP has no groups: what stands in it is not looked at
            elif wire_type == _GROUP_END and groups:
                groups -= 1
            else:
                return parts
    except IndexError:
        return parts
    return limit + 1


def _number(body: bytes, position: int) -> tuple[int, int]:
    """Return the number that begins at *position*, and where it ends.

    Raises:
        IndexError: it has no end, or more than the ten bytes that a number may have.
    """
    value = 0
    for length in range(_MAX_NUMBER_BYTES):
        byte = body[position + length]
        if byte < _MORE:
            return value | byte << 7 * length, position + length + 1
        value |= (byte - _MORE) << 7 * length
    raise IndexError


def _fields(parts: dict[int, Parts]) -> Parts:
    """Return a table by tags from one by the numbers of fields, all of which have a length."""
    return {number << 3 | _LENGTH: inside for number, inside in parts.items()}


def _request(resource: dict[int, Parts], scope: dict[int, Parts], item: Parts) -> Parts:
    """Return the table of a request: the three signals differ in their items only."""
    return _fields({1: _fields({**resource, 2: _fields({**scope, 2: item})})})


_VALUE: Final[Parts] = {}
_ATTRIBUTE: Final = _fields({2: _VALUE})
_VALUE.update(_fields({5: _fields({1: _VALUE}), 6: _fields({1: _ATTRIBUTE})}))
_RESOURCE: Final = _fields({1: _ATTRIBUTE, 3: _fields({3: _LEAF, 4: _LEAF})})
_SCOPE: Final = _fields({3: _ATTRIBUTE})
_EVENT: Final = _fields({3: _ATTRIBUTE})
_LINK: Final = _fields({4: _ATTRIBUTE})
_SPAN: Final = _fields({9: _ATTRIBUTE, 11: _EVENT, 13: _LINK, 15: _LEAF})
_LOG_RECORD: Final = _fields({5: _VALUE, 6: _ATTRIBUTE})
_EXEMPLAR: Final = _fields({7: _ATTRIBUTE})
_BUCKETS: Final = _fields({2: _PACKED})
_NUMBERS: Final = _fields({1: _fields({5: _EXEMPLAR, 7: _ATTRIBUTE})})
_HISTOGRAM: Final = _fields({1: _fields({8: _EXEMPLAR, 9: _ATTRIBUTE})})
_EXPONENTIAL: Final = _fields({1: _fields({1: _ATTRIBUTE, 8: _BUCKETS, 9: _BUCKETS, 11: _EXEMPLAR})})
_SUMMARY: Final = _fields({1: _fields({6: _LEAF, 7: _ATTRIBUTE})})
_METRIC: Final = _fields({5: _NUMBERS, 7: _NUMBERS, 9: _HISTOGRAM, 10: _EXPONENTIAL, 11: _SUMMARY, 12: _ATTRIBUTE})
_POINTS: Final = _fields({1: _LEAF})

PARTS: Final[Mapping[Signal, Parts]] = {
    signal: _request({1: _RESOURCE}, {1: _SCOPE}, item)
    for signal, item in {Signal.TRACES: _SPAN, Signal.LOGS: _LOG_RECORD, Signal.METRICS: _METRIC}.items()
}
"""Everything in a request that is an object when it is decoded."""

ITEMS: Final[Mapping[Signal, Parts]] = {
    Signal.TRACES: _request({}, {}, _LEAF),
    Signal.LOGS: _request({}, {}, _LEAF),
    Signal.METRICS: _request({}, {}, _fields(dict.fromkeys((5, 7, 9, 10, 11), _POINTS))),
}
"""Spans, log records or data points, with the envelopes around them."""
