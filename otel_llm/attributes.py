"""Attributes as processors see them: names and plain Python values, whatever codec holds them.

This module, `batch`, `span`, `log_record`, `resource` and `text` are the facade: behind it protobuf messages live, and
no processor ever touches one, so that the codec can be replaced without touching a processor.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from opentelemetry.proto.common.v1.common_pb2 import KeyValue

from otel_llm.template import add
from otel_llm.values import SCALARS, Scalar, Value, Writable, to_python, to_python_rarer, write
from otel_llm.wire import attributes_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from otel_llm.detection import Detector, Finding
    from otel_llm.wire import Encoded

__all__ = ["Attributes", "Scalar", "Shared", "Value", "Writable"]


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
    findings: dict[tuple[str, str | bytes], Sequence[Finding]] = field(default_factory=dict)
    """What it found in texts, each after the key that it stands under."""
    own_rules: Mapping[str, str] | None = None
    """Where processors mean different rules by one id: what the one that runs calls each rule of which that is so, and
    nothing for one that is not its own."""

    def own(self, found: Sequence[Sequence[Finding]]) -> Sequence[Sequence[Finding]]:
        """Return what the detector found as the processor that runs understands it."""
        names = self.own_rules
        if names is None:
            return found
        named = ([(names.get(each.rule, each.rule), each) for each in findings] for findings in found)
        return [[replace(each, rule=name) for name, each in findings if name] for findings in named]


class Attributes:
    """Whatever has attributes: a span, an event, a log record, a resource, a scope.

    The first access indexes the attributes by key, and all processors share that index and what was read. Of several
    attributes with one key the last is read; a write or a removal leaves none of the others behind.
    """

    __slots__ = ("_duplicates", "_encoded", "_held", "_proto", "_shared")

    _proto: Any
    _held: dict[str, Scalar | KeyValue | None] | None
    """By key, what was read or written; else the attribute; None where that has to be looked for.

    An attribute here is for reading alone: the message may hold a copy of it by now."""
    _encoded: Encoded | None
    """Where a span came from, as long as that says what the message says."""

    def __init__(self, proto: Any, shared: Shared, encoded: Encoded | None = None) -> None:
        """Take a message with a field `attributes`; of a span also where that came from, if it is known."""
        self._proto = proto
        self._shared = shared
        self._held = None
        self._encoded = encoded

    def get(self, key: str) -> Value:
        """Return the attribute as plain Python; None if it is missing or empty."""
        held = self._held or self._indexed()
        value: Value = held.get(key)
        if value is None and key in held:
            self._look_for_written()
            value = held[key]
        if type(value) is KeyValue:
            value = to_python(value.value)
            if type(value) in SCALARS:  # a list is the caller's own, to change as he likes
                held[key] = value
        return value

    def get_all(self, keys: Iterable[str]) -> list[Value]:
        """Return several attributes, in order, as `get` does, for much less than one call each."""
        held = self._held or self._indexed()
        found: list[Value] = []
        for key in keys:
            value: Value = held.get(key)
            if type(value) is KeyValue:
                unread = value.value
                value = unread.string_value or unread.int_value  # what stands there most
                if value:
                    held[key] = value
                else:
                    value = to_python_rarer(unread)
                    if type(value) in SCALARS:
                        held[key] = value
            elif value is None and key in held:
                value = self.get(key)
            found.append(value)
        return found

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
        return key in (self._held or self._indexed())

    def keys(self, prefix: str = "") -> list[str]:
        """Return the keys that start with *prefix*, each once, in order."""
        held = self._held or self._indexed()
        return [key for key in held if key.startswith(prefix)] if prefix else list(held)

    def set(self, key: str, value: Writable) -> None:
        """Write an attribute in place. Writing what is there already is no write.

        Raises:
            TypeError: the value is of no type that an attribute can have.
            ValueError: an integer does not fit in 64 bits.
        """
        held = self._held or self._indexed()
        if key not in held:
            self.update({key: value})
        elif self._duplicates or not _same(self.get(key), value):
            pair = self._only(key)
            write(pair.value, value)
            held[key] = pair
            self._shared.dirty = True

    def update(self, attributes: Mapping[str, Writable]) -> None:
        """Write several attributes. Those that are new cost together little more than one.

        Raises:
            TypeError, ValueError: as `set`; then none of the new ones is written.
        """
        held = self._held or self._indexed()
        fresh = attributes
        if not held.keys().isdisjoint(attributes):
            fresh = {key: value for key, value in attributes.items() if key not in held}
        if fresh:
            altered = add(self._proto, fresh)
            held.update(fresh)  # type: ignore[arg-type]  # lists are among what is altered
            for key in altered:
                held[key] = None
            self._shared.dirty = True
        if len(fresh) < len(attributes):
            for key, value in attributes.items():
                if key not in fresh:
                    self.set(key, value)

    def rename(self, old: str, new: str) -> None:
        """Give an attribute another key, its value untouched. What had the new key is replaced."""
        if old == new or old not in self:
            return
        self.remove(new)
        self._only(old).key = new
        held = self._indexed()
        held[new] = held.pop(old)
        self._shared.dirty = True

    def remove(self, key: str) -> None:
        """Remove every attribute with that key."""
        held = self._held or self._indexed()
        if key in held:
            del held[key]
            self._delete(key, keep_last=False)
            self._shared.dirty = True

    def remove_all(self, keys: Iterable[str]) -> None:
        """Remove every attribute with one of these keys. Many cost little more than one."""
        held = self._held or self._indexed()
        gone = {key for key in keys if key in held}
        if gone:
            attributes = self._proto.attributes
            kept = [pair for pair in attributes if pair.key not in gone]
            del attributes[:]
            attributes.extend(kept)
            for key in gone:
                del held[key]
            self._shared.dirty = True

    def _indexed(self) -> dict[str, Scalar | KeyValue | None]:
        if self._held is None:
            self._held, count = self._read()
            self._duplicates = len(self._held) != count
        return self._held

    def _read(self) -> tuple[dict[str, Scalar | KeyValue | None], int]:
        """Return what is held, and of how many attributes."""
        if self._encoded is not None:
            try:
                return attributes_of(*self._encoded)
            except IndexError:
                self._encoded = None
        attributes = self._proto.attributes
        return {pair.key: pair for pair in attributes}, len(attributes)

    def _look_for_written(self) -> None:
        held = self._indexed()
        for pair in self._proto.attributes:
            if held.get(pair.key, pair) is None:
                held[pair.key] = pair

    def _only(self, key: str) -> KeyValue:
        """Return the last attribute with that key, which is there, and remove the others."""
        if self._duplicates:
            self._delete(key, keep_last=True)
        attributes: Sequence[KeyValue] = self._proto.attributes
        return next(pair for pair in reversed(attributes) if pair.key == key)

    def _delete(self, key: str, *, keep_last: bool) -> None:
        attributes = self._proto.attributes
        for position in range(len(attributes) - 1, -1, -1):
            if attributes[position].key == key:
                if not keep_last:
                    del attributes[position]
                keep_last = False

    def _touched(self) -> None:
        """Say that somebody wrote past the index, as a text slot does."""
        self._held = self._encoded = None
        self._shared.dirty = True


def _same(old: Value, new: Writable) -> bool:
    """Tell whether two values are the same, type included: 1, 1.0 and True are three."""
    if type(old) is not list:
        return type(old) is type(new) and old == new
    return isinstance(new, Sequence) and not isinstance(new, str) and len(old) == len(new) and all(map(_same, old, new))
