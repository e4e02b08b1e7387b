"""The hot loop: what is to be done to an item, its attributes being known."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, TypeAlias

from otel_llm import semconv
from otel_llm_processors.gen_ai_normalizer.draft import Draft
from otel_llm_processors.gen_ai_normalizer.usage import KNOWN, PARTS, Inclusion

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
        "_families",
        "_inclusion",
        "_is_exclusive",
        "_keys",
        "_label",
        "_members",
        "_originals",
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
        counts = (*KNOWN, *totals) if totals or any(step.target in PARTS for step in steps) else ()
        places = dict.fromkeys([*(each.place for step in steps for each in step.candidates), *counts])
        self._members = [place for place in places if type(place) is tuple]
        self._families = [place for place in places if type(place) is str and place[-1] == "."]
        self._keys = tuple(place for place in places if type(place) is str and place[-1] != ".")
        in_order: list[Place] = [*self._keys, *self._families, *self._members]
        slots = {place: slot for slot, place in enumerate(in_order)}
        self._steps = [_compiled(step, slots) for step in steps]
        self._originals = [(step.target, step.originals) for step in steps if step.originals]
        self._inclusion = Inclusion([slots[key] for key in KNOWN], [slots[key] for key in totals]) if counts else None
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
        unsettled: dict[str, Value] = {}
        for target, own, slot, convert, others, infer in self._steps:
            value = convert(values[slot])
            if others:
                value = _considered(others, values, value)
            if value is None and infer is not None:
                value = infer(draft)
            if value is None:
                unsettled[target] = values[own]
            elif value is not values[own]:
                written[target] = value
        label = None if layout.is_labelled else self._label
        if self._inclusion is not None:
            self._inclusion.include(values, written, is_exclusive=self._is_exclusive and label is not None)
        if label is not None:
            written[semconv.DIALECT] = label
        if self._originals or "" in unsettled.values():  # as some write that there is none
            removed = {key for target, keys in self._originals if target not in unsettled for key in keys}
            removed.update(target for target, held in unsettled.items() if held == "")
            draft.removed = layout.keys_of(removed) if removed else ()
        return draft

    def _values(self, item: Item, layout: Layout, members: Mapping[Place, Any]) -> list[Value]:
        """Return what stands in all places that the steps know by their slots."""
        values = item.get_all(self._keys)
        for family in self._families:
            keys = layout.families[family]
            values.append(dict(zip(keys, item.get_all(keys.values()))))  # noqa: B905 - of one length, and short
        if members:
            values += map(members.get, self._members)
        values.append(None)
        return values


def _considered(others: Sequence[_Other], values: Sequence[Value], value: Value) -> Value:
    """Return the value that is right: *value* if there is one."""
    for slot, convert, conflict in others:
        if value is None:
            value = convert(values[slot])
        elif conflict is not None:
            found = convert(values[slot])
            if found is not None and found != value:
                conflict()
    return value


_NOWHERE: Final = -1
"""The slot in which there is always None."""
_Other: TypeAlias = "tuple[int, Convert, Callable[[], None] | None]"
"""A candidate but for the first: its slot, how it is read, and what counts that it contradicts the right one."""
_Compiled: TypeAlias = "tuple[str, int, int, Convert, Sequence[_Other], Callable[[Draft], Writable | None] | None]"
"""A step: its target and the target's slot, slot and reader of the first candidate, the others, what infers the value.

Both are plain tuples, which are unpacked in half the time that named ones take."""


def _compiled(step: Step, slots: Mapping[Place, int]) -> _Compiled:
    (place, convert, _), *others = step.candidates
    return (
        step.target,
        slots.get(step.target, _NOWHERE),
        slots[place],
        convert,
        [(slots[place], convert, conflict) for place, convert, conflict in others],
        step.infer,
    )
