"""Attribute values: between plain Python and what protobuf holds."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import lru_cache
from struct import Struct
from typing import Any, Final, NamedTuple, TypeAlias

from opentelemetry.proto.common.v1.common_pb2 import AnyValue, KeyValue

__all__ = [
    "SCALARS",
    "Encoded",
    "Scalar",
    "Value",
    "Writable",
    "add_text",
    "encode",
    "to_python",
    "to_python_rarer",
    "without_surrogates",
    "write",
]

Scalar: TypeAlias = str | bool | int | float
Writable: TypeAlias = Scalar | Sequence[Scalar]
"""What may be written: an attribute's types (OpenTelemetry specification, "Attribute").

Nesting cannot grow by a write, so nothing that was accepted can become too deep to be read again."""
Value: TypeAlias = Any
"""What may be read: also bytes, None for an empty value, and lists and dicts of any of these."""

SCALARS: Final = frozenset({str, bool, int, float})


def to_python(value: AnyValue) -> Value:
    """Return an AnyValue as plain Python. A map with one key twice keeps the last."""
    # what stands there most, and asking which it is costs more
    return value.string_value or value.int_value or to_python_rarer(value)


def to_python_rarer(value: AnyValue) -> Value:
    """Return the same of one that is known to hold no text and no whole number, unless it is empty or zero."""
    kind = value.WhichOneof("value")
    if kind == "array_value":
        return [item.string_value or to_python(item) for item in value.array_value.values]
    if kind is None:
        return None
    if kind in _PLAIN:
        return getattr(value, kind)
    return {pair.key: to_python(pair.value) for pair in value.kvlist_value.values}


def write(target: AnyValue, value: Writable) -> None:
    """Put a plain value into an AnyValue in place of what it held; a value that is refused changes nothing.

    Raises:
        TypeError: the value is of no type that an attribute can have.
        ValueError: an integer does not fit in 64 bits.
    """
    if type(value) not in SCALARS and isinstance(value, Sequence) and not isinstance(value, str | bytes):
        fresh = AnyValue()
        fresh.array_value.SetInParent()  # an empty list is a list
        for item in value:
            _write_scalar(fresh.array_value.values.add(), item)
        target.CopyFrom(fresh)
    else:
        _write_scalar(target, value)  # type: ignore[arg-type]  # what is no scalar either is refused there


class Encoded(NamedTuple):
    """Attributes on their way into a message."""

    short: bytes
    """Most of them, as bytes of the repeated field, to be merged into the message that has it."""
    long: Sequence[tuple[str, str]]
    """Texts that are better added one by one."""
    altered: Sequence[str]
    """Keys of those that may be read otherwise than they were written: a list is copied, a surrogate replaced."""


def encode(field: int, attributes: Mapping[str, Writable]) -> Encoded:
    """Return attributes for the repeated field *field*.

    One merge of bytes costs little more than adding a single attribute through messages does. But it copies them twice
    more than that, and bytes that are not known yet cost more to write: so that pays for what is short.

    Raises:
        TypeError, ValueError: as `write`.
    """
    out: list[bytes] = []
    long: list[tuple[str, str]] = []
    altered: list[str] = []
    for key, value in attributes.items():
        if type(value) is str:
            if not value.isascii():
                altered.append(key)
            if len(value) < _SHORT and len(key) <= _LONGEST_KEY:
                out.append(_text_pair(field, key, value))
            else:
                long.append((key, value))
        elif len(key) > _LONGEST_KEY:
            altered.append(key)
            out.append(_any_pair(field, key, value))
        elif type(value) is int:
            if _ONE_BYTE <= value < _TWO_BYTES:  # most counts
                out += (_head(field, key, _INT, 2), bytes((value & 0x7F | 0x80, value >> 7)))
            else:
                number = _int64(value)
                out += (_head(field, key, _INT, len(number)), number)
        elif type(value) is float:
            out += (_head(field, key, _DOUBLE, 8), _double(value))
        elif type(value) is bool:
            out += (_head(field, key, _BOOL, 1), _TRUE if value else _FALSE)
        else:
            altered.append(key)
            out.append(_list_pair(field, key, value))
    return Encoded(b"".join(out), long, altered)


def add_text(attributes: Any, key: str, text: str) -> None:
    """Add a text to a repeated field of attributes."""
    value = attributes.add(key=without_surrogates(key)).value
    try:
        value.string_value = text
    except UnicodeEncodeError:
        value.string_value = without_surrogates(text)


def without_surrogates(text: str) -> str:
    """Return *text* with surrogate pairs joined and lone surrogates, which UTF-8 cannot hold, as U+FFFD."""
    if text.isascii():
        return text
    return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")


_PLAIN: Final = frozenset({"string_value", "int_value", "double_value", "bool_value", "bytes_value"})

_SHORT: Final = 64
"""Texts below this come again and again: names of statuses, models, versions. They are kept, encoded."""
_LONGEST_KEY: Final = 256
"""What is kept has no longer key: what is kept is bounded in number, and must be in size."""

# Tags: field numbers with wire types (protobuf encoding, "Message Structure") of KeyValue and AnyValue.
_KEY: Final = b"\x0a"
_VALUE: Final = b"\x12"
_TEXT: Final = b"\x0a"
_BOOL: Final = b"\x10"
_INT: Final = b"\x18"
_DOUBLE: Final = b"\x21"
_LENGTH_DELIMITED: Final = 2
_TRUE: Final = b"\1"
_FALSE: Final = b"\0"

_ONE_BYTE: Final = 1 << 7
_TWO_BYTES: Final = 1 << 14
"""Numbers below these are one byte, and two, on the wire (protobuf encoding, "Base 128 Varints")."""
_INT64: Final = 1 << 63
_double: Final = Struct("<d").pack


def _write_scalar(target: AnyValue, value: Scalar) -> None:
    if isinstance(value, str):
        try:
            target.string_value = value
        except UnicodeEncodeError:
            target.string_value = without_surrogates(value)
    elif isinstance(value, bool):  # before int, of which Python makes it a kind
        target.bool_value = value
    elif isinstance(value, int):
        target.int_value = value
    elif isinstance(value, float):
        target.double_value = value
    else:
        raise TypeError(f"an attribute cannot hold a {type(value).__name__}")


@lru_cache(4096)
def _text_pair(field: int, key: str, value: str) -> bytes:
    text = _utf8(value)
    size = len(text)
    tag, start = _start(field, key)
    inner = _TEXT + _varint(size)
    head = start + _varint(len(inner) + size) + inner
    return b"".join((tag, _varint(len(head) + size), head, text))


@lru_cache(4096)
def _head(field: int, key: str, tag: bytes, size: int) -> bytes:
    """Return what stands before the bytes of a number of *size*."""
    outer, start = _start(field, key)
    head = start + _varint(len(tag) + size) + tag
    return outer + _varint(len(head) + size) + head


@lru_cache(1024)
def _start(field: int, key: str) -> tuple[bytes, bytes]:
    """Return the tag of an attribute, and what of it stands before the length of its value."""
    encoded = _utf8(key)
    return _varint(field << 3 | _LENGTH_DELIMITED), _KEY + _varint(len(encoded)) + encoded + _VALUE


def _any_pair(field: int, key: str, value: Writable) -> bytes:
    pair = KeyValue(key=without_surrogates(key))
    write(pair.value, value)
    encoded = pair.SerializeToString()
    return _varint(field << 3 | _LENGTH_DELIMITED) + _varint(len(encoded)) + encoded


def _list_pair(field: int, key: str, value: Writable) -> bytes:
    if type(value) is list and len(value) == 1 and type(value[0]) is str and len(value[0]) < _SHORT:
        return _list_of_one(field, key, value[0])  # finish reasons, of one choice as a rule
    return _any_pair(field, key, value)


@lru_cache(1024)
def _list_of_one(field: int, key: str, text: str) -> bytes:
    return _any_pair(field, key, [text])


def _utf8(text: str) -> bytes:
    try:
        return text.encode()
    except UnicodeEncodeError:
        return without_surrogates(text).encode()


def _int64(number: int) -> bytes:
    """Return an integer as protobuf's `int64`."""
    if not -_INT64 <= number < _INT64:
        raise ValueError("an integer does not fit in 64 bits")
    return _varint(number if number >= 0 else number + 2 * _INT64)


def _varint(number: int) -> bytes:
    if number < _ONE_BYTE:
        return bytes((number,))
    if number < _TWO_BYTES:
        return bytes((number & 0x7F | 0x80, number >> 7))
    out = bytearray()
    while number >= _ONE_BYTE:
        out.append(number & 0x7F | 0x80)
        number >>= 7
    out.append(number)
    return bytes(out)
