"""Findings by content: chat histories are sent again with every call, and need not be scanned again."""

from __future__ import annotations

import secrets
from collections import OrderedDict
from hashlib import blake2b
from typing import TYPE_CHECKING, Final, NamedTuple

from otel_llm.detection.finding import Finding
from otel_llm.detection.json_text import is_json, literals
from otel_llm.detection.segment import Segment
from otel_llm.detection.view import View

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from otel_llm.detection.scan import Scan

__all__ = ["ContentCache"]

MIN_LENGTH: Final = 256
"""Characters: what is shorter is scanned sooner than looked up."""


class _Part(NamedTuple):
    """A long string of a document, or a long text that is none."""

    owner: int
    key: str
    start: int
    end: int
    digest: bytes


class ContentCache:
    """The most recently used findings of one thread, by a digest under a key that no other process has."""

    def __init__(self, entries: int, found: Callable[[], object], missed: Callable[[], object]) -> None:
        """Hold findings for so many texts: about 200 bytes each, whatever their length. Lookups are told by calls."""
        self._hit = found
        self._missed = missed
        self._entries = entries
        self._key = secrets.token_bytes(32)
        self._found: OrderedDict[bytes, Sequence[Finding]] = OrderedDict()

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
                known = self._get(part.digest)
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
                self._put(
                    part.digest, [Finding(f.rule, f.start - part.start, f.end - part.start, f.score) for f in inside]
                )

    def _parts(self, owner: int, key: str, text: str) -> Iterator[_Part]:
        if len(text) < MIN_LENGTH:
            return
        if not is_json(text):
            yield _Part(owner, key, 0, len(text), self._digest(text, key))
            return
        for literal in literals(text):
            if literal.end - literal.start >= MIN_LENGTH:
                named = "" if literal.is_key else literal.key or key
                digest = self._digest(text[literal.start : literal.end], f"json {named}")
                yield _Part(owner, named, literal.start, literal.end, digest)

    def _digest(self, text: str, key: str) -> bytes:
        hasher = blake2b(text.encode("utf-8", "replace"), digest_size=16, key=self._key)
        hasher.update(b"\0" + key.encode("utf-8", "replace"))
        return hasher.digest()

    def _get(self, digest: bytes) -> Sequence[Finding] | None:
        found = self._found.get(digest)
        if found is None:
            self._missed()
            return None
        self._hit()
        self._found.move_to_end(digest)
        return found

    def _put(self, digest: bytes, found: Sequence[Finding]) -> None:
        self._found[digest] = found
        if len(self._found) > self._entries:
            self._found.popitem(last=False)


def _segment(part: _Part, text: str) -> Segment:
    said = text[part.start : part.end]
    if part.start == 0:
        return Segment.first(part.owner, part.key, View(said))
    parent = View(text)
    view = View.unescaped(said, base=part.start, parent=parent) if "\\" in said else View(said, base=part.start)
    return Segment.first(part.owner, part.key, view, 1)
