"""The rules of several processors as one list, so that one scan serves them all."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from otel_llm.detection.rule import Rule

__all__ = ["union"]


def union(asked: Sequence[Sequence[Rule]]) -> tuple[list[Rule], list[Mapping[str, str] | None]]:
    """Return each rule that somebody asks for once, and what everybody calls those that others have too.

    Where two mean different rules by one id, as when one of them redefines a bundled rule, both are looked for, and
    the later one has another id in the scan: no processor sees what it did not ask for.

    Args:
        asked: the rules of each processor; no two of one processor with one id.

    Returns:
        The rules, no two with one id; and for each processor its own name for every rule whose id it shares with
        another definition, empty for one that is another's. None where there is none: all ids are as they were.
    """
    by_id: dict[str, list[Rule]] = {}
    for rule in (rule for rules in asked for rule in rules):
        definitions = by_id.setdefault(rule.id, [])
        if rule not in definitions:
            definitions.append(rule)
    names = {id(rule): _name(rule, place) for definitions in by_id.values() for place, rule in enumerate(definitions)}
    disputed = {rule_id: definitions for rule_id, definitions in by_id.items() if len(definitions) > 1}
    own: list[Mapping[str, str] | None] = []
    for rules in asked:
        mine = {rule.id: rule for rule in rules if rule.id in disputed}
        called = {
            names[id(rule)]: rule_id if rule == mine.get(rule_id) else ""
            for rule_id, definitions in disputed.items()
            for rule in definitions
        }
        own.append(called if mine else None)
    scanned = [
        rule if names[id(rule)] == rule.id else rule.model_copy(update={"id": names[id(rule)]})
        for definitions in by_id.values()
        for rule in definitions
    ]
    return scanned, own


def _name(rule: Rule, place: int) -> str:
    """Return what one of several definitions is called in the scan: no configuration can give a rule such an id."""
    return f"{rule.id}~{place}" if place else rule.id
