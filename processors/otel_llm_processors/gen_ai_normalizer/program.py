"""The hot loop: what is to be done to an item, its attributes being known."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeAlias

from otel_llm import semconv
from otel_llm_processors.gen_ai_normalizer.draft import Draft
from otel_llm_processors.gen_ai_normalizer.usage import CACHED, COUNTS, Cache

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from otel_llm.attributes import Value, Writable
    from otel_llm.item import Item
    from otel_llm_processors.gen_ai_normalizer.dialects.dialect import Convert, Place
    from otel_llm_processors.gen_ai_normalizer.layout import Layout
    from otel_llm_processors.gen_ai_normalizer.rules import Step

__all__ = ["Program"]


class Program:
    """Runs over items that come with the same attributes.

    It reads each item as it came, and what it would write is written once at the end: so the order of its steps counts
    for inference alone.
    """

    __slots__ = (
        "_cache",
        "_families",
        "_is_exclusive",
        "_keys",
        "_label",
        "_members",
        "_steps",
        "has_work",
        "opened",
    )

    def __init__(
        self,
        steps: Sequence[Step],
        totals: Sequence[str],
        label: str | None,
        opened: Sequence[str],
        *,
        is_exclusive: bool,
    ) -> None:
        """Take what there is to do.

        Args:
            steps: one for each attribute that has to be settled.
            totals: the attributes that hold the sum of all tokens.
            label: the dialect, unless all is in current names.
            opened: attributes that hold several things, to be looked into first.
            is_exclusive: whether input leaves out what was cached. The label tells whether it has been added.
        """
        counts = (*COUNTS, *totals) if any(step.target in CACHED for step in steps) else ()
        places = dict.fromkeys([*(each.place for step in steps for each in step.candidates), *counts])
        self._members = [place for place in places if type(place) is tuple]
        self._families = [place for place in places if type(place) is str and place[-1] == "."]
        self._keys = tuple(place for place in places if type(place) is str and place[-1] != ".")
        in_order: list[Place] = [*self._keys, *self._families, *self._members]
        slots = {place: slot for slot, place in enumerate(in_order)}
        self._steps = [_compiled(step, slots) for step in steps]
        self._cache = Cache([slots[key] for key in COUNTS], [slots[key] for key in totals]) if counts else None
        self._label = label
        self._is_exclusive = is_exclusive
        self.has_work = bool(steps) or label is not None
        """Whether there is anything to do."""
        self.opened = opened

    def run(self, item: Item, layout: Layout, members: Mapping[Place, Any]) -> Draft:
        """Return what *item* becomes.

        Args:
            item: the span or record.
            layout: what its attributes stand for.
            members: what its structured attributes hold.
        """
        values = self._values(item, layout, members)
        draft = Draft(item)
        written = draft.written
        removed: list[str] = []
        for target, slot, convert, is_target, others, infer, originals in self._steps:
            raw = values[slot]
            value = convert(raw)
            is_settled = is_target and value is raw
            if others:
                value, is_settled = _considered(others, values, value, is_settled=is_settled)
            if value is None and infer is not None:
                value = infer(draft)
                is_settled = False
            if value is not None:
                if not is_settled:
                    written[target] = value
                removed += originals
            elif item.get(target) == "":  # how some write that there is none
                removed.append(target)
        label = None if layout.is_labelled else self._label
        if self._cache is not None:
            self._cache.include(values, written, is_exclusive=self._is_exclusive and label is not None)
        if label is not None:
            written[semconv.DIALECT] = label
        if removed:
            draft.removed = layout.keys_of({*removed})
        return draft

    def _values(self, item: Item, layout: Layout, members: Mapping[Place, Any]) -> list[Value]:
        """Return what stands in all places that the steps know by their slots."""
        values = item.get_all(self._keys)
        for family in self._families:
            keys = layout.families[family]
            values.append(dict(zip(keys, item.get_all(keys.values()))))  # noqa: B905 - of one length, and short
        if members:
            values += map(members.get, self._members)
        return values


def _considered(
    others: Sequence[_Other], values: Sequence[Value], value: Value, *, is_settled: bool
) -> tuple[Value, bool]:
    """Return the value that is right, *value* if there is one, and whether it stands where it should just so."""
    for slot, convert, is_target, conflict in others:
        other = values[slot]
        if value is None:
            value = convert(other)
            is_settled = is_target and value is other
        elif conflict is not None:
            found = convert(other)
            if found is not None and found != value:
                conflict()
    return value, is_settled


_Other: TypeAlias = "tuple[int, Convert, bool, Callable[[], None] | None]"
"""A candidate but for the first: its slot, how it is read, whether it is the target, what counts a contradiction."""
_Compiled: TypeAlias = (
    "tuple[str, int, Convert, bool, Sequence[_Other], Callable[[Draft], Writable | None] | None, Sequence[str]]"
)
"""A step: its target, the same of its first candidate, the others, what infers the value, the originals. Both are plain
tuples, which are unpacked in half the time that named ones take."""


def _compiled(step: Step, slots: Mapping[Place, int]) -> _Compiled:
    (place, convert, _), *others = step.candidates
    return (
        step.target,
        slots[place],
        convert,
        place == step.target,
        [(slots[place], convert, place == step.target, conflict) for place, convert, conflict in others],
        step.infer,
        step.originals,
    )
