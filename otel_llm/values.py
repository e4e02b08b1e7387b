"""Attribute values: between plain Python and what protobuf holds."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import Any, Final, TypeAlias

from opentelemetry.proto.common.v1.common_pb2 import AnyValue

__all__ = [
    "SCALARS",
    "Scalar",
    "Value",
    "Writable",
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


def write(target: AnyValue, value: Any) -> None:
    """Put a plain value into an AnyValue in place of what it held; a value that is refused changes nothing.

    Raises:
        TypeError: the value is not `Writable`. It is declared to be anything for that: it may come from anybody.
        ValueError: an integer does not fit in 64 bits.
    """
    if type(value) is list and len(value) == 1 and type(value[0]) is str and len(value[0]) < _SHORT:
        target.ParseFromString(_list_of_one(value[0]))
    elif type(value) not in SCALARS and isinstance(value, Sequence) and not isinstance(value, str | bytes):
        fresh = AnyValue()
        fresh.array_value.SetInParent()  # an empty list is a list
        for item in value:
            _write_scalar(fresh.array_value.values.add(), item)
        target.CopyFrom(fresh)
    else:
        _write_scalar(target, value)


def without_surrogates(text: str) -> str:
    """Return *text* with surrogate pairs joined and lone surrogates, which UTF-8 cannot hold, as U+FFFD."""
    if text.isascii():
        return text
    return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")


_PLAIN: Final = frozenset({"string_value", "int_value", "double_value", "bool_value", "bytes_value"})

_SHORT: Final = 64
"""Texts below this come again and again, such as the reason why a model stopped."""


def _write_scalar(target: AnyValue, value: Any) -> None:
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


@lru_cache(1024)
def _list_of_one(text: str) -> bytes:
    value = AnyValue()
    _write_scalar(value.array_value.values.add(), text)
    return value.SerializeToString()
