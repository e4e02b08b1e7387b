"""Hyperscan tells which patterns may match and where such a match ends; RE2 then tells where it begins.

Block mode, no start of match: that compiles every pattern. What all patterns together would make slow is looked for in
two steps: a few gates over all of a text, and the patterns themselves only where one of these fires. They are compiled
twice: for requests as they came, without word boundaries, each told once; and for texts, where every end is told, so
that RE2 is sent over no more than what a match that ends there can be wide.
"""

from __future__ import annotations

from bisect import bisect_right
from functools import partial
from itertools import accumulate, chain
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import hyperscan

from otel_llm.detection.engines.matches import compiled_twice, iterate
from otel_llm.detection.engines.re2 import compile_re2
from otel_llm.detection.extent import max_width
from otel_llm.detection.pattern import MIN_RUN, SETTLED, settled, shortened
from otel_llm.detection.stretches import united

if TYPE_CHECKING:
    from collections.abc import Callable, Container, Iterator, Mapping, Sequence

    from otel_llm.detection.engines import Pattern

__all__ = ["HyperscanEngine", "HyperscanProgram"]

_EDGE: Final = 2
"""Of NUL, which stand for the edges of a text and are no part of a match's width."""
_MIN_ENDS: Final = 4096
"""Ends of matches that are taken in, besides one for each byte: each is a call of Python."""
_MIN_FIRED: Final = 64
_BYTES_PER_FIRED: Final = 16
"""So often gates may fire in texts; where they do more, all of them is looked at."""
_BYTES_PER_SUSPICION: Final = 16384
"""So often in a request; where they do more, it is looked at text by text."""


class HyperscanProgram:
    """Databases and the patterns of RE2, shared; scratch space is each thread's own."""

    def __init__(self, patterns: Sequence[Pattern], disguises: Sequence[str]) -> None:
        self.patterns = compiled_twice([pattern.expression for pattern in patterns], compile_re2)
        widths = [max_width(pattern.expression) + _EDGE for pattern in patterns]
        # What begins a match stands so much before its end, and where another expression is its trigger, behind it too.
        self.reach = [(width, width if each.trigger else 0) for each, width in zip(patterns, widths, strict=True)]
        self.loose = _database([pattern.loose for pattern in patterns], hyperscan.HS_FLAG_SINGLEMATCH)
        self.exact = _database([shortened(pattern.sought) for pattern in patterns])
        behind: dict[str, set[int]] = {}
        for place, pattern in enumerate(patterns):
            for gate in pattern.gates:
                behind.setdefault(gate, set()).add(place)
        self.gates = [
            _Gate(frozenset(places), max(widths[each] for each in places) + SETTLED) for places in behind.values()
        ]
        self.hiding = frozenset(place for place, gate in enumerate(behind) if gate in disguises)
        try:
            self.gate_database = _database([settled(gate) for gate in behind])
        except ValueError as error:
            raise ValueError(min(self.gates[error.args[0]].patterns)) from None
        others = [each for each in disguises if each not in behind]
        self.disguises = _database(others) if others else None

    def __call__(self) -> HyperscanEngine:
        """Make an engine for a thread."""
        return HyperscanEngine(self)


class _Gate(NamedTuple):
    """What is looked for first."""

    patterns: frozenset[int]
    """Those that match nowhere but where it fires."""
    reach: int
    """Bytes: so far from where it fires they may begin or end."""


