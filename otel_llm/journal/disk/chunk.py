"""Reads records back for a destination that does not keep up."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from typing import TYPE_CHECKING, Final, NamedTuple

from otel_llm.journal.disk.scan import Found, Window, scan

if TYPE_CHECKING:
    from otel_llm.journal.disk.directory import Directory
    from otel_llm.journal.disk.segment import Segment

__all__ = ["Chunk", "read_chunk"]

_BYTES: Final = 1024 * 1024
"""A chunk is at least so long, unless the segment ends before."""


class Chunk(NamedTuple):
    """Some records of a segment."""

    found: Sequence[Found]
    end: int
    """Where the next begins."""


def read_chunk(directory: Directory, segment: Segment, offset: int, end: int) -> Chunk:
    """Return what stands in a segment between *offset* and at most *end*. Blocks. What cannot be read is not there."""
    found: list[Found] = []
    with suppress(OSError), directory.reading(segment.name) as fd:
        for each in scan(Window(directory.filesystem, fd, end), segment.marker, offset):
            if isinstance(each, Found):
                found.append(each)
                if each.end - offset >= _BYTES:
                    return Chunk(found, each.end)
    return Chunk(found, end)
