"""Every text that a message carries, as slots that can be read and replaced in place.

The walk follows the protobuf descriptors, so a string field that a newer OTLP adds is walked too; what is left out is
named in `EXEMPT`, each with its reason. It goes over the repeated fields themselves, not over an index: of an attribute
that stands twice, both are seen.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import TYPE_CHECKING, Any, Final, Literal, NamedTuple

from google.protobuf.descriptor import Descriptor, FieldDescriptor
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, ArrayValue, KeyValue, KeyValueList

from otel_llm.values import without_surrogates

if TYPE_CHECKING:
    from collections.abc import Container, Iterable

    from google.protobuf.message import Message

__all__ = ["EXEMPT", "Said", "Text", "texts_at", "texts_of", "texts_under"]

Kind = Literal["key", "value", "field"]
Said = tuple[str, "str | bytes"]
"""A text, after the key of the attribute in whose value it is; after none where it is a key or a field."""

EXEMPT: Final = {
    "opentelemetry.proto.trace.v1.Span.trace_id": "an identifier of 16 random bytes",
    "opentelemetry.proto.trace.v1.Span.span_id": "an identifier of 8 random bytes",
    "opentelemetry.proto.trace.v1.Span.parent_span_id": "an identifier of 8 random bytes",
    "opentelemetry.proto.trace.v1.Span.Link.trace_id": "an identifier of 16 random bytes",
    "opentelemetry.proto.trace.v1.Span.Link.span_id": "an identifier of 8 random bytes",
    "opentelemetry.proto.logs.v1.LogRecord.trace_id": "an identifier of 16 random bytes",
    "opentelemetry.proto.logs.v1.LogRecord.span_id": "an identifier of 8 random bytes",
}
"""Fields of text or bytes that are not walked. Their lengths are checked at the door: they hold no more than an id."""


class Text:
    """One text: where it is, what it says, and the means to change it."""

    __slots__ = ("_at", "_field", "_message", "_place", "value")

    def __init__(self, at: _Place, message: Any, field: str, place: int | None, value: str | bytes) -> None:
        self._at = at
        self._message = message
        self._field = field
        self._place = place
        self.value = value
        """What it says: as it was when it was found, or as this slot has replaced it since."""

    @property
    def key(self) -> str:
        """The key of the attribute that it belongs to; empty for a field such as a span's name."""
        return self._at.key

    @property
    def kind(self) -> Kind:
        """Whether it is a field of the message, an attribute's key, or in an attribute's value."""
        pair = self._at.pair
        return "field" if pair is None else "key" if self._message is pair else "value"

    @property
    def said(self) -> Said:
        """What it says, as detectors are asked about it."""
        at = self._at
        return "" if self._message is at.pair else at.key, self.value

    @property
    def path(self) -> str:
        """Where it stands, by field names and positions alone, such as `attributes[3].value.string_value`."""
        position = "" if self._place is None else f"[{self._place}]"
        return f"{self._at.path}{self._field}{position}"

    @property
    def attribute(self) -> str:
        """The key of the attribute of the item itself that it is in: as `key`, but for what stands in a map."""
        at: _Place | None = self._at
        key = ""
        while at is not None:
            key = at.key or key
            at = at.parent
        return key

    def replace(self, value: str | bytes) -> None:
        """Say something else, of the same type."""
        if value == self.value:
            return
        if isinstance(value, str):
            value = without_surrogates(value)
        if self._place is None:
            setattr(self._message, self._field, value)
        else:
            getattr(self._message, self._field)[self._place] = value
        self.value = value
        self._at.touched()

    def remove(self) -> None:
        """Take it away: an attribute whole, an element of a list by leaving an empty one there."""
        at = self._at
        if at.pair is not None and not at.in_list:
            for position, sibling in enumerate(at.siblings):
                if sibling is at.pair:
                    del at.siblings[position]
                    break
        elif self._place is None:
            self._message.ClearField(self._field)
        else:
            getattr(self._message, self._field)[self._place] = type(self.value)()
        self.value = type(self.value)()
        at.touched()


def texts_of(
    message: Message,
    touched: Callable[[], None],
    *,
    skip: frozenset[str] = frozenset(),
    only: str = "",
    clean: Container[Said] = (),
) -> list[Text]:
    """Return a slot for every text in *message* that is not empty, in the order of its fields.

    Args:
        message: what to walk.
        touched: called after every change.
        skip: names of fields of *message* itself to leave out, because somebody else walks them.
        only: the name of the one field of it that is not left out; all unless given.
        clean: texts to leave out.
    """
    found: list[Text] = []
    if only:
        skip = _all_but(message.DESCRIPTOR, only)
    _walk(message, _root(touched), found, clean, skip)
    return found


def texts_under(message: Any, keys: Container[str], touched: Callable[[], None]) -> list[Text]:
    """Return a slot for every text in the attributes with some keys, as `texts_of` does for all there is."""
    found: list[Text] = []
    _walk_pairs(message.attributes, _root(touched), "attributes", found, (), keys=keys)
    return found


def texts_at(
    message: Any, positions: Iterable[int], touched: Callable[[], None], clean: Container[Said] = ()
) -> list[Text]:
    """Return a slot for every text in the attributes at some positions, as `texts_of` does for all there is."""
    found: list[Text] = []
    _walk_pairs(message.attributes, _root(touched), "attributes", found, clean, positions=positions)
    return found


