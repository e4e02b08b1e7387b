"""Every text that a message carries, as slots that can be read and replaced in place.

The walk follows the protobuf descriptors, so a string field that a newer OTLP adds is walked too; what is left out is
named in `EXEMPT`, each with its reason. It goes over the repeated fields themselves, not over an index: of an attribute
that stands twice, both are seen.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import TYPE_CHECKING, Any, Final, Literal, NamedTuple

from google.protobuf.descriptor import Descriptor, FieldDescriptor
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, KeyValue

from otel_llm.values import without_surrogates

if TYPE_CHECKING:
    from collections.abc import Callable, Container

    from google.protobuf.message import Message

__all__ = ["EXEMPT", "Said", "Text", "Wanted", "said_in", "texts_of", "texts_under"]

Kind = Literal["key", "value", "field"]
Said = tuple[str, "str | bytes"]
"""A text, after the key of the attribute in whose value it is; after none where it is a key or a field."""

Wanted = Mapping[str, "Container[str | bytes]"]
"""Texts by the key of the attribute in whose value they are; by none where they are a key or a field."""

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

    __slots__ = ("_at", "_field", "_message", "_place", "key", "kind", "value")

    def __init__(self, at: _Place, message: Any, field: str, place: int | None, value: str | bytes) -> None:
        self._at = at
        self._message = message
        self._field = field
        self._place = place
        self.value = value
        """What it says: as it was when it was found, or as this slot has replaced it since."""
        self.key: str = at.key
        """The key of the attribute that it belongs to; empty for a field such as a span's name."""
        self.kind: Kind = "field" if at.pair is None else "key" if message is at.pair else "value"
        """Whether it is a field of the message, an attribute's key, or in an attribute's value."""

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
    message: Message, touched: Callable[[], None], *, skip: frozenset[str] = frozenset(), wanted: Wanted | None = None
) -> list[Text]:
    """Return a slot for every text in *message* that is not empty, in the order of its fields.

    Args:
        message: what to walk.
        touched: called after every change.
        skip: names of fields of *message* itself to leave out, because somebody else walks them.
        wanted: the only texts to return; all there are unless given.
    """
    found: list[Text] = []
    _walk(message, _Place(None, "", None, touched), found, wanted, skip)
    return found


def texts_under(message: Any, keys: Container[str], touched: Callable[[], None]) -> list[Text]:
    """Return a slot for every text in the attributes with some keys, as `texts_of` does for all there is."""
    found: list[Text] = []
    at = _Place(None, "", None, touched)
    pairs = message.attributes
    for position, pair in enumerate(pairs):
        if pair.key in keys:
            _walk_pair(pair, _Pair(at, "attributes", position, pair, pairs), found, None)
    return found


def said_in(
    message: Any,
    clean: Container[Said],
    *,
    skip: frozenset[str] = frozenset(),
    key: str = "",
    said: list[Said] | None = None,
) -> list[Said]:
    """Return what the texts of a message say that are not *clean*, without the means to change them: see `texts_of`.

    Args:
        message: what to walk.
        clean: texts to leave out.
        skip: names of fields of *message* itself to leave out.
        key: of the attribute that it stands in.
        said: the list to add to.
    """
    said = [] if said is None else said
    for name, kind in _steps(message.DESCRIPTOR, skip):
        held = getattr(message, name)
        if kind == "pairs":
            _said_in_pairs(held, clean, said)
        elif kind == "text":
            if held and (key, held) not in clean:
                said.append((key, held))
        elif kind == "texts":
            said += ((key, text) for text in held if text and (key, text) not in clean)
        elif kind == "messages":
            for each in held:
                said_in(each, clean, key=key, said=said)
        elif message.HasField(name):
            said_in(held, clean, key=key, said=said)
    return said


def _said_in_pairs(pairs: Any, clean: Container[Said], said: list[Said]) -> None:
    """Add what attributes say, of which most are a short text: by descriptors these would take three times as long."""
    for pair in pairs:
        if not _PAIRS_ARE_KNOWN:
            said += ((text.key if text.kind == "value" else "", text.value) for text in texts_of(pair, lambda: None))
            continue
        key, value = pair.key, pair.value
        if key and ("", key) not in clean:
            said.append(("", key))
        text = value.string_value
        if text:
            if (key, text) not in clean:
                said.append((key, text))
        elif value.WhichOneof("value") not in _NUMBERS:
            said_in(value, clean, key=key, said=said)


