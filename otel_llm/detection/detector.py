"""Scans texts for rules: an engine says where they may match, validators whether they do."""

from __future__ import annotations

from bisect import bisect_right
from itertools import accumulate
from typing import TYPE_CHECKING, Final, Protocol

from otel_llm.detection.cache import MIN_BYTES, ContentCache, Place
from otel_llm.detection.disguise import DISGUISES, has_base64
from otel_llm.detection.engines import EngineName, Pattern, compile_patterns, installed
from otel_llm.detection.finding import TOO_DEEP, TOO_MUCH, Finding
from otel_llm.detection.segment import Cutter, Segment
from otel_llm.detection.validators import COSTLY, Candidate, validator
from otel_llm.detection.validators.network import may_hold_public
from otel_llm.telemetry import Meter

if TYPE_CHECKING:
    from collections.abc import Container, Iterable, Iterator, Sequence

    from otel_llm.detection.rule import Rule
    from otel_llm.detection.validators import Validator

__all__ = ["Detector", "RuleDetector"]

_BEFORE: Final = 48
_AFTER: Final = 16
_CONTINUATION: Final = bytes(range(0x80, 0xC0))
"""Bytes of a character in UTF-8 other than its first."""
_KEYS: Final = 4096
"""Names of attributes of which it is remembered whether they are sensitive."""
_SHORT: Final = 64
"""Characters: a longer text is hardly said twice."""
_REMEMBERED: Final = 8192
_JOINED: Final = 512
"""Bytes: shorter segments are scanned together, as a call of the engine costs what several hundred bytes do."""
_MIN_CHECKS: Final = 64
_BYTES_PER_CHECK: Final = 512
_MIN_SEARCHED: Final = 1 << 20
_SEARCHED_PER_BYTE: Final = 32
"""Bytes that are searched for single rules, for each byte of a text: prose takes five, tables of numbers ten."""
_OVERWORK: Final = -1
"""In a rule's place."""


class Detector(Protocol):
    """Scans texts for all rules that a chain's processors asked for. Used by one thread at a time."""

    @property
    def clean(self) -> Container[tuple[str, str | bytes]]:
        """Texts in which nothing was found before, each with the key that it stands under, as `scan` takes them."""
        ...

    def scan(self, texts: Sequence[tuple[str, str | bytes]], /) -> Sequence[Sequence[Finding]]:
        """Return what was found in each text, by `start`. A text comes with the key that it stands under, if any."""
        ...

    def is_clean(self, raw: bytes, /) -> bool:
        """Tell whether nothing can be found in any text that stands somewhere in *raw*, in UTF-8."""
        ...


