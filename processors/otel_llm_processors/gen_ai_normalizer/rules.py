"""The tables of the dialects in use, compiled into one rule for each current attribute."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Final, NamedTuple

from otel_llm.span import Span
from otel_llm_processors.gen_ai_normalizer.dialects.dialect import Spelling
from otel_llm_processors.gen_ai_normalizer.messages import to_json

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from otel_llm.attributes import Attributes, Value
    from otel_llm.telemetry import Counter
    from otel_llm_processors.gen_ai_normalizer.canonical import Canonical
    from otel_llm_processors.gen_ai_normalizer.dialects.dialect import Convert, Dialect, ReadEvent

__all__ = ["Enabled", "Rule", "compile_rules", "family_keys", "key_of"]

_DIGITS: Final = frozenset("0123456789")


class Enabled(NamedTuple):
    """A dialect in use."""

    dialect: Dialect
    remove_originals: bool
    overwrite: bool


class Rule:
    """Settles one attribute: the first spelling that holds a value is right."""

    __slots__ = ("_candidates", "_conflict", "_infer", "_removed", "_spellings", "keys", "target", "triggers")

    def __init__(
        self, target: str, canonical: Canonical, sources: Sequence[Enabled], conflict: Callable[[], None] | None
    ) -> None:
        """Compile what the tables say of one attribute.

        Args:
            target: its current name.
            canonical: what it may hold.
            sources: the dialects in use, in order of precedence.
            conflict: called when two spellings contradict each other; None where they need not be compared.
        """
        before: list[_Candidate] = []
        after: list[_Candidate] = []
        removed: list[str] = []
        events: dict[str, ReadEvent] = {}
        for source in sources:
            spellings = source.dialect.fields.get(target, ())
            for each in spellings:
                wins = source.overwrite or (isinstance(each, Spelling) and each.is_believed)
                (before if wins else after).append(_candidate(each, canonical))
            if source.remove_originals:
                removed.extend(key_of(each) for each in spellings if isinstance(each, str) or not each.is_part)
            for name, content in source.dialect.events.items():
                if content.attribute == target:
                    events.setdefault(name, content.read)
        self.target = target
        """The attribute."""
        self._candidates = (*before, _Candidate(target, canonical.read), *after)
        self._spellings = tuple(candidate.key for candidate in self._candidates if candidate.read is canonical.read)
        self._removed = tuple(removed)
        self._infer = partial(_from_events, events) if events else canonical.infer
        self._conflict = conflict
        self.keys = frozenset({*(candidate.key for candidate in self._candidates), *canonical.also_on})
        """Attributes that have to be looked for."""
        self.triggers = frozenset({*self.keys, *events}) - (set() if conflict else {target})
        """Attributes and events of which one has to be there for the rule to have work."""

    def apply(self, item: Attributes, present: set[str]) -> tuple[str, ...]:
        """Settle the attribute on *item* and return the spellings that can go.

        Args:
            item: the span or record.
            present: those of its attributes, families of attributes and events that any rule looks for.
        """
        value, is_written = self._read(item, present)
        if value is None:
            value = self._infer(item, self._spellings)
        if value is not None:
            if not is_written:
                item.set(self.target, value)
                present.add(self.target)
            return self._removed
        if item.get(self.target) == "":  # how some write that there is none
            item.remove(self.target)
        return ()

    def _read(self, item: Attributes, present: set[str]) -> tuple[Value, bool]:
        """Return the value that is right, None if there is none, and whether it stands where it should just so."""
        value = None
        is_written = False
        for key, read in self._candidates:
            if key in present:
                raw = family(item, key) if key.endswith(".") else item.get(key)
                reading = read(raw)
                if value is None:
                    value = reading
                    is_written = reading is raw and key == self.target
                    if self._conflict is None and value is not None:
                        break
                elif self._conflict is not None and reading is not None and reading != value:
                    self._conflict()
        return value, is_written


def compile_rules(
    attributes: Mapping[str, Canonical], sources: Sequence[Enabled], conflicts: Counter | None = None
) -> tuple[Rule, ...]:
    """Return a rule for each of *attributes*, in their order. Their conflicts are counted where there is a counter."""
    return tuple(
        Rule(target, canonical, sources, conflicts.labels(target).inc if conflicts else None)
        for target, canonical in attributes.items()
    )


def key_of(spelling: str | Spelling) -> str:
    """Return the attribute that holds it."""
    return spelling if isinstance(spelling, str) else spelling.key


def family_keys(item: Attributes, prefix: str) -> list[str]:
    """Return the attributes in which a number follows *prefix*."""
    start = len(prefix)
    return [key for key in item.keys(prefix) if key[start : start + 1] in _DIGITS]


def family(item: Attributes, prefix: str) -> dict[str, Value]:
    """Return their values by what follows *prefix*."""
    return {key[len(prefix) :]: item.get(key) for key in family_keys(item, prefix)}


class _Candidate(NamedTuple):
    key: str
    read: Convert


def _candidate(spelling: str | Spelling, canonical: Canonical) -> _Candidate:
    read = canonical.read
    if isinstance(spelling, str):
        return _Candidate(spelling, read)
    convert = spelling.convert
    return _Candidate(spelling.key, lambda value: read(convert(value)))


def _from_events(events: Mapping[str, ReadEvent], item: Attributes, _spellings: Sequence[str]) -> str | None:
    """Rebuild content from a span's events."""
    if not isinstance(item, Span):
        return None
    told = [(events[event.name], event) for event in item.events if event.name in events]
    return to_json([piece for read, event in told for piece in read(event)])
