"""What a dialect's table is made of."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from otel_llm.attributes import Attributes, Value

__all__ = ["Convert", "Dialect", "EventContent", "ReadEvent", "Spelling"]

Convert: TypeAlias = Callable[[Value], Value]
"""Returns a value in another form; None where it holds nothing that can be used. Takes any value, raises for none."""

ReadEvent: TypeAlias = Callable[[Attributes], list[Any]]
"""Returns an event's messages, or parts, in the current schema; an empty list where it holds none."""


@dataclass(frozen=True, slots=True)
class Spelling:
    """Another way to write an attribute, where the value differs too."""

    key: str
    """The attribute. With a dot at its end, all those in which a number follows: they are read as one dictionary, by
    what follows the dot."""
    convert: Convert
    """From what stands there to what the current name may hold."""
    is_believed: bool = False
    """Whether it wins over the current name, which this dialect writes wrongly."""
    is_part: bool = False
    """Whether more stands there than is read: then it is never removed."""


@dataclass(frozen=True, slots=True)
class EventContent:
    """A span event that holds a piece of the content."""

    attribute: str
    """The current name of the attribute whose list the piece belongs to."""
    read: ReadEvent
    """How to read the piece."""


@dataclass(frozen=True, slots=True)
class Dialect:
    """How one family of instrumentations writes what the current conventions have a name for."""

    name: str
    """What `sources` calls it."""
    label: str
    """What `otel_llm.dialect` says of a span on which one of its spellings or events is found."""
    markers: tuple[bytes, ...]
    """Bytes of which at least one stands in every request that speaks it."""
    fields: Mapping[str, tuple[str | Spelling, ...]]
    """By current name, the dialect's spellings of it in order of precedence."""
    events: Mapping[str, EventContent] = field(default_factory=dict)
    """By name, the span events that carry content."""
    scopes: tuple[str, ...] = ()
    """What the names of its instrumentation scopes begin with. Where one of them has written, it is this dialect."""
    is_scoped: bool = False
    """Whether its spellings mean what the table says in those scopes alone, because others use them otherwise."""
    signs: tuple[str, ...] = ()
    """Further attributes by which it is known."""
    shared: tuple[str, ...] = ()
    """Spellings that spans of all kinds have. They count only where something else says that this dialect is spoken."""
    totals: tuple[str, ...] = ()
    """Attributes that hold the sum of all tokens. It tells whether input includes what was cached."""
