"""Cuts a text into stretches that are scanned on their own: the strings of JSON, and what is hidden in them."""

from __future__ import annotations

from bisect import bisect_right
from itertools import accumulate
from typing import TYPE_CHECKING, Final

from otel_llm.detection.disguise import MIN_RUN, base64_runs, undisguised
from otel_llm.detection.json_text import ESCAPE, Literal, decode_escape, is_json, literals
from otel_llm.detection.view import View

if TYPE_CHECKING:
    from collections.abc import Container, Iterator

__all__ = ["MAX_DEPTH", "Cutter", "Document", "Segment"]

MAX_DEPTH: Final = 8
"""Levels of JSON in JSON that are looked into."""
_OPENING: Final = ("{", "[", '"')


class Document:
    """A JSON document in ASCII without escapes, and its strings once somebody asks."""

    __slots__ = ("_literals", "_quotes", "view")

    def __init__(self, view: View) -> None:
        self.view = view
        self._literals: list[Literal] | None = None
        self._quotes: list[int] | None = None

    @property
    def literals(self) -> list[Literal]:
        """Its strings, in order."""
        if self._literals is None:
            self._literals = list(literals(self.view.text))
        return self._literals

    def clipped(self, start: int, end: int) -> Iterator[tuple[int, int]]:
        """Yield the parts of a stretch that lie in strings: a replacement must not cut the structure."""
        if self._quotes is None:
            sizes = map(len, self.view.text.split('"'))
            self._quotes = list(accumulate(sizes, lambda quote, size: quote + size + 1))[:-1]
        opening, closing = self._quotes[::2], self._quotes[1::2]  # without escapes every second one ends a string
        for place in range(bisect_right(closing, start), len(closing)):
            first, last = max(start, opening[place] + 1), min(end, closing[place])
            if opening[place] + 1 >= end:
                return
            if first < last:
                yield first, last


class Segment:
    """One stretch of text."""

    __slots__ = ("aligned", "data", "document", "key", "owner", "view")

    def __init__(self, owner: int, view: View, key: str, document: Document | None = None) -> None:
        self.owner = owner
        """The place of the text that it is from."""
        self.view = view
        """What it says, and where that stands."""
        self.key = key
        """The key of the attribute or the JSON string that it is from."""
        self.document = document
        """The JSON document that it is the whole of, uncut."""
        self.data = view.text.encode("utf-8", "replace")
        self.aligned = len(self.data) == len(view.text)
        """Whether offsets of bytes are offsets of characters."""

    @property
    def is_plain(self) -> bool:
        """Whether it is a word or two in which nothing can be hidden: it is the only segment of its text."""
        text = self.view.text
        return len(text) < MIN_RUN and self.aligned and "%" not in text and "\\" not in text and '"' not in text

    def original(self, start: int, end: int) -> Iterator[tuple[int, int]]:
        """Yield where a stretch of it stands in the text that it is from; in JSON, what of it lies in strings."""
        if self.document is None:
            yield self.view.original(start, end)
        else:
            document = self.document.view
            for first, last in self.document.clipped(*self.view.original(start, end, until=document)):
                yield document.original(first, last)


class Cutter:
    """Cuts texts into segments."""

    def __init__(self, clean: Container[tuple[str, str | bytes]], *, strings: bool) -> None:
        """Decide how.

        Args:
            clean: short texts with their keys in which nothing is found: the strings of JSON that are, are left out.
            strings: whether JSON that could be scanned as a whole is cut into its strings too, so that each can be
                known again: a conversation is sent with every turn, as one text and more of it each time.
        """
        self._clean = clean
        self._strings = strings

    def segments(self, owner: int, key: str, text: str) -> Iterator[Segment | View]:
        """Yield the segments of a text; a bare view is one that is nested too deep to be looked into."""
        return self._segments(owner, key, View(text), 0)

    def _segments(self, owner: int, key: str, view: View, depth: int) -> Iterator[Segment | View]:
        text = view.text
        if not text.lstrip(" \t\r\n").startswith(_OPENING) or not is_json(text):
            yield from _disguises(Segment(owner, view, key))
        elif not self._strings and "\\" not in text and text.isascii():  # every string stands there as it is read
            yield from _disguises(Segment(owner, view, key, Document(view)))
        else:
            for literal in literals(text):
                part = text[literal.start : literal.end]
                named = "" if literal.is_key else literal.key or key
                if (named, part) in self._clean:
                    continue
                if "\\" in part:
                    leaf = View.rewritten(part, ESCAPE, decode_escape, base=literal.start, parent=view)
                else:
                    leaf = View(part, base=literal.start, parent=view)
                if depth == MAX_DEPTH and leaf.text.startswith(_OPENING) and is_json(leaf.text):
                    yield leaf
                else:
                    yield from self._segments(owner, named, leaf, depth + 1)


def _disguises(segment: Segment) -> Iterator[Segment]:
    yield segment
    plain = undisguised(segment.view)
    bare = Segment(segment.owner, plain, segment.key, segment.document) if plain else None
    if bare:
        yield bare
    for each in (segment, bare) if bare else (segment,):
        for view in base64_runs(each.view, each.data):
            yield Segment(segment.owner, view, "", segment.document)
