"""The tables of the dialects in use, compiled into one rule for each current attribute."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple

from otel_llm.attributes import Writable
from otel_llm_processors.gen_ai_normalizer.dialects.dialect import Convert, Dialect, Place
from otel_llm_processors.gen_ai_normalizer.draft import Draft
from otel_llm_processors.gen_ai_normalizer.events import content_of
from otel_llm_processors.gen_ai_normalizer.structures import unchanged

if TYPE_CHECKING:
    from otel_llm_processors.gen_ai_normalizer.canonical import Canonical
    from otel_llm_processors.gen_ai_normalizer.dialects.dialect import ReadEvent, Spelling

__all__ = ["Enabled", "Rule", "Step"]


class Enabled(NamedTuple):
    """A dialect in use."""

    dialect: Dialect
    remove_originals: bool
    overwrite: bool


class Candidate(NamedTuple):
    """Where a value may stand."""

    place: Place
    """Where."""
    convert: Convert
    """From what stands there to the value."""
    conflict: Callable[[], None] | None
    """Called for a value there that is another than the right one; None where they need not be compared."""


class Step(NamedTuple):
    """Settles one attribute of items on which the same attributes are present."""

    target: str
    """The attribute."""
    candidates: Sequence[Candidate]
    """Where its value may stand, in order of precedence: what stands somewhere first is right. One at least."""
    infer: Callable[[Draft], Writable | None] | None
    """Asked where nothing stands anywhere."""
    originals: Sequence[str]
    """What may be removed once there is a value."""


class Rule:
    """All that may have to do with one attribute."""

    def __init__(
        self, target: str, canonical: Canonical, sources: Sequence[Enabled], conflict: Callable[[], None] | None = None
    ) -> None:
        """Compile what the tables say of one attribute.

        Args:
            target: its current name.
            canonical: what it may hold.
            sources: the dialects in use, in order of precedence.
            conflict: called when two spellings contradict each other; None where they need not be compared.
        """
        spellings = [(source, each) for source in sources for each in source.dialect.spellings(target)]
        before: list[Spelling] = []
        after: list[Spelling] = []
        is_any_removed = False
        for source, each in spellings:
            is_removed = source.remove_originals and not each.is_kept
            # What stays behind others that are removed stands alone in a second run, which must not change anything.
            if (source.overwrite or each.is_believed) and (is_removed or not is_any_removed):
                before.append(each)
                is_any_removed = is_any_removed or is_removed
            else:
                after.append(each)
        events: dict[str, ReadEvent] = {}
        for source in sources:
            for name, contents in source.dialect.events.items():
                for content in contents:
                    if content.attribute == target:
                        events.setdefault(name, content.read)
        plain = tuple(each.key for _, each in spellings if not each.path and each.convert is unchanged)
        self.target = target
        """The attribute."""
        self._read = canonical.read
        self._candidates = (
            *(Candidate(each.place, _reader(each, canonical), None if each.is_vague else conflict) for each in before),
            Candidate(target, canonical.read, conflict),
            *(Candidate(each.place, _reader(each, canonical), None if each.is_vague else conflict) for each in after),
        )
        self._infer = (
            partial(content_of, events) if events else canonical.infer and partial(canonical.infer, (target, *plain))
        )
        self._originals = tuple(each.key for source, each in spellings if source.remove_originals and not each.is_kept)
        self.places: frozenset[Place] = frozenset({*(each.place for each in self._candidates), *canonical.also_on})
        """Where to look."""
        is_checked = conflict is not None or canonical.is_rebuilt or any(each.key == target for _, each in spellings)
        self.triggers = frozenset({*self.places, *events}) - (set() if is_checked else {target})
        """Places and events of which one has to be there for the rule to have work."""

    def step(self, present: frozenset[Place]) -> Step | None:
        """Return what of the rule there is to do where *present* is all that is there; None for nothing."""
        candidates = [candidate for candidate in self._candidates if candidate.place in present]
        if not candidates and self._infer is None:
            return None
        return Step(
            self.target,
            candidates or [Candidate(self.target, self._read, None)],
            self._infer,
            tuple(key for key in self._originals if key in present),
        )


def _reader(spelling: Spelling, canonical: Canonical) -> Convert:
    convert, read = spelling.convert, canonical.read
    return read if convert is unchanged else _chained(convert, read)


def _chained(convert: Convert, read: Convert) -> Convert:
    def chained(value: Any) -> Any:
        return read(convert(value))

    return chained
