"""Which records are a destination's business: those of its pipelines, from when and until when they were."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from otel_llm.journal import Position

__all__ = ["Business", "Range"]

Range = tuple["Position", "Position | None"]
"""The first position, and that after the last; None for no end."""


class Business:
    """Ranges of positions by pipeline. More than one where a pipeline was taken away and given back."""

    def __init__(self, ranges: Mapping[str, Sequence[Range]]) -> None:
        self._ranges = {pipeline: [(first, end) for first, end in each] for pipeline, each in ranges.items()}
        self.pipelines = frozenset(pipeline for pipeline, each in self._ranges.items() if each[-1][1] is None)
        """Those that are read now."""

    @property
    def ranges(self) -> Mapping[str, Sequence[Range]]:
        """What to store."""
        return {pipeline: tuple(each) for pipeline, each in self._ranges.items()}

    def covers(self, position: Position, pipeline: str) -> bool:
        """Return whether a record is, or was when it was appended."""
        return any(
            first <= position and (end is None or position < end) for first, end in self._ranges.get(pipeline, ())
        )

    def change(self, pipelines: frozenset[str], position: Position) -> None:
        """Read *pipelines*, and no others, from *position* on."""
        for pipeline in self.pipelines - pipelines:
            first, _ = self._ranges[pipeline].pop()
            self._ranges[pipeline].append((first, position))
        for pipeline in pipelines - self.pipelines:
            self._ranges.setdefault(pipeline, []).append((position, None))
        self.pipelines = pipelines

    def forget_before(self, position: Position) -> None:
        """Drop what ended before *position*."""
        self._ranges = {
            pipeline: left
            for pipeline, each in self._ranges.items()
            if (left := [(first, end) for first, end in each if end is None or end > position])
        }