class _Place:
    """A message on the way: how it was come by, and the innermost attribute around it."""

    __slots__ = ("_name", "_position", "in_list", "key", "pair", "parent", "siblings", "touched")

    def __init__(self, parent: _Place | None, name: str, position: int | None, touched: Callable[[], None]) -> None:
        self.parent = parent
        self._name = name
        self._position = position
        self.touched = touched
        self.pair: Any = parent.pair if parent else None
        self.siblings: Any = parent.siblings if parent else None
        """The list that the attribute stands in."""
        self.key: str = parent.key if parent else ""
        self.in_list: bool = parent.in_list if parent else False

    @property
    def path(self) -> str:
        if self.parent is None:
            return ""
        position = "" if self._position is None else f"[{self._position}]"
        return f"{self.parent.path}{self._name}{position}."


class _Pair(_Place):
    """An attribute on the way."""

    __slots__ = ()

    def __init__(self, parent: _Place, name: str, position: int, pair: Any, siblings: Any) -> None:
        super().__init__(parent, name, position, parent.touched)
        self.pair, self.siblings, self.key, self.in_list = pair, siblings, pair.key, False


_Kind = Literal["text", "texts", "message", "messages", "pairs"]


class _Step(NamedTuple):
    name: str
    kind: _Kind


def _walk(
    message: Any, at: _Place, found: list[Text], wanted: Wanted | None, skip: frozenset[str] = frozenset()
) -> None:
    for name, kind in _steps(message.DESCRIPTOR, skip):
        held = getattr(message, name)
        if kind == "text":
            if held and (wanted is None or held in wanted.get("" if message is at.pair else at.key, ())):
                found.append(Text(at, message, name, None, held))
        elif kind == "texts":
            asked = held if wanted is None else wanted.get(at.key, ())
            texts = ((position, text) for position, text in enumerate(held) if text and text in asked)
            found += (Text(at, message, name, *each) for each in texts)
        elif kind == "message":
            if message.HasField(name):
                _walk(held, _Place(at, name, None, at.touched), found, wanted)
        elif kind == "pairs":
            for position, pair in enumerate(held):
                if wanted is None or _is_wanted(pair, wanted):
                    _walk_pair(pair, _Pair(at, name, position, pair, held), found, wanted)
        else:
            _walk_list(held, at, name, found, wanted)


def _walk_list(held: Any, at: _Place, name: str, found: list[Text], wanted: Wanted | None) -> None:
    for position, item in enumerate(held):
        inner = _Place(at, name, position, at.touched)
        inner.in_list = at.in_list or isinstance(item, AnyValue)
        _walk(item, inner, found, wanted)


def _is_wanted(pair: Any, wanted: Wanted) -> bool:
    """Tell whether a text in an attribute may be wanted: of most, the key alone says that none is."""
    is_wanted = (key := pair.key) in wanted or key in wanted.get("", ()) or not _PAIRS_ARE_KNOWN
    return is_wanted or pair.value.WhichOneof("value") not in _FLAT


def _walk_pair(pair: Any, at: _Place, found: list[Text], wanted: Wanted | None) -> None:
    """Walk an attribute, of which most are a short text: by descriptors these would take three times as long."""
    value = pair.value
    if not _PAIRS_ARE_KNOWN or value.WhichOneof("value") != "string_value":
        _walk(pair, at, found, wanted)
        return
    if at.key and (wanted is None or at.key in wanted.get("", ())):
        found.append(Text(at, pair, "key", None, at.key))
    if (text := value.string_value) and (wanted is None or text in wanted.get(at.key, ())):
        found.append(Text(_Place(at, "value", None, at.touched), value, "string_value", None, text))


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
_FLAT: Final = _NUMBERS | {"string_value"}
_PAIRS_ARE_KNOWN: Final = _steps(KeyValue.DESCRIPTOR) == (("key", "text"), ("value", "message")) and all(
    field.containing_oneof is not None for field in AnyValue.DESCRIPTOR.fields
)
"""Whether attributes have no more fields than `_walk_pair` knows; a newer OTLP may give them some."""
