"""Every text that a message carries, as slots that can be read and replaced in place.

The walk follows the protobuf descriptors, so a string field that a newer OTLP adds is walked too; what is left out is
named in `EXEMPT`, each with its reason. It goes over the repeated fields themselves, not over an index: of an attribute
that stands twice, both are seen.
"""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any, Final, Literal, NamedTuple

from google.protobuf.descriptor import Descriptor, FieldDescriptor
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, KeyValue

from otel_llm.values import without_surrogates

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from google.protobuf.message import Message

__all__ = ["EXEMPT", "Text", "texts_of"]

Kind = Literal["key", "value", "field"]

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

    __slots__ = ("_field", "_message", "_pair", "_place", "_touched", "key", "kind", "path")

    def __init__(self, at: _Place, message: Any, field: str, place: int | None) -> None:
        self._message = message
        self._field = field
        self._place = place
        self._pair = None if at.in_list else at.pair
        self._touched = at.touched
        position = "" if place is None else f"[{place}]"
        self.path = f"{at.path}{field}{position}"
        """Where it stands, by field names and positions alone, such as `attributes[3].value.string_value`."""
        self.key = at.pair.pair.key if at.pair else ""
        """The key of the attribute that it belongs to; empty for a field such as a span's name."""
        self.kind: Kind = "field" if at.pair is None else "key" if message is at.pair.pair else "value"
        """Whether it is a field of the message, an attribute's key, or in an attribute's value."""

    @property
    def value(self) -> str | bytes:
        """What it says now."""
        held = getattr(self._message, self._field)
        return held if self._place is None else held[self._place]  # type: ignore[no-any-return]  # protobuf's any

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
        self._touched()

    def remove(self) -> None:
        """Take it away: an attribute whole, an element of a list by leaving an empty one there."""
        if self._pair is not None:
            self._pair.remove()
        elif self._place is None:
            self._message.ClearField(self._field)
        else:
            getattr(self._message, self._field)[self._place] = type(self.value)()
        self._touched()


def texts_of(message: Message, touched: Callable[[], None], *, skip: frozenset[str] = frozenset()) -> list[Text]:
    """Return a slot for every text in *message* that is not empty, in the order of its fields.

    Args:
        message: what to walk.
        touched: called after every change.
        skip: names of fields of *message* itself to leave out, because somebody else walks them.
    """
    return list(_walk(message, _Place("", None, False, touched), skip))


class _Pair(NamedTuple):
    """An attribute, and the list that it stands in."""

    siblings: Any
    pair: KeyValue

    def remove(self) -> None:
        for position, sibling in enumerate(self.siblings):
            if sibling is self.pair:
                del self.siblings[position]
                return


class _Place(NamedTuple):
    path: str
    pair: _Pair | None
    """The attribute that is being walked, the innermost where one holds others."""
    in_list: bool
    touched: Callable[[], None]


class _Step(NamedTuple):
    name: str
    kind: Literal["text", "texts", "message", "messages"]


def _walk(message: Any, at: _Place, skip: frozenset[str] = frozenset()) -> Iterator[Text]:
    for name, kind in _steps(message.DESCRIPTOR):
        if name in skip:
            continue
        held = getattr(message, name)
        if kind == "text":
            if held:
                yield Text(at, message, name, None)
        elif kind == "texts":
            yield from (Text(at, message, name, position) for position, text in enumerate(held) if text)
        elif kind == "message":
            if message.HasField(name):
                yield from _walk(held, at._replace(path=f"{at.path}{name}."))
        else:
            for position, item in enumerate(held):
                path = f"{at.path}{name}[{position}]."
                if isinstance(item, KeyValue):
                    yield from _walk(item, _Place(path, _Pair(held, item), False, at.touched))
                else:
                    yield from _walk(item, at._replace(path=path, in_list=isinstance(item, AnyValue)))


@cache
def _steps(descriptor: Descriptor) -> tuple[_Step, ...]:
    """Return how to walk one kind of message, decided once."""
    steps = []
    for field in descriptor.fields:
        if field.type in (FieldDescriptor.TYPE_STRING, FieldDescriptor.TYPE_BYTES):
            if field.full_name not in EXEMPT:
                steps.append(_Step(field.name, "texts" if field.is_repeated else "text"))
        elif field.type == FieldDescriptor.TYPE_MESSAGE:
            steps.append(_Step(field.name, "messages" if field.is_repeated else "message"))
    return tuple(steps)