class RuleDetector:
    """A detector for a list of rules. Compiled once for a process; an instance for each thread costs little."""

    def __init__(
        self,
        rules: Iterable[Rule],
        *,
        engine: EngineName | None = None,
        cache_entries: int = 0,
        meter: Meter | None = None,
    ) -> None:
        """Take the rules.

        Args:
            rules: what to look for; no two with one id.
            engine: which one to run them on; the best that is installed unless given.
            cache_entries: of how many texts the findings are remembered; 0 for none.
            meter: for how often they are.

        Raises:
            ValueError: the engine does not read a rule's pattern; its place is the error's only argument.
        """
        self._rules = tuple(rules)
        patterns = tuple(Pattern(rule.expression, rule.keywords, rule.trigger) for rule in self._rules)
        disguises = tuple(map(Pattern, DISGUISES))
        self._engine = compile_patterns(patterns + disguises, engine or installed())()
        self._validators: list[Validator | None] = [
            validator(rule.validator) if rule.validator else None for rule in self._rules
        ]
        self._costly = frozenset(place for place, rule in enumerate(self._rules) if rule.validator in COSTLY)
        self._on_keys = frozenset(place for place, rule in enumerate(self._rules) if rule.on == "key")
        # A server's own address is on every span: where only addresses fired, a second look is worth its while.
        self._addresses = frozenset(place for place, rule in enumerate(self._rules) if rule.validator == "ipv4")
        self._sensitive: dict[str, tuple[int, ...]] = {}
        self.clean: dict[tuple[str, str | bytes], None] = {}
        """Of short texts those in which nothing was found: names of attributes, models and statuses recur."""
        lookups = (meter or Meter()).counter("detection_cache_lookups", "Texts looked up by content.", ["outcome"])
        told = lookups.labels("hit").inc, lookups.labels("miss").inc
        self._cache: ContentCache[Sequence[Place]] | None = (
            ContentCache(cache_entries, *told) if cache_entries else None
        )
        self._cutter = Cutter(self.clean, strings=cache_entries > 0)
        self._checks = 0
        self._searches = 0

    def is_clean(self, raw: bytes, /) -> bool:
        """Tell whether nothing can be found in any text that stands somewhere in *raw*, in UTF-8."""
        fired = self._engine.fired_only(raw, self._addresses)
        return fired is not None and not (fired and may_hold_public(raw)) and not has_base64(raw)

    def scan(self, texts: Sequence[tuple[str, str | bytes]], /) -> Sequence[Sequence[Finding]]:
        """Return what was found in each text, by `start`."""
        clean = self.clean
        fresh = [place for place, said in enumerate(texts) if len(said[1]) > _SHORT or said not in clean]
        found: dict[int, set[Finding]] = {}
        segments = self._segments(fresh, texts, found)
        size = sum(len(segment.data) for segment in segments)
        self._checks = _MIN_CHECKS + size // _BYTES_PER_CHECK
        self._searches = _MIN_SEARCHED + size * _SEARCHED_PER_BYTE
        for segment, places in zip(segments, self._places(segments), strict=True):
            if places:
                found.setdefault(segment.owner, set()).update(self._findings(segment, places))
            elif segment.is_plain:
                clean[segment.key, segment.view.text] = None
        if len(clean) > _REMEMBERED:
            clean.clear()
        clean.update((texts[place], None) for place in fresh if place not in found and len(texts[place][1]) <= _SHORT)
        result: list[Sequence[Finding]] = [()] * len(texts)
        for place, findings in found.items():
            result[place] = _ordered(findings, texts[place][1])
        return result

    def _segments(
        self, fresh: Iterable[int], texts: Sequence[tuple[str, str | bytes]], found: dict[int, set[Finding]]
    ) -> list[Segment]:
        """Return what texts are cut into; add what is nested too deep to the findings."""
        segments: list[Segment] = []
        for owner in fresh:
            key, text = texts[owner]
            for part in self._cutter.segments(owner, key, text if isinstance(text, str) else _as_text(text)):
                if isinstance(part, Segment):
                    segments.append(part)
                else:
                    found.setdefault(owner, set()).add(Finding(TOO_DEEP, *part.original(0, len(part.text))))
        return segments

    def _places(self, segments: Sequence[Segment]) -> Iterator[Sequence[Place]]:
        """Yield what rules find in each segment, by offsets of its bytes."""
        if self._cache is None:
            yield from self._scanned(segments)
            return
        digests = [
            self._cache.digest(each.data, each.key) if len(each.data) >= MIN_BYTES else None for each in segments
        ]
        known = [self._cache.get(digest) if digest else None for digest in digests]
        fresh = self._scanned([each for each, places in zip(segments, known, strict=True) if places is None])
        for digest, remembered in zip(digests, known, strict=True):
            places = next(fresh) if remembered is None else remembered
            if digest and remembered is None and not any(rule == _OVERWORK for rule, *_ in places):
                self._cache.put(digest, places)
            yield places

    def _scanned(self, segments: Sequence[Segment]) -> Iterator[Sequence[Place]]:
        """Scan short segments together, long ones each by itself."""
        found: list[list[Place]] = [[] for _ in segments]
        short = [number for number, segment in enumerate(segments) if len(segment.data) < _JOINED]
        data = b"\0".join([segments[number].data for number in short])
        self._scan(data, short, segments, found)
        for number, segment in enumerate(segments):
            if len(segment.data) >= _JOINED:
                self._scan(segment.data, (number,), segments, found)
        return iter(found)

    def _scan(
        self, data: bytes, numbers: Sequence[int], segments: Sequence[Segment], found: Sequence[list[Place]]
    ) -> None:
        """Add what is found in *data*, in which some of the segments are joined."""
        starts = list(accumulate((len(segments[number].data) + 1 for number in numbers), initial=0))
        keys_fired = False
        for rule, size, spans in self._engine.found(data) if data else ():
            self._searches -= size
            if self._searches < 0:  # bounded work: what can no longer be searched is not waved through
                for number in numbers:
                    found[number].append((_OVERWORK, 0, len(segments[number].data)))
                return
            if rule in self._on_keys:
                keys_fired = True
            elif rule < len(self._rules):
                for number, start, end in self._located(rule, spans, starts, numbers, segments):
                    if self._holds(rule, segments[number], start, end):
                        found[number].append((rule, start, end))
        for number in numbers:
            found[number].extend(self._under_keys(segments[number], in_document=keys_fired))

    def _located(
        self,
        rule: int,
        spans: Iterator[tuple[int, int]],
        starts: Sequence[int],
        numbers: Sequence[int],
        segments: Sequence[Segment],
    ) -> Sequence[tuple[int, int, int]]:
        """Return which segments spans are in, and where in them.

        One that runs on into the next segment makes the rule look into each by itself.
        """
        located = []
        for start, end in spans:
            place = bisect_right(starts, start) - 1
            if end >= starts[place + 1]:
                return [(each, *span) for each in numbers for span in self._engine.spans(rule, segments[each].data)]
            located.append((numbers[place], start - starts[place], end - starts[place]))
        return located

    def _holds(self, rule: int, segment: Segment, start: int, end: int) -> bool:
        check = self._validators[rule]
        if check is None:
            return True
        if rule in self._costly:
            self._checks -= 1
            if self._checks < 0:  # bounded work: what can no longer be verified counts as found
                return True
        data = segment.data
        before = data[max(start - _BEFORE, 0) : start].decode("latin-1") if start else segment.key
        return check(Candidate(data[start:end].decode("latin-1"), before, data[end : end + _AFTER].decode("latin-1")))

    def _under_keys(self, segment: Segment, *, in_document: bool) -> Iterator[Place]:
        """Yield what stands whole under a sensitive key."""
        if segment.document is None:
            for rule in self._sensitive_rules(segment.key) if segment.key else ():
                if self._holds(rule, segment, 0, len(segment.data)):
                    yield rule, 0, len(segment.data)
        elif in_document and segment.view is segment.document.view:
            for literal in segment.document.literals:
                if literal.key and not literal.is_key and literal.end > literal.start:
                    for rule in self._sensitive_rules(literal.key):
                        if self._holds(rule, segment, literal.start, literal.end):
                            yield rule, literal.start, literal.end

    def _sensitive_rules(self, key: str) -> tuple[int, ...]:
        """Return the rules that find whatever stands under a key."""
        known = self._sensitive.get(key)
        if known is None:
            data = key.encode("utf-8", "replace")
            known = tuple(rule for rule in sorted(self._on_keys) if any(self._engine.spans(rule, data)))
            if len(self._sensitive) >= _KEYS:
                self._sensitive.clear()
            self._sensitive[key] = known
        return known

    def _findings(self, segment: Segment, places: Sequence[Place]) -> Iterator[Finding]:
        """Yield findings by offsets of the text that the segment is from."""
        offsets = None if segment.aligned else _characters(segment.data, places)
        for place, start, end in places:
            span = (start, end) if offsets is None else (offsets[start], offsets[end])
            rule, score = (self._rules[place].id, self._rules[place].confidence) if place >= 0 else (TOO_MUCH, 1.0)
            for first, last in segment.original(*span):
                yield Finding(rule, first, last, score)


def _as_text(data: bytes) -> str:
    """Return bytes as text; where they are none, with one character for each."""
    try:
        return data.decode()
    except UnicodeDecodeError:
        return data.decode("latin-1")


def _ordered(found: set[Finding], text: str | bytes) -> Sequence[Finding]:
    ordered = sorted(found, key=lambda finding: (finding.start, finding.end, finding.rule))
    if isinstance(text, str):
        return ordered
    decoded = _as_text(text)
    if len(decoded) == len(text):
        return ordered
    return [
        Finding(each.rule, len(decoded[: each.start].encode()), len(decoded[: each.end].encode()), each.score)
        for each in ordered
    ]


def _characters(data: bytes, places: Sequence[Place]) -> dict[int, int]:
    """Return the offset in characters of each offset in bytes, in one pass. One within a character is its end."""
    offsets: dict[int, int] = {}
    position = characters = 0
    for offset in sorted({offset for _, *span in places for offset in span}):
        characters += len(data[position:offset].translate(None, _CONTINUATION))
        position = offset
        offsets[offset] = characters
    return offsets
