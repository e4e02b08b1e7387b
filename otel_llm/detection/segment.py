"""Stretches of text that are scanned: texts as they are, what hides in them, and JSON as it reads without escapes."""

from __future__ import annotations

from bisect import bisect_right
from itertools import accumulate
from typing import TYPE_CHECKING, Final

from otel_llm.detection.disguise import base64_stretches, base64_text, undisguised
from otel_llm.detection.json_text import Literal, is_json, literals, may_nest, nests
from otel_llm.detection.view import Opaque, View

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

__all__ = ["MAX_DEPTH", "Segment", "every_reading"]

MAX_DEPTH: Final = 8
"""Levels of JSON in JSON that are looked into."""
_OPENING: Final = ("{", "[", '"')
_CONTINUATION: Final = bytes(range(0x80, 0xC0))
"""Bytes of a character in UTF-8 other than its first."""
_STRIDE: Final = 1024
"""Bytes, at whose multiples characters are counted once."""


class Segment:
    """One stretch of text."""

    __slots__ = (
        "_behind", "_is_document", "_literals", "_marks", "_nested", "data", "depth", "is_read", "is_sieve", "key",
        "owner", "source", "view",
    )  # fmt: skip

    def __init__(
        self,
        owner: int,
        view: View,
        key: str,
        depth: int = 0,
        *,
        source: Segment | None = None,
        is_sieve: bool = False,
        is_read: bool = False,
    ) -> None:
        self.owner = owner
        """The place of the text that it is from."""
        self.view = view
        """What it says, and where that stands."""
        self.key = key
        """The key of the attribute or the JSON string that it is from."""
        self.depth = depth
        """How many documents it stands in, one in the other."""
        self.source = source
        """What it is another reading of."""
        self.is_sieve = is_sieve
        """Whether it only tells which strings of its document to look at: offsets in it may split what they say."""
        self.is_read = is_read
        """Whether nothing that hides in it is looked for."""
        self.data = view.text.encode("utf-8", "replace")
        self._is_document: bool | None = None
        self._literals: list[Literal] | None = None
        self._nested: list[Literal] | None = None
        self._behind: list[int] | None = None
        """The offsets behind its quotes, and one behind its end."""
        self._marks: list[int] | None = None

    @classmethod
    def first(cls, owner: int, key: str, view: View, depth: int = 0) -> Segment:
        """Return what to begin with in a text: of a document with escapes, what it says without them."""
        segment = cls(owner, view, key, depth)
        return segment.flat() if "\\" in view.text and segment.document else segment

    @property
    def document(self) -> Segment | None:
        """The JSON document that it is, or another reading of: findings are cut to its strings. None if that is none.

        Asked only where something is found: most texts hold nothing, and to parse them is no small part of the work.
        """
        if self.source is not None:
            return self.source.document
        if self._is_document is None:
            self._is_document = _is_document(self.view.text)
        return self if self._is_document else None

    @property
    def is_quoted(self) -> bool:
        """Whether its quotes are the edges of what its strings say."""
        return self.document is not None

    @property
    def literals(self) -> list[Literal]:
        """The strings of the document that it is."""
        if self._literals is None:
            self._literals = list(literals(self.view.text))
        return self._literals

    @property
    def nested(self) -> list[Literal]:
        """Those strings of the document that it is which begin as documents do."""
        if self._nested is None:
            text = self.view.text
            self._nested = [each for each in self.literals if nests(text, each.start)] if may_nest(text) else []
        return self._nested

    def original(self, start: int, end: int) -> Iterator[tuple[int, int]]:
        """Yield where a stretch of it stands in the text that it is from; in JSON, what of it lies in strings."""
        document = self.document
        if document is None:
            yield self.view.original(start, end)
        else:
            for first, last in document.clipped(*self.view.original(start, end, until=document.view)):
                yield document.view.original(first, last)

    def characters(self, start: int, end: int) -> tuple[int, int]:
        """Return offsets in characters of offsets in bytes. One within a character is its end."""
        if len(self.data) == len(self.view.text):
            return start, end
        if self._marks is None:
            counts = (_count(self.data[place : place + _STRIDE]) for place in range(0, len(self.data), _STRIDE))
            self._marks = list(accumulate(counts, initial=0))
        return self._character(start, self._marks), self._character(end, self._marks)

    def _character(self, offset: int, marks: list[int]) -> int:
        place = offset // _STRIDE
        return marks[place] + _count(self.data[place * _STRIDE : offset])

    def clipped(self, start: int, end: int) -> Iterator[tuple[int, int]]:
        """Yield the parts of a stretch that lie in strings: a replacement must not cut the structure."""
        if self._behind is None:
            self._behind = [*accumulate([len(part) + 1 for part in self.view.text.split('"')])]
        behind = self._behind
        # Without escapes every second quote ends a string.
        for place in range(bisect_right(behind, start) & ~1, len(behind) - 1, 2):
            if behind[place] >= end:
                return
            first, last = max(start, behind[place]), min(end, behind[place + 1] - 1)
            if first < last:
                yield first, last

    def flat(self) -> Segment:
        """Return a sieve for the document that it is: its text with the escapes of all strings decoded.

        Without the strings that may be documents, which are scanned by themselves: those have escapes of their own.
        """
        outer = self.view
        if cuts := [(each.start, each.end) for each in self.nested]:
            outer = View.without(outer.text, cuts, parent=outer)
        return Segment(
            self.owner, View.flattened(outer.text, parent=outer), self.key, self.depth, source=self, is_sieve=True
        )

    def readings(self) -> Iterator[Segment]:
        """Yield what else it says to who sees through escapes, percent-encoding and invisible characters."""
        plain = undisguised(self.view)
        if plain is not None:
            bare = Segment(self.owner, plain, self.key, self.depth, source=self, is_sieve=self.is_sieve, is_read=True)
            yield bare
            for run in base64_stretches(bare.data):
                yield from bare.decoded(*run)

    def decoded(self, start: int, end: int) -> Iterator[Segment]:
        """Yield what a run of base64 in it says, if that is text, by offsets of bytes."""
        text = base64_text(self.data[start:end])
        if text:
            padded = end + len(self.data[end : end + 2]) - len(self.data[end : end + 2].lstrip(b"="))
            view = Opaque(text, *self.characters(start, padded), self.view)
            yield Segment(self.owner, view, "", self.depth, source=self, is_sieve=self.is_sieve, is_read=True)

    def leaves(self, strings: Iterable[Literal]) -> Iterator[Segment | View]:
        """Yield strings of the document that it is as they read; a bare view of one that is nested too deep."""
        for literal in strings:
            part = self.view.text[literal.start : literal.end]
            named = "" if literal.is_key else literal.key or self.key
            if "\\" in part:
                view = View.unescaped(part, base=literal.start, parent=self.view)
            else:
                view = View(part, base=literal.start, parent=self.view)
            if self.depth == MAX_DEPTH and _is_document(view.text):
                yield view
            else:
                yield Segment.first(self.owner, named, view, self.depth + 1)


def every_reading(text: str) -> Iterator[Segment]:
    """Yield all that a text says: each string of JSON by itself where it has escapes, and what hides in any of it."""
    waiting = [Segment.first(0, "", View(text))]
    while waiting:
        segment = waiting.pop()
        if segment.is_sieve and segment.document:
            parts = segment.document.leaves(segment.document.literals)
            waiting += (part for part in parts if isinstance(part, Segment))
        else:
            yield segment
            yield from segment.readings()
            for run in base64_stretches(segment.data):
                yield from segment.decoded(*run)


def _count(data: bytes) -> int:
    """Return how many characters begin in some bytes of UTF-8."""
    return len(data.translate(None, _CONTINUATION))


def _is_document(text: str) -> bool:
    return text.lstrip(" \t\r\n").startswith(_OPENING) and is_json(text)
