"""How a field of OTLP/JSON gets onto protobuf's wire (https://protobuf.dev/programming-guides/encoding/).

What a field is was settled by its descriptor, once: a `Write` only looks at values. Protobuf's types stay in here and
in `otlp_json`, the only one to use this.
"""

from __future__ import annotations

import math
import re
from binascii import a2b_base64, unhexlify
from collections.abc import Callable
from struct import Struct
from typing import Any, Final

from google.protobuf.descriptor import FieldDescriptor

__all__ = ["IDS", "FieldError", "Write", "field_writer"]

Write = Callable[[bytearray, Any, int], None]
"""Appends a JSON value to the output, tag included. The last argument is the level of the message it stands in."""

IDS: Final = frozenset({"trace_id", "span_id", "parent_span_id"})
"""The fields of bytes that are hex in JSON, not base64."""

_VARINT, _I64, _LEN, _I32 = 0, 1, 2, 5
_MORE: Final = 0x80


class FieldError(Exception):
    """What is wrong with a value; on its way up it learns where."""

    def __init__(self, problem: str) -> None:
        super().__init__(problem)
        self.problem = problem
        self.place = ""


def field_writer(field: FieldDescriptor, message: Write | None) -> Write:
    """Return what puts *field* on the wire; *message* is what appends the content of its messages, if it has them."""
    if message is not None:
        append = _delimited(_tag(field, _LEN), message)
    elif field.type == FieldDescriptor.TYPE_BYTES:
        append = _string(_tag(field, _LEN), _unhex if field.name in IDS else _unbase64)
    elif field.is_packed:
        return _delimited(_tag(field, _LEN), _repeated(_SCALARS[field.type][1](b"")))
    else:
        wire_type, scalar = _SCALARS[field.type]
        append = scalar(_tag(field, wire_type))
    return _repeated(append) if field.is_repeated else append


def _tag(field: FieldDescriptor, wire_type: int) -> bytes:
    tag = bytearray()
    _append_varint(tag, field.number << 3 | wire_type)
    return bytes(tag)


def _delimited(tag: bytes, append: Write) -> Write:
    """Return what appends a tag, the length of what *append* appends, and that."""
    head = tag + b"\0"

    def write(out: bytearray, value: Any, level: int) -> None:
        out += head
        start = len(out)
        append(out, value, level)
        size = len(out) - start
        if size < _MORE:
            out[start - 1] = size
        else:
            length = bytearray()
            _append_varint(length, size)
            out[start - 1 : start] = length

    return write


def _repeated(append: Write) -> Write:
    def write(out: bytearray, value: Any, level: int) -> None:
        if type(value) is not list:
            raise FieldError("must be an array")
        for index, element in enumerate(value):
            try:
                append(out, element, level)
            except FieldError as error:
                error.place = f"[{index}]{error.place}"
                raise

    return write


def _string(tag: bytes, to_bytes: Callable[[str], bytes] = str.encode) -> Write:
    def write(out: bytearray, value: Any, _level: int) -> None:
        if type(value) is not str:
            raise FieldError("must be a string")
        content = to_bytes(value)
        out += tag
        size = len(content)
        if size < _MORE:
            out.append(size)
        else:
            _append_varint(out, size)
        out += content

    return write


def _unhex(text: str) -> bytes:
    try:
        return unhexlify(text)  # bytes.fromhex would skip white space
    except ValueError:
        return b"\0"  # of no id's length


def _unbase64(text: str) -> bytes:
    digits = text.replace("-", "+").replace("_", "/").rstrip("=")
    try:
        return a2b_base64(digits + "=" * (-len(digits) % 4), strict_mode=True)
    except ValueError:
        raise FieldError("must be base64") from None


def _bool(tag: bytes) -> Write:
    def write(out: bytearray, value: Any, _level: int) -> None:
        if type(value) is not bool:
            raise FieldError("must be true or false")
        out += tag
        out.append(value)

    return write


