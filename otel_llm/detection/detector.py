"""Scans texts for rules: an engine says where they may match, validators whether they do."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final, Protocol

from otel_llm.detection.by_content import ByContent
from otel_llm.detection.cache import ContentCache
from otel_llm.detection.disguise import DISGUISES, ESCAPES
from otel_llm.detection.engines import EngineName, Pattern, compile_patterns, installed
from otel_llm.detection.finding import Finding
from otel_llm.detection.json_text import is_json
from otel_llm.detection.pattern import RUN, has_edges
from otel_llm.detection.scan import Scan
from otel_llm.detection.segment import Segment
from otel_llm.detection.sieve import suspects, uncertain
from otel_llm.detection.stretches import united
from otel_llm.detection.validators import COSTLY, Candidate, validator
from otel_llm.detection.validators.network import may_hold_public
from otel_llm.detection.view import View
from otel_llm.telemetry import Meter

if TYPE_CHECKING:
    from collections.abc import Collection, Container, Iterable, Mapping, Sequence

    from otel_llm.detection.engines import Engine
    from otel_llm.detection.rule import Rule
    from otel_llm.detection.validators import Validator

__all__ = ["Detector", "RuleDetector"]

_BEFORE: Final = 48
_AFTER: Final = 16
_MARKED: Final = 112
"""Bytes before and behind a value: so near a marker may be taken for its name, or for a part of it."""
_KEYS: Final = 4096
"""Names of attributes of which it is remembered whether they are sensitive."""
_SHORT: Final = 64
"""Characters: a longer text is hardly said twice."""
_REMEMBERED: Final = 8192
_RESTS: Final = 3
"""How often what is left of a text is searched again."""
_MARKER: Final = "[REDACTED]"
"""What no rule finds anything in."""
_ANY_MARKER: Final = re.compile(rb"\[(?:REDACTED|UNSCANNED)[^\[\]]{0,80}\]")
_ESCAPED: Final = re.compile(ESCAPES.encode())


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

    def suspects(self, parts: Sequence[bytes], /) -> Collection[int]:
        """Return the places of those parts of a request in which `is_clean` is not sure, all at once."""
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
        self.rules = tuple(rules)
        patterns = tuple(Pattern(rule.expression, rule.keywords, rule.trigger, rule.gate) for rule in self.rules)
        self.engine: Engine = compile_patterns(patterns, engine or installed(), (*DISGUISES, RUN))()
        self.costly = frozenset(place for place, rule in enumerate(self.rules) if rule.validator in COSTLY)
        self.on_keys = frozenset(place for place, rule in enumerate(self.rules) if rule.on == "key")
        self.edged = frozenset(place for place, rule in enumerate(self.rules) if has_edges(rule.expression))
        self._validators: list[Validator | None] = [
            validator(rule.validator) if rule.validator else None for rule in self.rules
        ]
        # A server's own address is on every span: where only addresses fired, a second look is worth its while.
        self._addresses = frozenset(place for place, rule in enumerate(self.rules) if rule.validator == "ipv4")
        self._sensitive: dict[str, tuple[int, ...]] = {}
        self.clean: dict[tuple[str, str | bytes], None] = {}
        """Of short texts those in which nothing was found: names of attributes, models and statuses recur."""
        self._parts: dict[bytes, bool] = {}
        lookups = (meter or Meter()).counter("detection_cache_lookups", "Texts looked up by content.", ["outcome"])
        told = lookups.labels("hit").inc, lookups.labels("miss").inc
        self._cache = ContentCache(ByContent(cache_entries, *told)) if cache_entries else None

    def is_clean(self, raw: bytes, /) -> bool:
        """Tell whether nothing can be found in any text that stands somewhere in *raw*, in UTF-8."""
        if _ESCAPED.search(raw):
            return False  # as the engine would say too, but not before it has been over all of it
        fired = self.engine.fired_only(raw, self._addresses)
        return fired is not None and not may_hold_public(raw, fired)

    def suspects(self, parts: Sequence[bytes], /) -> Collection[int]:
        """Return the places of those parts of a request in which something may be found."""
        if len(self._parts) > _REMEMBERED:
            self._parts.clear()
        return uncertain(self.engine, parts, self._parts)

    def scan(self, texts: Sequence[tuple[str, str | bytes]], /) -> Sequence[Sequence[Finding]]:
        """Return what was found in each text, by `start`."""
        clean = self.clean
        fresh = [place for place, said in enumerate(texts) if len(said[1]) > _SHORT or said not in clean]
        said = {place: _as_text(texts[place][1]) for place in fresh}
        scan = Scan(self, [len(said.get(place, "")) for place in range(len(texts))])
        if self._cache is None:
            scan.run(
                [Segment.first(place, texts[place][0], View(said[place])) for place in self._suspects(said, texts)]
            )
        else:
            self._cache.scan(scan, [(place, texts[place][0], text) for place, text in said.items()])
        found = scan.found
        self._scan_rests(scan, {place: (texts[place][0], said[place]) for place in found})
        if len(clean) > _REMEMBERED:
            clean.clear()
        clean.update((texts[place], None) for place in fresh if place not in found and len(texts[place][1]) <= _SHORT)
        result: list[Sequence[Finding]] = [()] * len(texts)
        for place, findings in found.items():
            result[place] = _ordered(findings, texts[place][1])
        return result

    def _suspects(self, said: Mapping[int, str], texts: Sequence[tuple[str, str | bytes]]) -> list[int]:
        """Return the places of texts but for those with escapes, which are slow to read, that can hold nothing."""
        escaped = [place for place, text in said.items() if "\\" in text and not self.under(texts[place][0])]
        if not escaped:
            return [*said]
        documents = {number for number, place in enumerate(escaped) if is_json(said[place])}
        found = suspects(self.engine, [said[place].encode("utf-8", "replace") for place in escaped], documents)
        clean = {place for number, place in enumerate(escaped) if number not in found}
        return [place for place in said if place not in clean]

    def _scan_rests(self, scan: Scan, texts: Mapping[int, tuple[str, str]]) -> None:
        """Search again what runs on into a finding: with a marker in its place another one may begin there."""
        found = scan.found
        before = dict.fromkeys(texts, 0)
        for _ in range(_RESTS):
            rests = []
            for place, (key, text) in texts.items():
                if len(found[place]) > before[place] and place not in scan.overworked:
                    before[place] = len(found[place])
                    cuts = united((finding.start, finding.end) for finding in found[place])
                    if any(_runs_on(text, *cut) for cut in cuts):
                        rests.append(Segment.first(place, key, View.without(text, cuts, filler=_MARKER)))
            if not rests:
                return
            scan.run(rests)

    def holds(self, rule: int, segment: Segment, start: int, end: int) -> bool:
        """Tell whether what a rule's pattern found between two bytes of a segment is what it looks for."""
        data, check = segment.data, self._validators[rule]
        if b"]" in data[max(start - _MARKED, 0) : end] and not self._between_markers(rule, segment, start, end):
            return False
        if check is None:
            return True
        before = data[max(start - _BEFORE, 0) : start].decode("latin-1") if start else segment.key
        after = data[end : end + _AFTER].decode("latin-1")
        return check(Candidate(data[start:end].decode("latin-1"), before, after, end - start == len(data)))

    def _between_markers(self, rule: int, segment: Segment, start: int, end: int) -> bool:
        """Tell whether a rule finds a part of a stretch if markers are edges of texts.

        The type that a marker names is no name for what stands behind it, nor does a value hold one: who has put it
        there has looked at what is around it.
        """
        data, first, last = segment.data, max(start - _MARKED, 0), end + _MARKED
        markers = [
            marker.span()
            for marker in _ANY_MARKER.finditer(data, first, last)
            if not marker.start() <= start < end <= marker.end()  # it may be anybody's, and hold a secret
        ]
        if not markers:
            return True
        window = bytearray(data[first:last])
        for begin, stop in markers:
            window[begin - first : stop - first] = bytes(stop - begin)
        found = self.engine.spans(rule, bytes(window), quoted=segment.is_quoted)
        return any(begin < end - first and stop > start - first for begin, stop in found)

    def under(self, key: str) -> tuple[int, ...]:
        """Return the rules that find whatever stands under a key."""
        known = self._sensitive.get(key)
        if known is None:
            data = key.encode("utf-8", "replace")
            known = tuple(rule for rule in sorted(self.on_keys) if any(self.engine.spans(rule, data)))
            if len(self._sensitive) >= _KEYS:
                self._sensitive.clear()
            self._sensitive[key] = known
        return known


def _as_text(data: str | bytes) -> str:
    """Return bytes as text; where they are none, with one character for each."""
    if isinstance(data, str):
        return data
    try:
        return data.decode()
    except UnicodeDecodeError:
        return data.decode("latin-1")


def _runs_on(text: str, start: int, end: int) -> bool:
    """Tell whether a character of a word stands beside a stretch."""
    return any(each.isalnum() or each in "_-" for each in text[max(start - 1, 0) : start] + text[end : end + 1])


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
