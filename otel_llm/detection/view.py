"""A text as it reads once something in it is decoded, with the way back to where every character came from."""

from __future__ import annotations

from bisect import bisect_right
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import re
    from collections.abc import Callable

__all__ = ["Opaque", "View"]


class View:
    """A decoded text, and the offsets of its source.

    Pieces that were rewritten are kept as where they stand in the view and in the source; all between is verbatim.
    """

    __slots__ = ("_ends", "_source_ends", "_source_starts", "_starts", "base", "parent", "text")

    def __init__(self, text: str, *, base: int = 0, parent: View | None = None) -> None:
        """Take a text that stands verbatim in its source at *base*; the source may itself be a view, *parent*."""
        self.text = text
        self.base = base
        self.parent = parent
        self._starts: list[int] = []
        self._ends: list[int] = []
        self._source_starts: list[int] = []
        self._source_ends: list[int] = []

    @classmethod
    def rewritten(
        cls,
        source: str,
        tokens: re.Pattern[str],
        decode: Callable[[re.Match[str]], str | None],
        *,
        base: int = 0,
        parent: View | None = None,
    ) -> View:
        """Return *source* with each token decoded, where *decode* knows how."""
        view = cls("", base=base, parent=parent)
        parts: list[str] = []
        size = position = 0
        for match in tokens.finditer(source):
            decoded = decode(match)
            if decoded is None:
                continue
            start, end = match.span()
            parts += source[position:start], decoded
            size += start - position
            view._starts.append(size)
            size += len(decoded)
            view._ends.append(size)
            view._source_starts.append(start)
            view._source_ends.append(end)
            position = end
        view.text = "".join((*parts, source[position:]))
        return view

    @property
    def changed(self) -> bool:
        """Whether anything was rewritten."""
        return bool(self._starts)

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
        return self.base + self._offset(start, is_end=False), self.base + self._offset(end, is_end=True)

    def _offset(self, offset: int, *, is_end: bool) -> int:
        """Return the source's offset of *offset*; within a piece, that of the piece's own start or end."""
        # An end belongs to the piece before it, a start to the piece that begins there.
        piece = bisect_right(self._starts, offset - 1 if is_end else offset) - 1
        if piece < 0:
            return offset
        beyond = offset - self._ends[piece]
        if beyond < 0 or (is_end and beyond == 0):
            return self._source_ends[piece] if is_end else self._source_starts[piece]
        return self._source_ends[piece] + beyond


class Opaque(View):
    """What a run of base64 decodes to: all of it stands for all of the run."""

    __slots__ = ("_source_end",)

    def __init__(self, text: str, start: int, end: int, parent: View | None) -> None:
        super().__init__(text, base=start, parent=parent)
        self._source_end = end

    def source(self, start: int, end: int) -> tuple[int, int]:  # noqa: ARG002 - any part of it stands for all
        """Return where the run stands in its source."""
        return self.base, self._source_end