_NUMBER: Final = re.compile(r"-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?")
_NOT_FINITE: Final = {"NaN": math.nan, "Infinity": math.inf, "-Infinity": -math.inf}


def _double(tag: bytes) -> Write:
    pack = Struct("<d").pack

    def write(out: bytearray, value: Any, _level: int) -> None:
        out += tag
        out += pack(value if type(value) in (float, int) else _parse_double(value))

    return write


def _parse_double(value: Any) -> float:
    if type(value) is str:
        if value in _NOT_FINITE:
            return _NOT_FINITE[value]
        if _NUMBER.fullmatch(value) and math.isfinite(number := float(value)):
            return number
    raise FieldError("must be a number")


_Append = Callable[[bytearray, int], None]


def _append_varint(out: bytearray, number: int) -> None:
    while number >= _MORE:
        out.append(number & 0x7F | _MORE)
        number >>= 7
    out.append(number)


def _append_signed_varint(out: bytearray, number: int) -> None:
    _append_varint(out, number & 0xFFFF_FFFF_FFFF_FFFF)


def _append_zigzag(out: bytearray, number: int) -> None:
    _append_varint(out, number << 1 if number >= 0 else ~(number << 1))


def _append_fixed(layout: str) -> _Append:
    pack = Struct(layout).pack

    def append(out: bytearray, number: int) -> None:
        out += pack(number)

    return append


def _parse_integer(value: Any) -> int:
    # Never a float, 1.0 neither: it may stand for more than 64 bits, rounded.
    if type(value) is str and len(value) <= len("-9223372036854775808"):
        digits = value.removeprefix("-")
        if digits.isascii() and digits.isdigit():  # int() would also take white space, underscores and other scripts
            return int(value)
    raise FieldError("must be an integer")


def _parse_no_integer(_value: Any) -> int:
    raise FieldError("must be an integer")


def _integer(
    low: int, high: int, append: _Append, parse: Callable[[Any], int] = _parse_integer
) -> Callable[[bytes], Write]:
    def tagged(tag: bytes) -> Write:
        def write(out: bytearray, value: Any, _level: int) -> None:
            number = value if type(value) is int else parse(value)
            if not low <= number <= high:
                raise FieldError("is out of range")
            out += tag
            append(out, number)

        return write

    return tagged


_SCALARS: Final[dict[int, tuple[int, Callable[[bytes], Write]]]] = {
    FieldDescriptor.TYPE_STRING: (_LEN, _string),
    FieldDescriptor.TYPE_BOOL: (_VARINT, _bool),
    FieldDescriptor.TYPE_DOUBLE: (_I64, _double),
    FieldDescriptor.TYPE_ENUM: (_VARINT, _integer(-(2**31), 2**31 - 1, _append_signed_varint, _parse_no_integer)),
    FieldDescriptor.TYPE_INT32: (_VARINT, _integer(-(2**31), 2**31 - 1, _append_signed_varint)),
    FieldDescriptor.TYPE_INT64: (_VARINT, _integer(-(2**63), 2**63 - 1, _append_signed_varint)),
    FieldDescriptor.TYPE_UINT32: (_VARINT, _integer(0, 2**32 - 1, _append_varint)),
    FieldDescriptor.TYPE_UINT64: (_VARINT, _integer(0, 2**64 - 1, _append_varint)),
    FieldDescriptor.TYPE_SINT32: (_VARINT, _integer(-(2**31), 2**31 - 1, _append_zigzag)),
    FieldDescriptor.TYPE_FIXED32: (_I32, _integer(0, 2**32 - 1, _append_fixed("<I"))),
    FieldDescriptor.TYPE_FIXED64: (_I64, _integer(0, 2**64 - 1, _append_fixed("<Q"))),
    FieldDescriptor.TYPE_SFIXED64: (_I64, _integer(-(2**63), 2**63 - 1, _append_fixed("<q"))),
}
"""The types of OTLP's fields, besides messages and bytes: how they stand on the wire, what makes their writers."""
