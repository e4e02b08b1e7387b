"""A text as it reads once something in it is decoded, with the way back to where every character came from."""

from __future__ import annotations

from bisect import bisect_right
from typing import TYPE_CHECKING, Final, NamedTuple

from otel_llm.detection.json_text import ESCAPE, decode_escape, decode_string, flattened

if TYPE_CHECKING:
    import re
    from collections.abc import Callable, Iterable, Iterator, Sequence

__all__ = ["Opaque", "View"]


class _Pieces(NamedTuple):
    """Where pieces that were rewritten stand in a view, and in its source."""

    starts: list[int]
    ends: list[int]
    source_starts: list[int]
    source_ends: list[int]


_VERBATIM: Final = _Pieces([], [], [], [])


class View:
    """A decoded text, and the offsets of its source.

    Pieces that were rewritten are kept as where they stand in the view and in the source; all between is verbatim.
    """

    __slots__ = ("_escaped", "_pieces", "base", "parent", "text")

    def __init__(self, text: str, *, base: int = 0, parent: View | None = None) -> None:
        """Take a text that stands verbatim in its source at *base*; the source may itself be a view, *parent*."""
        self.text = text
        self.base = base
        self.parent = parent
        self._pieces = _VERBATIM
        self._escaped = ""

    @classmethod
    def unescaped(cls, literal: str, *, base: int, parent: View) -> View:
        """Return what a string of JSON says. Where each character came from is only found out once somebody asks."""
        view = cls(decode_string(literal), base=base, parent=parent)
        view._escaped = literal
        return view

    @classmethod
    def flattened(cls, document: str, *, parent: View) -> View:
        """Return a document as it reads with the escapes of all its strings decoded, and all between them."""
        view = cls(flattened(document), parent=parent)
        view._escaped = document
        return view

    @classmethod
    def without(
        cls, text: str, cuts: Sequence[tuple[int, int]], *, filler: str = "", parent: View | None = None
    ) -> View:
        """Return a text with *filler* in place of some stretches of it, which are in order."""
        view = cls("", parent=parent)
        view.text, view._pieces = _rewritten(text, ((start, end, filler) for start, end in cuts))
        return view

    @classmethod
    def rewritten(
        cls,
        source: str,
        tokens: Iterable[re.Match[str]],
        decode: Callable[[re.Match[str]], str | None],
        *,
        base: int = 0,
        parent: View | None = None,
    ) -> View:
        """Return *source* with each token decoded, where *decode* knows how."""
        view = cls("", base=base, parent=parent)
        view.text, view._pieces = _rewritten(source, _decoded(tokens, decode))
        return view

    @property
    def changed(self) -> bool:
        """Whether anything was rewritten."""
        return bool(self._pieces.starts)

    def original(self, start: int, end: int, until: View | None = None) -> tuple[int, int]:
        """Return where a part of the view stands in the text that all began with, or in the view *until*.

        A piece that was rewritten is never split.
        """
        view: View | None = self
        while view is not None and view is not until:
            start, end = view.source(start, end)
            view = view.parent
        return start, end

    def source(self, start: int, end: int) -> tuple[int, int]:
        """Return where a part of the view stands in its source."""
        if self._escaped:
            _, self._pieces = _rewritten(self._escaped, _decoded(ESCAPE.finditer(self._escaped), decode_escape))
            self._escaped = ""
        return self.base + self._offset(start, is_end=False), self.base + self._offset(end, is_end=True)

    def _offset(self, offset: int, *, is_end: bool) -> int:
        """Return the source's offset of *offset*; within a piece, that of the piece's own start or end."""
        # An end belongs to the piece before it, a start to the piece that begins there.
        starts, ends, source_starts, source_ends = self._pieces
        piece = bisect_right(starts, offset - 1 if is_end else offset) - 1
        if piece < 0:
            return offset
        beyond = offset - ends[piece]
        if beyond < 0 or (is_end and beyond == 0):
            return source_ends[piece] if is_end else source_starts[piece]
        return source_ends[piece] + beyond


def _decoded(
    tokens: Iterable[re.Match[str]], decode: Callable[[re.Match[str]], str | None]
) -> Iterator[tuple[int, int, str]]:
    """Yield where tokens stand, and what they say, where *decode* knows."""
    for match in tokens:
        decoded = decode(match)
        if decoded is not None:
            yield *match.span(), decoded


def _rewritten(source: str, replaced: Iterable[tuple[int, int, str]]) -> tuple[str, _Pieces]:
    """Return *source* with other texts in place of some stretches, in order, and where these are."""
    pieces = _Pieces([], [], [], [])
    parts: list[str] = []
    size = position = 0
    for start, end, text in replaced:
        parts += source[position:start], text
        size += start - position
        pieces.starts.append(size)
        size += len(text)
        pieces.ends.append(size)
        pieces.source_starts.append(start)
        pieces.source_ends.append(end)
        position = end
    return "".join((*parts, source[position:])), pieces


class Opaque(View):
    """What a run of base64 decodes to: all of it stands for all of the run."""

    __slots__ = ("_source_end",)

    def __init__(self, text: str, start: int, end: int, parent: View | None) -> None:
        super().__init__(text, base=start, parent=parent)
        self._source_end = end

    def source(self, start: int, end: int) -> tuple[int, int]:  # noqa: ARG002 - any part of it stands for all
        """Return where the run stands in its source."""
        return self.base, self._source_end
