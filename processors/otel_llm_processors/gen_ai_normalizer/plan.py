"""All that is to be done to the spans of one scope, decided once."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import TYPE_CHECKING, Final

from otel_llm import semconv
from otel_llm_processors.gen_ai_normalizer.canonical import CONTENT, NAMES, VALUES
from otel_llm_processors.gen_ai_normalizer.dialects import DIALECTS
from otel_llm_processors.gen_ai_normalizer.rules import compile_rules, family_keys, key_of
from otel_llm_processors.gen_ai_normalizer.usage import include_cached

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from otel_llm.item import Item
    from otel_llm.telemetry import Counter
    from otel_llm_processors.gen_ai_normalizer.dialects.dialect import Dialect
    from otel_llm_processors.gen_ai_normalizer.rules import Enabled, Rule

__all__ = ["Plan"]

_CURRENT: Final = NAMES.keys() | CONTENT.keys() | VALUES.keys()
_CACHED: Final = {semconv.GEN_AI_USAGE_CACHE_READ_INPUT_TOKENS, semconv.GEN_AI_USAGE_CACHE_WRITE_INPUT_TOKENS}


class Plan:
    """The rules for a scope."""

    def __init__(self, sources: Sequence[Enabled], spoken: Collection[str], conflicts: Counter) -> None:
        """Compile the tables.

        Args:
            sources: the dialects in use, in order of precedence.
            spoken: the names of those that the scope is known to write.
            conflicts: counts spellings that contradict each other, by attribute.
        """
        heard = [each for each in sources if not each.dialect.is_scoped or each.dialect.name in spoken]
        self._rules = (
            *compile_rules(NAMES, heard),
            *compile_rules(CONTENT, heard),
            *compile_rules(VALUES, heard, conflicts),
        )
        dialects = [source.dialect for source in heard]
        keys = frozenset[str]().union(*(rule.keys for rule in self._rules), *(dialect.signs for dialect in dialects))
        self._keys = frozenset(key for key in keys if not key.endswith("."))
        self._prefixes = tuple(sorted(keys - self._keys))
        self._is_family = re.compile(f"({'|'.join(map(re.escape, self._prefixes))})[0-9]").match
        self._totals = tuple(key for dialect in dialects for key in dialect.totals)
        self._labels = [(dialect, _signs(dialect)) for dialect in reversed(dialects)]
        self._labels.sort(key=lambda label: label[0].name not in spoken)
        self._shared = [(dialect, signs) for dialect, signs in self._labels if dialect.name not in spoken]
        self._rules_for = lru_cache(maxsize=1024)(self._chosen)
        self.events = frozenset(name for dialect in dialects for name in dialect.events)
        """The span events that are looked for."""

    def present(self, item: Item) -> set[str]:
        """Return which attributes and families of attributes are there that anything depends on."""
        keys = item.keys()
        present = set(self._keys.intersection(keys))
        if self._prefixes:
            present.update(
                [found[1] for key in keys if key.startswith(self._prefixes) and (found := self._is_family(key))]
            )
        return present

    def apply(self, item: Item, present: set[str]) -> None:
        """Normalise *item*. *present* is as above, with its events."""
        rules, label, ignored = self._rules_for(frozenset(present))
        present -= ignored
        removed = [key for rule in rules for key in rule.apply(item, present)]
        if not _CACHED.isdisjoint(present):
            include_cached(item, self._totals)
        if removed:
            item.remove_all([name for key in removed if key not in ignored for name in _names(item, key)])
        if label is not None and semconv.DIALECT not in item:
            item.set(semconv.DIALECT, label)

    def _chosen(self, present: frozenset[str]) -> tuple[Sequence[Rule], str | None, frozenset[str]]:
        """Return the rules that may have work, given what those before them write; the label; and what is ignored."""
        silent = [dialect for dialect, signs in self._shared if signs.isdisjoint(present)]
        ignored = frozenset(key for dialect in silent for key in dialect.shared)
        reached = set(present - ignored)
        rules = []
        for rule in self._rules:
            if not rule.triggers.isdisjoint(reached):
                rules.append(rule)
                reached.add(rule.target)
        spoken = (dialect.label for dialect, signs in self._labels if not signs.isdisjoint(present))
        return rules, next(spoken, None), ignored


def _names(item: Item, key: str) -> Sequence[str]:
    return family_keys(item, key) if key.endswith(".") else (key,)


def _signs(dialect: Dialect) -> frozenset[str]:
    """Return the spellings and events that this dialect was the first to have: where they stand, it is spoken."""
    earlier: set[str] = set()
    for other in DIALECTS.values():
        if other is dialect:
            break
        earlier |= _spellings(other)
    return frozenset(_spellings(dialect) - earlier - _CURRENT - {*dialect.shared}) | frozenset(dialect.signs)


def _spellings(dialect: Dialect) -> set[str]:
    return {key_of(each) for spellings in dialect.fields.values() for each in spellings} | set(dialect.events)