class _Place(NamedTuple):
    """A message on the way: how it was come by, and the innermost attribute around it."""

    parent: _Place | None
    name: str
    position: int | None
    pair: Any
    siblings: Any
    """The list that the attribute stands in."""
    key: str
    in_list: bool
    touched: Callable[[], None]

    @property
    def path(self) -> str:
        if self.parent is None:
            return ""
        position = "" if self.position is None else f"[{self.position}]"
        return f"{self.parent.path}{self.name}{position}."

    def inner(self, name: str, position: int | None = None, *, in_list: bool = False) -> _Place:
        """Return the place of a message that is no attribute."""
        return _Place(self, name, position, self.pair, self.siblings, self.key, in_list or self.in_list, self.touched)


def _root(touched: Callable[[], None]) -> _Place:
    return _Place(None, "", None, None, None, "", in_list=False, touched=touched)


_Kind = Literal["text", "texts", "message", "messages", "pairs"]


class _Step(NamedTuple):
    name: str
    kind: _Kind


def _walk(
    message: Any, at: _Place, found: list[Text], clean: Container[Said], skip: frozenset[str] = frozenset()
) -> None:
    key = "" if message is at.pair else at.key
    for name, kind in _steps(message.DESCRIPTOR, skip):
        if kind == "message":
            if message.HasField(name):
                _walk(getattr(message, name), at.inner(name), found, clean)
            continue
        held = getattr(message, name)
        if kind == "text":
            if held and (key, held) not in clean:
                found.append(Text(at, message, name, None, held))
        elif kind == "pairs":
            _walk_pairs(held, at, name, found, clean)
        elif kind == "texts":
            texts = ((position, text) for position, text in enumerate(held) if text and (key, text) not in clean)
            found += (Text(at, message, name, *each) for each in texts)
        else:
            for position, item in enumerate(held):
                _walk(item, at.inner(name, position, in_list=isinstance(item, AnyValue)), found, clean)


def _walk_pairs(
    pairs: Any,
    at: _Place,
    name: str,
    found: list[Text],
    clean: Container[Said],
    *,
    keys: Container[str] | None = None,
    positions: Iterable[int] | None = None,
) -> None:
    """Walk attributes, or those with some keys, or at some positions.

    Most are a short text: descriptors would take three times as long.
    """
    each = enumerate(pairs) if positions is None else ((position, pairs[position]) for position in positions)
    for position, pair in each:
        key, value = pair.key, pair.value
        if keys is not None and key not in keys:
            continue
        if not _PAIRS_ARE_KNOWN:
            _walk(pair, _Place(at, name, position, pair, pairs, key, False, at.touched), found, clean)
            continue
        text = value.string_value
        is_text_wanted = (key, text) not in clean if text else value.WhichOneof("value") not in _NUMBERS
        is_key_wanted = key and ("", key) not in clean
        if is_text_wanted or is_key_wanted:
            place = _Place(at, name, position, pair, pairs, key, False, at.touched)
            if is_key_wanted:
                found.append(Text(place, pair, "key", None, key))
            if is_text_wanted and text:
                found.append(Text(place.inner("value"), value, "string_value", None, text))
            elif is_text_wanted:
                _walk_value(value, place.inner("value"), found, clean)


def _walk_value(value: Any, at: _Place, found: list[Text], clean: Container[Said]) -> None:
    kind = value.WhichOneof("value")
    if kind == "array_value":
        array = at.inner(kind)
        for position, item in enumerate(value.array_value.values):
            text = item.string_value
            if not text or (at.key, text) not in clean:
                _walk_value(item, array.inner("values", position, in_list=True), found, clean)
    elif kind == "kvlist_value":
        _walk_pairs(value.kvlist_value.values, at.inner(kind), "values", found, clean)
    elif kind in {"string_value", "bytes_value"}:
        text = getattr(value, kind)
        if text and (at.key, text) not in clean:
            found.append(Text(at, value, kind, None, text))
    elif kind not in _NUMBERS:
        _walk(value, at, found, clean)


@cache
def _all_but(descriptor: Descriptor, name: str) -> frozenset[str]:
    return frozenset(field.name for field in descriptor.fields if field.name != name)


@cache
def _steps(descriptor: Descriptor, skip: frozenset[str] = frozenset()) -> tuple[_Step, ...]:
    """Return how to walk one kind of message, decided once."""
    steps = []
    for field in descriptor.fields:
        if field.name in skip:
            continue
        if field.type in (FieldDescriptor.TYPE_STRING, FieldDescriptor.TYPE_BYTES):
            if field.full_name not in EXEMPT:
                steps.append(_Step(field.name, "texts" if field.is_repeated else "text"))
        elif field.type == FieldDescriptor.TYPE_MESSAGE:
            many: _Kind = "pairs" if field.message_type is KeyValue.DESCRIPTOR else "messages"
            steps.append(_Step(field.name, many if field.is_repeated else "message"))
    return tuple(steps)


_NUMBERS: Final = frozenset({None, "int_value", "double_value", "bool_value"})
_PAIRS_ARE_KNOWN: Final = (
    _steps(KeyValue.DESCRIPTOR) == (("key", "text"), ("value", "message"))
    and _steps(ArrayValue.DESCRIPTOR) == (("values", "messages"),)
    and _steps(KeyValueList.DESCRIPTOR) == (("values", "pairs"),)
    and all(field.containing_oneof is not None for field in AnyValue.DESCRIPTOR.fields)
)
"""Whether attributes have no more fields than `_walk_pairs` and `_walk_value` know; a newer OTLP may give them some."""
