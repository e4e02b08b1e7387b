"""The hot loop: what is to be done to an item, its attributes being known."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from otel_llm import semconv
from otel_llm_processors.gen_ai_normalizer.draft import Draft
from otel_llm_processors.gen_ai_normalizer.usage import CACHED, include_cached

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    from otel_llm.attributes import Value
    from otel_llm.item import Item
    from otel_llm_processors.gen_ai_normalizer.dialects.dialect import Place
    from otel_llm_processors.gen_ai_normalizer.rules import Step

__all__ = ["Program"]


class Program:
    """Runs over items that come with the same attributes.

    It reads each item as it came, and writes once at the end: so the order of its steps counts for inference alone.
    """

    __slots__ = (
        "_families",
        "_has_cached",
        "_is_exclusive",
        "_keys",
        "_label",
        "_steps",
        "_totals",
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
        places = [*(place for step in steps for place, *_ in step.candidates), *totals]
        self._steps = steps
        self._keys = tuple({place: None for place in places if type(place) is str and place[-1] != "."})
        self._families = frozenset(place for place in places if type(place) is str and place[-1] == ".")
        self._totals = totals
        self._label = label
        self._is_exclusive = is_exclusive
        self._has_cached = any(step.target in CACHED for step in steps)
        self.has_work = bool(steps) or label is not None
        """Whether there is anything to do."""
        self.opened = opened

    def run(self, item: Item, keys: Sequence[str], terms: Sequence[str], members: Mapping[Place, Any]) -> None:
        """Normalise *item*.

        Args:
            item: the span or record.
            keys: of its attributes.
            terms: what each of them stands for: itself, or its family.
            members: what its structured attributes hold.
        """
        values: dict[Any, Any] = {**item.get_all(self._keys), **members}
        if self._families:
            values |= _families(item, keys, terms, self._families)
        draft = Draft(item)
        written = draft.written
        removed: set[str] = set()
        for step in self._steps:
            value, is_settled = _right(step, values)
            if value is None and step.infer is not None:
                value = step.infer(draft)
            if value is not None:
                if not is_settled:
                    written[step.target] = value
                removed.update(step.originals)
            elif item.get(step.target) == "":  # how some write that there is none
                removed.add(step.target)
        label = None if semconv.DIALECT in item else self._label
        if self._has_cached:
            is_exclusive = self._is_exclusive and label is not None
            include_cached(values, written, self._totals, is_exclusive=is_exclusive)
        if label is not None:
            written[semconv.DIALECT] = label
        gone = [key for key, term in zip(keys, terms, strict=True) if {key, term} & removed] if removed else ()
        _write(draft, gone)


def _write(draft: Draft, removed: Sequence[str]) -> None:
    """Write what has been settled."""
    if removed:
        draft.item.remove_all(removed)
    if draft.written:
        draft.item.update(draft.written)


def _right(step: Step, values: Mapping[Place, Value]) -> tuple[Value, bool]:
    """Return the value that is right, None if there is none, and whether it stands where it should just so."""
    value = None
    is_settled = False
    for place, convert, conflict in step.candidates:
        raw = values[place]
        if value is None:
            value = convert(raw)
            is_settled = value is raw and place == step.target
        elif conflict is not None:
            found = convert(raw)
            if found is not None and found != value:
                conflict()
    return value, is_settled


def _families(
    item: Item, keys: Sequence[str], terms: Sequence[str], families: Collection[str]
) -> dict[str, dict[str, Value]]:
    """Return the values of *families* of attributes by what follows the family's name."""
    found: dict[str, dict[str, Value]] = {family: {} for family in families}
    for key, family in zip(keys, terms, strict=True):
        if family in families:
            found[family][key[len(family) :]] = item.get(key)
    return found
