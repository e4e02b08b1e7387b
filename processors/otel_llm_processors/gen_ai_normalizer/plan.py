"""All that is to be done to the items of one scope, decided once for every set of attributes that they come with."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Final

from otel_llm import semconv
from otel_llm.by_keys import ByKeys
from otel_llm_processors.gen_ai_normalizer.canonical import CONTENT, FIRST, NAMES, VALUES
from otel_llm_processors.gen_ai_normalizer.dialects import DIALECTS
from otel_llm_processors.gen_ai_normalizer.draft import Draft
from otel_llm_processors.gen_ai_normalizer.layout import Layout
from otel_llm_processors.gen_ai_normalizer.program import Program
from otel_llm_processors.gen_ai_normalizer.rules import Rule
from otel_llm_processors.gen_ai_normalizer.structures import structure

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping, Sequence

    from otel_llm.attributes import Value
    from otel_llm.item import Item
    from otel_llm.telemetry import Counter
    from otel_llm_processors.gen_ai_normalizer.dialects.dialect import Dialect, Place
    from otel_llm_processors.gen_ai_normalizer.rules import Enabled

__all__ = ["Plan"]

_CURRENT: Final = NAMES.keys() | CONTENT.keys() | VALUES.keys() | {semconv.GEN_AI_OPERATION_DETAILS}
_PROGRAMS: Final = 256
"""Sets of attributes that are remembered, at some 10 KB each: senders choose them, and an app has a dozen."""
_PROGRAMS_OF_A_LAYOUT: Final = 16
"""How many programs are found without looking at all that is present."""
_SHORT: Final = 512
_REMEMBERED: Final = 16
"""Structured texts that are remembered, and how long they are at most: the parameters of a request, which come again
and again."""
_NOTHING: Final[Mapping[Place, Any]] = {}


class Plan:
    """The rules for a scope."""

    def __init__(
        self,
        sources: Sequence[Enabled],
        spoken: Collection[str],
        conflicts: Counter,
        exclusive: str | None,
        asked: Collection[str],
    ) -> None:
        """Compile the tables.

        Args:
            sources: the dialects in use, in order of precedence.
            spoken: the names of those that the scope, or who sent it, is known to write.
            conflicts: counts spellings that contradict each other, by attribute.
            exclusive: the label of the dialect whose input is known to leave out here what was cached.
            asked: the attributes that may say whom an item is for.
        """
        heard = [each for each in sources if not each.dialect.is_scoped or each.dialect.name in spoken]
        rules = {
            **{target: Rule(target, canonical, heard) for target, canonical in (NAMES | CONTENT).items()},
            **{target: Rule(target, VALUES[target], heard, conflicts.labels(target).inc) for target in VALUES},
        }
        self._rules = tuple(rules[target] for target in dict.fromkeys((*FIRST, *rules)))
        self._exclusive = exclusive
        dialects = [source.dialect for source in heard]
        looked_for = frozenset[Any]().union(
            *(rule.places for rule in self._rules), *(dialect.signs + dialect.totals for dialect in dialects)
        )
        members = [place for place in looked_for if type(place) is tuple]
        self._members = {key: _tree(place for place in members if place[0] == key) for key, *_ in members}
        families = {
            f"{each.key}{name}": each.key
            for dialect in dialects
            for target in dialect.fields
            for each in dialect.spellings(target)
            for name in each.names
        }
        self._terms = _Terms({*(place for place in looked_for if type(place) is str), *self._members}, families)
        self._totals = tuple(key for dialect in dialects for key in dialect.totals)
        self._labels = [(dialect, _signs(dialect)) for dialect in reversed(dialects)]
        self._labels.sort(key=lambda label: label[0].name not in spoken)
        self._spellings = {dialect.name: _spellings(dialect) for dialect in dialects}
        self._spoken = spoken
        self._asked = asked
        self._program_for = lru_cache(maxsize=_PROGRAMS)(self._compile)
        self._members_in = lru_cache(maxsize=_REMEMBERED)(self._read_members)
        self._layouts = ByKeys(self._lay_out)
        self.events = frozenset(name for dialect in dialects for name in dialect.events)
        """The span events that are looked for."""

    def layout(self, keys: tuple[str, ...]) -> Layout:
        """Return what the attributes with these keys stand for."""
        return self._layouts[keys]

    def draft(self, item: Item, layout: Layout, events: Sequence[str] = ()) -> Draft:
        """Return what *item* becomes, which has *events* of those that are looked for."""
        names = tuple(dict.fromkeys(events)) if events else ()  # events may be very many, of a dozen names
        program = self._further(layout, names) if names else layout.program
        members: Mapping[Place, Any] = _NOTHING
        if program.opened:
            members = self._opened(item, program.opened)
            if members:
                program = self._further(layout, (*names, *members))
        return program.run(item, layout, members) if program.has_work else Draft(item)

    def _further(self, layout: Layout, key: tuple[Place, ...]) -> Program:
        """Return what is to be done where these stand on an item besides its attributes."""
        program = layout.programs.get(key)
        if program is None:
            if len(layout.programs) >= _PROGRAMS_OF_A_LAYOUT:
                layout.programs.clear()
            program = layout.programs[key] = self._program_for(layout.present.union(key))
        return program

    def _opened(self, item: Item, keys: Sequence[str]) -> Mapping[Place, Any]:
        """Return what structured attributes hold of what is looked for."""
        members: Mapping[Place, Any] = _NOTHING
        for key in keys:
            held = item.get(key)
            read = self._members_in if type(held) is str and len(held) <= _SHORT else self._read_members
            found = read(key, held)
            members = {**members, **found} if members and found else members or found
        return members

    def _read_members(self, key: str, held: Value) -> Mapping[Place, Any]:
        members: dict[Place, Any] = {}
        if type(held) is not str or held.startswith("{"):  # a list has none
            _collect(structure(held), self._members[key], members)
        return members

    def _lay_out(self, keys: tuple[str, ...]) -> Layout:
        terms = self._terms.of(keys)
        present = frozenset(terms)
        families: dict[str, dict[str, str]] = {term: {} for term in present if term.endswith(".")}
        for key, term in zip(keys, terms, strict=True):
            if term in families:
                families[term][key[len(term) :]] = key
        return Layout(
            keys,
            terms,
            present,
            families,
            self._program_for(present),
            {},
            tuple(key for key in keys if key in self._asked),
            any(key.startswith(semconv.GEN_AI_PREFIX) for key in keys),
            semconv.DIALECT in keys,
        )

    def _of_others(self, present: frozenset[Place]) -> set[str]:
        """Return the spellings that count only where their dialect is spoken, and that no dialect that is has too."""
        found: set[str] = set()
        spelled: set[str] = set()
        for dialect, signs in self._labels:
            if dialect.name in self._spoken or not signs.isdisjoint(present):
                spelled |= self._spellings[dialect.name]
            else:
                found.update(dialect.shared)
        return found - spelled

    def _compile(self, present: frozenset[Place]) -> Program:
        """Return what is to be done where *present* are the attributes, families, members and events that are known."""
        known = present - self._of_others(present)
        reached = set(known)
        steps = []
        for rule in self._rules:
            if not rule.triggers.isdisjoint(reached):
                reached.add(rule.target)  # it may be written, and others are inferred from it
                if step := rule.step(known):
                    steps.append(step)
        spoken = (dialect.label for dialect, signs in self._labels if not signs.isdisjoint(present))
        opened = tuple(key for key in self._members if key in known)
        label = next(spoken, self._exclusive)
        totals = tuple(key for key in self._totals if key in present)
        return Program(steps, totals, label, opened, is_exclusive=self._exclusive is not None)


class _Terms:
    """What a key stands for: itself where it is looked for, its family, or the empty string for all others.

    What was found is kept, as keys come again and again; bounded in number and size, as senders choose them.
    """

    _MOST: Final = 8192
    _LONGEST: Final = 128

    def __init__(self, looked_for: Iterable[str], families: Mapping[str, str]) -> None:
        prefixes = sorted(key for key in looked_for if key.endswith("."))
        self._prefixes = tuple(prefixes)
        self._is_family = re.compile(f"({'|'.join(map(re.escape, prefixes))})[0-9]").match
        self._looked_for = {**families, **{key: key for key in looked_for if not key.endswith(".")}}
        self._known = dict(self._looked_for)

    def of(self, keys: Sequence[str]) -> list[str]:
        """Return one term for each key."""
        found = list(map(self._known.get, keys))
        return [self._find(key) for key in keys] if None in found else found  # type: ignore[return-value]  # no None

    def _find(self, key: str) -> str:
        term = self._known.get(key)
        if term is None:
            family = self._is_family(key) if key.startswith(self._prefixes) else None
            term = family[1] if family else ""
            if len(key) <= self._LONGEST:
                if len(self._known) >= self._MOST:
                    self._known = dict(self._looked_for)
                self._known[key] = term
        return term


def _tree(members: Iterable[tuple[str, ...]]) -> dict[str | None, Any]:
    """Return members of a structure as a tree of their names, with each member itself below None where it ends."""
    root: dict[str | None, Any] = {}
    for member in members:
        node = root
        for name in member[1:]:
            node = node.setdefault(name, {})
        node[None] = member
    return root


def _collect(held: Any, tree: Mapping[str | None, Any], found: dict[Place, Any]) -> None:
    """Put the members in *held* that are in *tree* into *found*."""
    if (member := tree.get(None)) is not None:
        found[member] = held
    if type(held) is dict:
        for name in tree.keys() & held.keys():
            _collect(held[name], tree[name], found)


def _signs(dialect: Dialect) -> frozenset[str]:
    """Return the spellings and events that this dialect was the first to have: where they stand, it is spoken."""
    earlier: set[str] = set()
    for other in DIALECTS.values():
        if other is dialect:
            break
        earlier |= _spellings(other)
    return frozenset(_spellings(dialect) - earlier - _CURRENT - {*dialect.shared}) | frozenset(dialect.signs)


def _spellings(dialect: Dialect) -> set[str]:
    return {each.key for target in dialect.fields for each in dialect.spellings(target)} | set(dialect.events)
