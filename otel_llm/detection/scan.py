"""One scan of several texts, in rounds: what hides in a text is only known once the text around it has been read."""

from __future__ import annotations

from bisect import bisect_right
from collections import defaultdict
from itertools import accumulate
from typing import TYPE_CHECKING, Final, Protocol

from otel_llm.detection.disguise import base64_stretches
from otel_llm.detection.finding import TOO_DEEP, TOO_MUCH, Finding
from otel_llm.detection.segment import Segment

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from otel_llm.detection.engines import Engine
    from otel_llm.detection.json_text import Literal
    from otel_llm.detection.rule import Rule

__all__ = ["MIN_WORK", "Scan"]

_WORK_PER_BYTE: Final = 9
"""Bytes that may be decoded, scanned, or searched for single rules, for each byte of a text: prose takes one, messages
in JSON two."""
MIN_WORK: Final = 8 << 10
"""Bytes that may be, whatever its length."""
_CHECK: Final = 32
"""Bytes of work that one check of a candidate counts for."""
_MIN_CHECKS: Final = 64
_BYTES_PER_CHECK: Final = 512

_Stretches = dict[int, list[tuple[int, int]]]
"""By the number of a segment, stretches of its bytes."""


class Judge(Protocol):
    """Knows the rules."""

    rules: tuple[Rule, ...]
    engine: Engine
    on_keys: frozenset[int]
    """Rules for keys, not for what stands there."""
    edged: frozenset[int]
    """Rules that ask for the edge of a text."""
    costly: frozenset[int]
    """Rules whose check costs as much as a scan of kilobytes."""

    def holds(self, rule: int, segment: Segment, start: int, end: int) -> bool:
        """Tell whether what a rule's pattern found between two bytes is what it looks for."""
        ...

    def under(self, key: str) -> tuple[int, ...]:
        """Return the rules that find whatever stands under a key."""
        ...


