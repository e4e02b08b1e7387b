"""Attributes as processors see them: names and plain Python values, whatever codec holds them.

This module, `batch`, `span`, `log_record`, `resource` and `text` are the facade: behind it protobuf messages live, and
no processor ever touches one, so that the codec can be replaced without touching a processor.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, TypeAlias

from opentelemetry.proto.common.v1.common_pb2 import AnyValue, KeyValue

if TYPE_CHECKING:
    from google.protobuf.internal.containers import RepeatedCompositeFieldContainer

    from otel_llm.detection import Detector

__all__ = ["Attributes", "Scalar", "Shared", "Value", "Writable"]

Scalar: TypeAlias = str | bool | int | float
Writable: TypeAlias = Scalar | Sequence[Scalar]
"""What may be written: an attribute's types (OpenTelemetry specification, "Attribute").

Nesting cannot grow by a write, so nothing that was accepted can become too deep to be read again."""
Value: TypeAlias = Any
"""What may be read: also bytes, None for an empty value, and lists and dicts of any of these."""


@dataclass(slots=True)
class Shared:
    """What a batch and everything in it have in common.

    Not the batch itself: its spans would hold the batch that holds them, and such a circle is memory until the garbage
    collector comes by.
    """

    dirty: bool = False
    """Whether somebody has written since the bytes came."""
    detector: Detector | None = None
    """What `Item.findings` asks."""


class Attributes:
    """Whatever has attributes: a span, an event, a log record, a resource, a scope.

    The first access indexes the attributes by key, and all processors share that index and what was read. Of several
    attributes with one key the last is read; a write or a removal leaves none of the others behind.
    """

    __slots__ = ("_attributes", "_duplicates", "_index", "_shared", "_values")

    _attributes: RepeatedCompositeFieldContainer[KeyValue]
    _shared: Shared
    _index: dict[str, KeyValue] | None
    _values: dict[str, Scalar]
    _duplicates: bool

    def __init__(self, attributes: RepeatedCompositeFieldContainer[KeyValue], shared: Shared) -> None:
        self._attributes = attributes
        self._shared = shared
        self._index = None
        self._values = {}

    def get(self, key: str) -> Value:
        """Return the attribute as plain Python; None if it is missing or empty."""
        if key in self._values:
            return self._values[key]
        pair = (self._index or self._indexed()).get(key)
        if pair is None:
            return None
        value = to_python(pair.value)
        if type(value) in _SCALARS:  # a list is the caller's own, to change as he likes
            self._values[key] = value
        return value

    def get_str(self, key: str) -> str | None:
        """Return the attribute if it is a string."""
        value = self.get(key)
        return value if type(value) is str else None

    def get_int(self, key: str) -> int | None:
        """Return the attribute if it is an integer."""
        value = self.get(key)
        return value if type(value) is int else None

    def get_float(self, key: str) -> float | None:
        """Return the attribute if it is a double, or an integer, which is how many emitters write 0 or 1."""
        value = self.get(key)
        return float(value) if type(value) is float or type(value) is int else None

    def get_bool(self, key: str) -> bool | None:
        """Return the attribute if it is a boolean."""
        value = self.get(key)
        return value if type(value) is bool else None

    def __contains__(self, key: object) -> bool:
        return key in (self._index or self._indexed())

    def keys(self, prefix: str = "") -> list[str]:
        """Return the keys that start with *prefix*, each once, in order."""
        index = self._index or self._indexed()
        return [key for key in index if key.startswith(prefix)] if prefix else list(index)

    def set(self, key: str, value: Writable) -> None:
        """Write an attribute in place. Writing what is there already is no write.

        Raises:
            TypeError: the value is of no type that an attribute can have.
            ValueError: an integer does not fit in 64 bits.
        """
        index = self._index or self._indexed()
        pair = index.get(key)
        if pair is not None:
            if not self._duplicates and _same(self.get(key), value):
                return
            self._values.pop(key, None)
            if self._duplicates:
                self.remove(key)
                pair = None
        if pair is not None:
            write_value(pair.value, value)
        else:
            pair = self._attributes.add(key=key)
            try:
                write_value(pair.value, value)
            except (TypeError, ValueError):
                del self._attributes[-1]
                raise
            index[key] = pair
        self._shared.dirty = True

    def rename(self, old: str, new: str) -> None:
        """Give an attribute another key, its value untouched. What had the new key is replaced."""
        if old == new or old not in self:
            return
        self.remove(new)
        if self._duplicates:
            self._drop_all_but_last(old)
        index = self._indexed()
        pair = index.pop(old)
        self._values.pop(old, None)
        pair.key = new
        index[new] = pair
        self._shared.dirty = True

    def remove(self, key: str) -> None:
        """Remove every attribute with that key."""
        index = self._index or self._indexed()
        if index.pop(key, None) is None:
            return
        self._values.pop(key, None)
        for position in range(len(self._attributes) - 1, -1, -1):
            if self._attributes[position].key == key:
                del self._attributes[position]
        self._shared.dirty = True

    def _indexed(self) -> dict[str, KeyValue]:
        if self._index is None:
            self._index = {pair.key: pair for pair in self._attributes}
            self._duplicates = len(self._index) != len(self._attributes)
        return self._index

    def _touched(self) -> None:
        """Say that somebody wrote past the index, as a text slot does."""
        self._index = None
        self._values.clear()
        self._shared.dirty = True

    def _drop_all_but_last(self, key: str) -> None:
        seen = False
        for position in range(len(self._attributes) - 1, -1, -1):
            if self._attributes[position].key == key:
                if seen:
                    del self._attributes[position]
                seen = True


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


def write_value(target: AnyValue, value: Writable) -> None:
    """Put a plain value into an AnyValue in place of what it held; a value that is refused changes nothing."""
    if type(value) not in _SCALARS and isinstance(value, Sequence) and not isinstance(value, str | bytes):
        fresh = AnyValue()
        fresh.array_value.SetInParent()  # an empty list is a list
        for item in value:
            _write_scalar(fresh.array_value.values.add(), item)
        target.CopyFrom(fresh)
    else:
        _write_scalar(target, value)  # type: ignore[arg-type]  # what is no scalar either is refused there


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


_SCALARS: Final = frozenset({str, bool, int, float})
_PLAIN: Final = frozenset({"string_value", "int_value", "double_value", "bool_value", "bytes_value"})


def without_surrogates(text: str) -> str:
    """Return *text* with surrogate pairs joined and lone surrogates, which UTF-8 cannot hold, as U+FFFD."""
    return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")


def _same(old: Value, new: Writable) -> bool:
    """Tell whether two values are the same, type included: 1, 1.0 and True are three."""
    if type(old) is not list:
        return type(old) is type(new) and old == new
    return isinstance(new, Sequence) and not isinstance(new, str) and len(old) == len(new) and all(map(_same, old, new))