class HyperscanEngine:
    """One thread's."""

    def __init__(self, program: HyperscanProgram) -> None:
        self._patterns = program.patterns
        self._reach = program.reach
        self._gates = program.gates
        self._hiding = program.hiding
        self._scan_gates = _scanner(program.gate_database)
        self._scan_disguises = _scanner(program.disguises)
        self._scan_loose = _scanner(program.loose)
        self._scan_exact = _scanner(program.exact)
        self._searched: tuple[bytes, list[int] | None] = b"", None
        """What was searched last, and where the gates fired behind which something may hide."""

    def found(self, data: bytes, starts: Sequence[int]) -> Iterator[tuple[int, int, int, int]]:
        """Yield the patterns that may match, each with a stretch that a match lies in."""
        fired = self._fired(data, _MIN_FIRED + len(data) // _BYTES_PER_FIRED)
        self._searched = data, None if fired is None else [end for gate in self._hiding for end in fired.get(gate, ())]
        near = [(0, len(data))] if fired is None else self._near(fired, starts)
        for pattern, ends in self._ends(data, near).items():
            for first, last in _around(ends, *self._reach[pattern], starts):
                yield pattern, first, last, last - first

    def runs(self, data: bytes) -> list[tuple[int, int]] | None:
        """Return where runs stand in what was searched last; None if that is not known."""
        searched, ends = self._searched
        return united((end - MIN_RUN, end) for end in ends) if searched is data and ends is not None else None

    def marks(self, data: bytes) -> Sequence[int] | None:
        """Return where gates fire and disguises end; None if that is anywhere."""
        fired = self._fired(data, _MIN_ENDS + len(data))
        return None if fired is None else [*self._disguised(data), *chain.from_iterable(fired.values())]

    def _disguised(self, data: bytes) -> list[int]:
        """Return where disguises end that are behind no gate."""
        places: list[int] = []
        self._scan_disguises(data, match_event_handler=lambda _pattern, _start, end, *_: places.append(end))
        return places

    def suspicious(self, data: bytes) -> Sequence[int] | None:
        """Return the offsets where what may match, or may hide something, ends; None if that is anywhere."""
        fired = self._fired(data, _MIN_FIRED + len(data) // _BYTES_PER_FIRED)
        if fired is None:
            return None
        places = self._disguised(data)
        for gate in self._hiding.intersection(fired):
            places += fired.pop(gate)
        try:
            ends = self._ends(data, self._near(fired, (0, len(data) + 1)))
        except OverflowError:
            return None
        return [*places, *chain.from_iterable(ends.values())]

    def _ends(self, data: bytes, near: Sequence[tuple[int, int]]) -> dict[int, list[int]]:
        """Return where in some stretches matches of patterns end.

        Raises:
            OverflowError: in more places than there are bytes.
        """
        ends: dict[int, list[int]] = {}
        if not near:
            return ends
        left = _MIN_ENDS + len(data)

        def on_match(pattern: int, _start: int, end: int, *_: object) -> bool:
            nonlocal left
            left -= 1
            if pattern in ends:
                ends[pattern].append(end)
            else:
                ends[pattern] = [end]
            return left < 0

        try:
            self._scan_exact(_cut(data, near), match_event_handler=on_match)
        except hyperscan.ScanTerminated:
            raise OverflowError from None
        # Where each stretch stands in the cut text, and how far that is from where it stands in the data.
        cuts = [*accumulate((last - first + 1 for first, last in near), initial=0)]
        moved = [first - cut for (first, _), cut in zip(near, cuts, strict=False)]
        return {
            pattern: [end + moved[bisect_right(cuts, end - 1) - 1] for end in found] for pattern, found in ends.items()
        }

    def fired_only(self, data: bytes, tolerated: frozenset[int]) -> Sequence[int] | None:
        """Return where gates fire behind which only tolerated ones are; None where another one may match."""
        harmless = {place for place, gate in enumerate(self._gates) if gate.patterns <= tolerated}
        fired: list[int] = []

        try:
            gates = self._fired(data, _MIN_FIRED + len(data) // _BYTES_PER_SUSPICION, harmless, self._hiding)
            if gates is None:
                return None
            self._scan_disguises(data, match_event_handler=lambda *_: True)
            for gate in harmless & gates.keys():
                fired += gates.pop(gate)
            if near := self._near(gates, (0, len(data) + 1)):
                self._scan_loose(_cut(data, near), match_event_handler=lambda *_: True)
        except hyperscan.ScanTerminated:
            return None
        return fired

    def _fired(
        self, data: bytes, most: int, harmless: Container[int] = (), hiding: Container[int] = ()
    ) -> dict[int, list[int]] | None:
        """Return the gates that fire, each with where; None where a hiding one does, or not harmless ones too often."""
        fired: dict[int, list[int]] = {}
        left = most

        def on_match(gate: int, _start: int, end: int, *_: object) -> bool:
            nonlocal left
            if gate in fired:
                fired[gate].append(end)
            else:
                fired[gate] = [end]
            if gate not in harmless:
                left -= 1
            return left < 0 or gate in hiding

        try:
            self._scan_gates(data, match_event_handler=on_match)
        except hyperscan.ScanTerminated:
            return None
        return fired

    def _near(self, fired: Mapping[int, Sequence[int]], starts: Sequence[int]) -> list[tuple[int, int]]:
        """Return the stretches in which what stands behind gates that fired may match, in order."""
        return united(
            stretch
            for gate, ends in fired.items()
            for stretch in _around(ends, self._gates[gate].reach, self._gates[gate].reach, starts)
        )

    def spans(
        self, pattern: int, data: bytes, begin: int = 0, end: int | None = None, *, quoted: bool = False
    ) -> Iterator[tuple[int, int]]:
        """Yield where one pattern matches."""
        # RE2's module copies whatever it is given at every call. A byte more on each side tells where words begin, and
        # that a stretch is not all there is.
        first = max(begin - 1, 0)
        part = data[first : None if end is None else end + 1]
        compiled = self._patterns[quoted][pattern]
        for start, stop in iterate(compiled, part, begin - first, None if end is None else end - first):
            yield first + start, first + stop


def _around(ends: Sequence[int], before: int, behind: int, starts: Sequence[int]) -> Iterator[tuple[int, int]]:
    """Yield what lies so near to some places, neighbours as one, nothing over the edge of a text."""
    first = last = edge = -1
    for end in sorted(ends):
        if end > edge or end - before > last:
            if last >= 0:
                yield first, last
            place = bisect_right(starts, end - 1)
            edge = starts[place]
            first = max(end - before, starts[place - 1] - 1, 0)
        last = min(end + behind, edge)
    if last >= 0:
        yield first, last


def _cut(data: bytes, stretches: Sequence[tuple[int, int]]) -> bytes:
    return b"\0".join([data[first:last] for first, last in stretches])


def _scanner(database: Any | None) -> Callable[..., Any]:
    """Return what scans for a database with scratch space of its own; without one, for nothing."""
    if database is None:
        return lambda *_, **__: None
    return partial(database.scan, scratch=hyperscan.Scratch(database))


def _database(triggers: Sequence[str], flag: int = 0) -> Any:
    """Compile triggers by their places.

    Raises:
        ValueError: the place of one that does not compile; of the last one where only all together are too much.
    """
    database = hyperscan.Database(mode=hyperscan.HS_MODE_BLOCK)
    expressions = [trigger.encode() for trigger in triggers]
    flags = [flag | hyperscan.HS_FLAG_DOTALL] * len(expressions)
    try:
        database.compile(expressions=expressions, ids=[*range(len(expressions))], flags=flags)
    except hyperscan.error:
        places = range(len(expressions))
        raise ValueError(next((each for each in places if not _compiles(expressions[each])), places[-1])) from None
    return database


def _compiles(trigger: bytes) -> bool:
    try:
        hyperscan.Database(mode=hyperscan.HS_MODE_BLOCK).compile(expressions=[trigger], ids=[0], flags=[0])
    except hyperscan.error:
        return False
    return True
