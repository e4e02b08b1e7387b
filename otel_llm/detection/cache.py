"""Findings by content: chat histories are sent again with every call, and need not be scanned again."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from otel_llm.detection.by_content import MIN_LENGTH
from otel_llm.detection.finding import Finding
from otel_llm.detection.json_text import is_json, literals
from otel_llm.detection.segment import Segment
from otel_llm.detection.view import View

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from otel_llm.detection.by_content import ByContent
    from otel_llm.detection.scan import Scan

__all__ = ["ContentCache"]


class _Part(NamedTuple):
    """A long string of a document, or a long text that is none."""

    owner: int
    key: str
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
        fresh: list[_Part] = []
        for owner, key, text in texts:
            cuts = []
            for part in self._parts(owner, key, text):
                known = self._known.get(part.digest)
                if known is None:
                    fresh.append(part)
                    segments.append(_segment(part, text))
                elif known:
                    moved = (Finding(f.rule, f.start + part.start, f.end + part.start, f.score) for f in known)
                    scan.found.setdefault(owner, set()).update(moved)
                cuts.append((part.start, part.end))
            if cuts != [(0, len(text))]:
                segments.append(Segment.first(owner, key, View.without(text, cuts) if cuts else View(text)))
        scan.run(segments)
        for part in fresh:
            if part.owner not in scan.overworked:
                inside = (f for f in scan.found.get(part.owner, ()) if part.start <= f.start and f.end <= part.end)
                self._known.put(
                    part.digest, [Finding(f.rule, f.start - part.start, f.end - part.start, f.score) for f in inside]
                )

    def _parts(self, owner: int, key: str, text: str) -> Iterator[_Part]:
        if len(text) < MIN_LENGTH:
            return
        if not is_json(text):
            yield _Part(owner, key, 0, len(text), self._known.digest(text, key))
            return
        for literal in literals(text):
            if literal.end - literal.start >= MIN_LENGTH:
                named = "" if literal.is_key else literal.key or key
                digest = self._known.digest(text[literal.start : literal.end], f"json {named}")
                yield _Part(owner, named, literal.start, literal.end, digest)


def _segment(part: _Part, text: str) -> Segment:
    said = text[part.start : part.end]
    if part.start == 0:
        return Segment.first(part.owner, part.key, View(said))
    parent = View(text)
    view = View.unescaped(said, base=part.start, parent=parent) if "\\" in said else View(said, base=part.start)
    return Segment.first(part.owner, part.key, view, 1)
