"""Attribute values: between plain Python and what protobuf holds."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import lru_cache
from struct import Struct
from typing import Any, Final, TypeAlias

from opentelemetry.proto.common.v1.common_pb2 import AnyValue, KeyValue

__all__ = ["SCALARS", "Scalar", "Value", "Writable", "encode", "to_python", "without_surrogates", "write"]

Scalar: TypeAlias = str | bool | int | float
Writable: TypeAlias = Scalar | Sequence[Scalar]
"""What may be written: an attribute's types (OpenTelemetry specification, "Attribute").

Nesting cannot grow by a write, so nothing that was accepted can become too deep to be read again."""
Value: TypeAlias = Any
"""What may be read: also bytes, None for an empty value, and lists and dicts of any of these."""

SCALARS: Final = frozenset({str, bool, int, float})


def to_python(value: AnyValue) -> Value:
    """Return an AnyValue as plain Python. A map with one key twice keeps the last."""
    kind = value.WhichOneof("value")
    if kind is None:
        return None
    if kind in _PLAIN:
        return getattr(value, kind)
    if kind == "array_value":
        return [to_python(item) for item in value.array_value.values]
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


def encode(field: int, attributes: Mapping[str, Writable]) -> bytes:
    """Return attributes as the bytes of the repeated field *field*, to be merged into the message that has it.

    One merge of these bytes costs what adding a single attribute does. Doubles and short texts, which is what is
    written most, are put together here; messages do the rest.

    Raises:
        TypeError, ValueError: as `write`.
    """
    return b"".join([_pair(field, key, value) for key, value in attributes.items()])


def without_surrogates(text: str) -> str:
    """Return *text* with surrogate pairs joined and lone surrogates, which UTF-8 cannot hold, as U+FFFD."""
    return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")


_PLAIN: Final = frozenset({"string_value", "int_value", "double_value", "bool_value", "bytes_value"})

_ONE_BYTE: Final = 128
"""Lengths below this are one byte on the wire (protobuf encoding, "Base 128 Varints")."""
_LENGTH_DELIMITED: Final = 2
_DOUBLE_BYTES: Final = 11
"""Of a KeyValue's field `value` that is an AnyValue with a double: two tags, a length, eight bytes."""
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


def _pair(field: int, key: str, value: Writable) -> bytes:
    if type(value) is float:
        head = _double_head(field, key)
        if head:
            return head + _double(value)
    elif type(value) is str and len(value) < _ONE_BYTE:
        return _text_pair(field, key, value)
    return _any_pair(field, key, value)


@lru_cache(1024)
def _double_head(field: int, key: str) -> bytes:
    """Return what stands before the eight bytes of an attribute with a double; nothing where the key is too long."""
    encoded = key.encode("utf-8", "replace")
    size = 2 + len(encoded) + _DOUBLE_BYTES
    if size >= _ONE_BYTE or field << 3 >= _ONE_BYTE:
        return b""
    return bytes((field << 3 | _LENGTH_DELIMITED, size, 0x0A, len(encoded))) + encoded + b"\x12\x09\x21"


@lru_cache(4096)
def _text_pair(field: int, key: str, value: str) -> bytes:
    """Short texts come again and again: names of statuses, models, versions."""
    return _any_pair(field, key, value)


def _any_pair(field: int, key: str, value: Writable) -> bytes:
    pair = KeyValue()
    try:
        pair.key = key
    except UnicodeEncodeError:
        pair.key = without_surrogates(key)
    write(pair.value, value)
    encoded = pair.SerializeToString()
    return _varint(field << 3 | _LENGTH_DELIMITED) + _varint(len(encoded)) + encoded


def _varint(number: int) -> bytes:
    out = bytearray()
    while number >= _ONE_BYTE:
        out.append(number & 0x7F | 0x80)
        number >>= 7
    out.append(number)
    return bytes(out)
