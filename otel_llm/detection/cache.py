"""Findings by content: chat histories are sent again with every call, and need not be scanned again."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from otel_llm.detection.by_content import MIN_LENGTH
from otel_llm.detection.finding import Finding
from otel_llm.detection.json_text import is_json, literals
from otel_llm.detection.segment import Segment
from otel_llm.detection.view import View

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from otel_llm.detection.by_content import ByContent
    from otel_llm.detection.scan import Scan

__all__ = ["ContentCache"]


class _Part(NamedTuple):
    """A long string of a document, or a long text that is none."""

    owner: int
    key: str
    text: str
    """All of the document, or of the text."""
    start: int
    end: int
    digest: bytes


class ContentCache:
    """Remembers what was found in long texts."""

    def __init__(self, known: ByContent[Sequence[Finding]]) -> None:
        """Take where to remember it."""
        self._known = known

    def scan(self, scan: Scan, texts: Iterable[tuple[int, str, str]]) -> None:
        """Scan what is not known of some texts, each with its place and key, and remember what is found there.

        The long strings of a document are each known by themselves: a conversation is one text, and more of it each
        time. What is between them is scanned as a document without them.
        """
        segments: list[Segment] = []
        fresh: dict[bytes, list[_Part]] = {}  # by their digests: those that say the same are scanned as one
        for owner, key, text in texts:
            parts = [*self._parts(owner, key, text)]
            for part in parts:
                if part.digest in fresh:
                    fresh[part.digest].append(part)
                elif (known := self._known.get(part.digest)) is not None:
                    _tell(scan, part, known)
                else:
                    fresh[part.digest] = [part]
            cuts = [(part.start, part.end) for part in parts]
            if cuts != [(0, len(text))]:
                segments.append(Segment.first(owner, key, View.without(text, cuts) if cuts else View(text)))
        while fresh or segments:
            scan.run([*segments, *(_segment(first) for first, *_ in fresh.values())])
            segments, fresh = [], self._remember(scan, fresh)

    def _remember(self, scan: Scan, scanned: Mapping[bytes, Sequence[_Part]]) -> dict[bytes, list[_Part]]:
        """Remember what was found in the first of parts that say the same, and tell it of the others.

        Returns:
            The others where the first was not scanned to its end.
        """
        left = {}
        for digest, (part, *same) in scanned.items():
            if part.owner not in scan.overworked:
                inside = (f for f in scan.found.get(part.owner, ()) if part.start <= f.start and f.end <= part.end)
                known = [Finding(f.rule, f.start - part.start, f.end - part.start, f.score) for f in inside]
                self._known.put(digest, known)
                for each in same:
                    _tell(scan, each, known)
            elif same:
                left[digest] = same
        return left

    def _parts(self, owner: int, key: str, text: str) -> Iterator[_Part]:
        if len(text) < MIN_LENGTH:
            return
        if not is_json(text):
            yield _Part(owner, key, text, 0, len(text), self._known.digest(text, key))
            return
        for literal in literals(text, MIN_LENGTH):
            named = "" if literal.is_key else literal.key or key
            digest = self._known.digest(text[literal.start : literal.end], f"json {named}")
            yield _Part(owner, named, text, literal.start, literal.end, digest)


def _tell(scan: Scan, part: _Part, known: Sequence[Finding]) -> None:
    """Say that in a part is found what was found in another one that says the same."""
    if known:
        moved = (Finding(f.rule, f.start + part.start, f.end + part.start, f.score) for f in known)
        scan.found.setdefault(part.owner, set()).update(moved)


def _segment(part: _Part) -> Segment:
    said = part.text[part.start : part.end]
    if part.start == 0:
        return Segment.first(part.owner, part.key, View(said))
    parent = View(part.text)
    view = View.unescaped(said, base=part.start, parent=parent) if "\\" in said else View(said, base=part.start)
    return Segment.first(part.owner, part.key, view, 1)
