"""What a dialect's table is made of."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from otel_llm.attributes import Value
from otel_llm_processors.gen_ai_normalizer.structures import unchanged

__all__ = ["Convert", "Dialect", "EventContent", "Place", "ReadEvent", "Spelling", "house_dialect", "member"]

Convert: TypeAlias = Callable[[Value], Value]
"""Returns a value in another form; None where it holds nothing that can be used. Takes any value, raises for none."""

ReadEvent: TypeAlias = Callable[[Mapping[str, Any]], list[Any]]
"""Returns the messages, or parts, in the body of an event, in the current schema; an empty list where it has none."""

Place: TypeAlias = str | tuple[str, ...]
"""Where a value stands: in an attribute; in a member of one that is structured, by its path; or, where there is a dot
at the end, in all attributes in which a number follows it, or one of the family's names."""


@dataclass(frozen=True, slots=True)
class Spelling:
    """Another way to write an attribute."""

    key: str
    """The attribute. With a dot at its end, all those in which a number follows: they are read as one dictionary, by
    what follows the dot."""
    convert: Convert = unchanged
    """From what stands there to what the current name may hold."""
    path: tuple[str, ...] = ()
    """Where in the attribute, which is then JSON, a Python dictionary as printed, or a map of OTLP's."""
    is_believed: bool = False
    """Whether it wins over the current name, which this dialect writes wrongly."""
    is_kept: bool = False
    """Whether it is never removed, because it says more, or more to others, than is read from it."""
    is_vague: bool = False
    """Whether it may well say something else than the others, and does not contradict them when it does."""
    names: tuple[str, ...] = ()
    """What else than a number may follow the dot at the end of its key."""

    @property
    def place(self) -> Place:
        """Where its value stands."""
        return (self.key, *self.path) if self.path else self.key


def member(key: str, *path: str) -> Spelling:
    """Return the spelling that stands under *path* in a structured attribute."""
    return Spelling(key, path=path, is_kept=True)


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
    events: Mapping[str, tuple[EventContent, ...]] = field(default_factory=dict)
    """By name, the span events that carry content."""
    scopes: tuple[str, ...] = ()
    """What the names of its instrumentation scopes begin with. Where one of them has written, it is this dialect."""
    sdks: tuple[str, ...] = ()
    """What `telemetry.sdk.name` is on the resource of those who speak it."""
    exclusive: tuple[str, ...] = ()
    """What the names of scopes begin with whose count of input leaves out what was cached."""
    is_scoped: bool = False
    """Whether its spellings mean what the table says in those scopes alone, because others use them otherwise."""
    signs: tuple[str, ...] = ()
    """Further attributes by which it is known."""
    shared: tuple[str, ...] = ()
    """Spellings that spans of all kinds have. They count only where something else says that this dialect is spoken."""
    totals: tuple[str, ...] = ()
    """Attributes that hold the sum of all tokens. It tells whether input includes what was cached."""

    def spellings(self, target: str) -> tuple[Spelling, ...]:
        """Return its spellings of an attribute."""
        return tuple(Spelling(each) if isinstance(each, str) else each for each in self.fields.get(target, ()))


def house_dialect(name: str, mappings: Mapping[str, str]) -> Dialect:
    """Return the table of a dialect that a config describes: current names by names of its own."""
    fields: dict[str, tuple[str, ...]] = {}
    for own, current in mappings.items():
        fields[current] = (*fields.get(current, ()), own)
    return Dialect(name, name, tuple(own.encode() for own in mappings), fields)