class Scan:
    """What is found in some texts, each with a budget of its own, and what is left of that."""

    def __init__(self, judge: Judge, sizes: Sequence[int]) -> None:
        """Take the lengths of all texts."""
        self._judge = judge
        self._sizes = sizes
        self._work = [MIN_WORK + _WORK_PER_BYTE * size for size in sizes]
        self._checks = [_MIN_CHECKS + size // _BYTES_PER_CHECK for size in sizes]
        self._seen: defaultdict[Segment, set[int]] = defaultdict(set)
        """Of each document the strings that have been looked at."""
        self.found: dict[int, set[Finding]] = {}
        """By the place of a text, what was found in it."""
        self.overworked: set[int] = set()
        """Texts that are more work than they may be."""

    def run(self, segments: Sequence[Segment]) -> None:
        """Scan segments, and all that they lead to."""
        while segments:
            segments = self._round([each for each in segments if self._spend(each.owner, _cost(each))])
        for owner in self.overworked:
            self.found[owner] = {Finding(TOO_MUCH, 0, self._sizes[owner])}

    def _spend(self, owner: int, work: int) -> bool:
        """Tell whether a text is worth so much more work. What can no longer be searched is not waved through."""
        self._work[owner] -= work
        if self._work[owner] < 0:
            self.overworked.add(owner)
        return self._work[owner] >= 0

    def _round(self, segments: Sequence[Segment]) -> list[Segment]:
        """Scan segments together, as a call of the engine costs what hundreds of bytes do; return what they lead to."""
        joined = _Joined(segments)
        hits: _Stretches = defaultdict(list)
        keys: _Stretches = defaultdict(list)
        try:
            self._look(joined, hits, keys)
        except OverflowError:
            if len(segments) > 1:
                return [each for segment in segments for each in self._round([segment])]
            self.overworked.add(segments[0].owner)
            return []
        following = [*self._hidden(joined)]
        for number, segment in enumerate(segments):
            rules = self._judge.under(segment.key) if segment.key else ()
            keyed = number in keys or bool(rules)
            if segment.is_sieve:
                following += self._nested(segment)
                if keyed or number in hits:
                    following += self._strings(segment, hits.get(number, []) + keys.get(number, []), keyed=keyed)
                continue
            if keyed:
                self._under_keys(segment)
            if rules:
                self._under_own_key(segment, rules)
        return following

    def _look(self, joined: _Joined, hits: _Stretches, keys: _Stretches) -> None:
        """Take in what rules find; of sieves, and of keys, where."""
        found = self._judge.engine.found(joined.data, joined.starts) if joined.data else ()
        for rule, begin, stop, work in found:
            if rule in self._judge.on_keys:
                for number in range(joined.number(begin), joined.number(stop - 1) + 1):
                    start = joined.starts[number]
                    keys[number].append((max(begin - start, 0), stop - start))
            elif self._spend(joined.segments[joined.number(stop - 1)].owner, work):
                for first, end in self._spans(rule, joined, begin, stop):
                    number = joined.number(first)
                    segment, start = joined.segments[number], joined.starts[number]
                    place = first - start, min(end - start, len(segment.data))
                    if segment.is_sieve:
                        hits[number].append(place)
                    elif self._holds(rule, segment, *place):
                        self._add(rule, segment, *place)

    def _spans(self, rule: int, joined: _Joined, begin: int, stop: int) -> Iterator[tuple[int, int]]:
        """Yield where a rule's pattern matches. The edge of a string in JSON is one as that of a text is."""
        data = joined.data
        windows = joined.windows(begin, stop) if rule in self._judge.edged else ((begin, stop, False),)
        for start, until, quoted in windows:
            edges = b'\0"' if quoted else b"\0"
            for first, end in self._judge.engine.spans(rule, data, start, until, quoted=quoted):
                yield first + (data[first] in edges), end - (data[end - 1] in edges)

    def _holds(self, rule: int, segment: Segment, start: int, end: int) -> bool:
        if not self._spend(segment.owner, _CHECK):
            return False
        if rule in self._judge.costly:
            self._checks[segment.owner] -= 1
            if self._checks[segment.owner] < 0:  # bounded work: what can no longer be verified counts as found
                return True
        return self._judge.holds(rule, segment, start, end)

    def _add(self, rule: int, segment: Segment, start: int, end: int) -> None:
        found = self.found.setdefault(segment.owner, set())
        known = self._judge.rules[rule]
        for first, last in segment.original(*segment.characters(start, end)):
            found.add(Finding(known.id, first, last, known.confidence))

    def _under_own_key(self, segment: Segment, rules: Sequence[int]) -> None:
        """Look at a text that stands whole under a sensitive key."""
        for rule in rules if segment.data and segment.document is None else ():
            if self._holds(rule, segment, 0, len(segment.data)):
                self._add(rule, segment, 0, len(segment.data))

    def _under_keys(self, segment: Segment) -> None:
        """Look at what stands under sensitive keys in a document without escapes."""
        if segment.document is not segment:
            return
        for literal in self._sensitive(segment):
            text = segment.view.text
            start = len(text[: literal.start].encode("utf-8", "replace"))
            end = start + len(text[literal.start : literal.end].encode("utf-8", "replace"))
            for rule in self._judge.under(literal.key or segment.key):
                if self._holds(rule, segment, start, end):
                    self._add(rule, segment, start, end)

    def _sensitive(self, document: Segment) -> Iterator[Literal]:
        """Yield the strings under sensitive keys; those that have none of their own stand under the document's."""
        for literal in document.literals:
            key = literal.key or document.key
            if key and not literal.is_key and literal.end > literal.start and self._judge.under(key):
                yield literal

    def _strings(self, sieve: Segment, stretches: Sequence[tuple[int, int]], *, keyed: bool) -> Iterator[Segment]:
        """Yield the strings of a sieve's document in which it found something, and those under sensitive keys."""
        document = sieve.document
        if document is None:
            return
        places = []
        for start, end in stretches:
            span = sieve.characters(start, min(end, len(sieve.data)))
            places.append(sieve.view.original(*span, until=document.view))
        strings = [*_overlapped(document.literals, sorted(places)), *(self._sensitive(document) if keyed else ())]
        yield from self._leaves(document, strings)

    def _nested(self, sieve: Segment) -> Iterator[Segment]:
        """Yield the documents in a sieve's document, which it does not hold."""
        document = sieve.document
        if document is not None and not sieve.is_read:
            yield from self._leaves(document, document.nested)

    def _leaves(self, document: Segment, strings: Iterable[Literal]) -> Iterator[Segment]:
        """Yield strings of a document, each once."""
        seen = self._seen[document]
        fresh = {each.start: each for each in strings if each.start not in seen}
        seen.update(fresh)
        for part in document.leaves(fresh.values()):
            if isinstance(part, Segment):
                yield part
            else:
                place = part.original(0, len(part.text))
                self.found.setdefault(document.owner, set()).add(Finding(TOO_DEEP, *place))

    def _hidden(self, joined: _Joined) -> Iterator[Segment]:
        """Yield other readings of segments."""
        data, segments = joined.data, joined.segments
        if b"\\" in data or b"%" in data or not data.isascii():
            for segment in segments:
                if not segment.is_read:
                    yield from segment.readings()
        for start, end in base64_stretches(data, self._judge.engine.runs(data)):
            number = joined.number(start)
            if not segments[number].is_read:
                yield from segments[number].decoded(start - joined.starts[number], end - joined.starts[number])


class _Joined:
    """Segments that are scanned as one."""

    __slots__ = ("data", "segments", "starts")

    def __init__(self, segments: Sequence[Segment]) -> None:
        self.segments = segments
        self.data = b"\0".join([segment.data for segment in segments])
        self.starts = [*accumulate((len(segment.data) + 1 for segment in segments), initial=0)]

    def number(self, offset: int) -> int:
        """Return which segment an offset of the joined bytes is in."""
        return bisect_right(self.starts, offset) - 1

    def windows(self, begin: int, stop: int) -> Iterator[tuple[int, int, bool]]:
        """Yield what of a stretch is in each segment, with its edges, and whether quotes are edges there too."""
        for number in range(self.number(begin), self.number(stop - 1) + 1):
            start, until = self.starts[number] - 1, self.starts[number + 1]
            yield max(begin, start), min(stop, until), self.segments[number].is_quoted


def _cost(segment: Segment) -> int:
    """Return the work of scanning a segment: its bytes, twice where they are a decoded copy."""
    return len(segment.data) * (2 if segment.view.parent else 1)


def _overlapped(strings: Sequence[Literal], hits: Sequence[tuple[int, int]]) -> Iterator[Literal]:
    """Yield the strings that a hit reaches into; both are in order."""
    remaining = iter(hits)
    hit = next(remaining, None)
    for literal in strings:
        while hit is not None and hit[1] <= literal.start:
            hit = next(remaining, None)
        if hit is None:
            return
        if hit[0] < literal.end:
            yield literal
