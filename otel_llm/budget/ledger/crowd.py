"""Bounds the counters of budgets that are counted for one subject at a time: names come from clients, who have many."""

from __future__ import annotations

from itertools import groupby
from typing import TYPE_CHECKING, Final, NamedTuple

from otel_llm.budget.windows import span_of

if TYPE_CHECKING:
    from collections.abc import Iterable

    from otel_llm.budget.ledger.records import Counter
    from otel_llm.budget.ledger.tables import Tables

__all__ = ["MOST_SUBJECTS", "OTHER", "Crowd", "Member", "make_places"]

MOST_SUBJECTS: Final = 100_000
OTHER: Final = "other"
"""The subject of all that found no place: no other one is without a letter and a colon before it."""
_REMEMBERED: Final = 200_000


class Member(NamedTuple):
    """A subject that has counters of its own, of one budget and for one span of time."""

    budget: str
    span: str
    """A day, a week or a month; of windows that roll, the day that a part is in."""
    subject: str

    @classmethod
    def of(cls, counter: Counter) -> Member:
        """Return whom a counter is for."""
        return cls(counter.budget, span_of(counter.period), counter.subject)


class Crowd:
    """Remembers who has a place: who has one keeps it for as long as its span lasts."""

    def __init__(self) -> None:
        self._members: set[Member] = set()

    def strangers(self, counters: Iterable[Counter]) -> list[Member]:
        """Return those of whom it is not known here that they have a place, in the order of the locks."""
        members = {Member.of(counter) for counter in counters if counter.subject}
        return sorted(members - self._members)

    def admit(self, members: Iterable[Member]) -> None:
        """Remember who has a place."""
        if len(self._members) > _REMEMBERED:
            self._members.clear()
        self._members.update(members)

    def place(self, counter: Counter) -> Counter:
        """Return where is counted: at the counter itself, if there is a place for its subject."""
        if not counter.subject or Member.of(counter) in self._members:
            return counter
        return counter._replace(subject=OTHER)


def make_places(tables: Tables, wanted: list[Member], most: int, now_ms: int) -> set[Member]:
    """Return who of those has a place, or gets one of the *most* that there are."""
    members = tables.members(wanted)
    for (budget, span), group in groupby(wanted, key=lambda each: each[:2]):
        new = [each for each in group if each not in members]
        if new:
            before = tables.crowd(budget, span, len(new))
            new = new[: max(most - before, 0)]
            members.update(new)
            tables.add_members(new, now_ms)
    return members
