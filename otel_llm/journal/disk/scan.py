"""Reads a segment record by record, past what is damaged."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

from otel_llm.journal import Entry
from otel_llm.journal.disk.format import MARKER_BYTES, PREFIX_BYTES, decode_body, decode_prefix

if TYPE_CHECKING:
    from collections.abc import Iterator

    from otel_llm.journal.filesystem import FileSystem

__all__ = ["Damage", "Found", "Window", "record_at", "scan"]

_AHEAD: Final = 256 * 1024
_BLOCK: Final = 4096


class Found(NamedTuple):
    """A record that is as it was written."""

    entry: Entry
    time_ms: int
    offset: int
    end: int


class Damage(NamedTuple):
    """Bytes that are no record. As a rule they were one: the next is found wherever it begins."""

    offset: int
    end: int
    unfinished: bool
    """They look as a write does that never ended: cut off, or never filled in."""


class Window:
    """The part of a file that is looked at, in memory. What the device will not read is zeros."""

    def __init__(self, filesystem: FileSystem, fd: int, end: int) -> None:
        """Look at *fd* up to *end*, whatever comes after it."""
        self._filesystem = filesystem
        self._fd = fd
        self._at = 0
        self._data = b""
        self.end = end

    def get(self, offset: int, size: int) -> bytes:
        """Return *size* bytes, less at the end."""
        size = min(size, self.end - offset)
        if not self._at <= offset <= offset + size <= self._at + len(self._data):
            self._at, self._data = offset, self._read(offset, min(max(size, _AHEAD), self.end - offset))
        return self._data[offset - self._at : offset - self._at + size]

    def find(self, marker: bytes, offset: int) -> int:
        """Return where *marker* comes next, the end if it does not."""
        while offset < self.end:
            data = self.get(offset, _AHEAD)
            found = data.find(marker)
            if found >= 0:
                return offset + found
            if offset + len(data) >= self.end:
                break
            offset += len(data) - MARKER_BYTES + 1  # it may stand across the edge
        return self.end

    def _read(self, offset: int, size: int) -> bytes:
        try:
            return self._filesystem.pread(self._fd, size, offset).ljust(size, b"\0")
        except OSError:
            return b"".join(
                self._block(at, min(_BLOCK, offset + size - at)) for at in range(offset, offset + size, _BLOCK)
            )

    def _block(self, offset: int, size: int) -> bytes:
        try:
            return self._filesystem.pread(self._fd, size, offset).ljust(size, b"\0")
        except OSError:
            return bytes(size)


def scan(window: Window, marker: bytes, offset: int) -> Iterator[Found | Damage]:
    """Yield what stands between *offset*, where a record begins, and the window's end."""
    damaged_from: int | None = None
    while offset < window.end:
        found = record_at(window, marker, offset)
        if found is None:
            damaged_from = offset if damaged_from is None else damaged_from
            offset = window.find(marker, offset + 1)
            continue
        if damaged_from is not None:
            yield Damage(damaged_from, offset, unfinished=False)
            damaged_from = None
        yield found
        offset = found.end
    if damaged_from is not None:
        yield Damage(damaged_from, window.end, unfinished=_unfinished(window, marker, damaged_from))


def record_at(window: Window, marker: bytes, offset: int) -> Found | None:
    """Return the record at *offset*, None if there is none that is whole."""
    data = window.get(offset, PREFIX_BYTES)
    if len(data) < PREFIX_BYTES or not data.startswith(marker):
        return None
    prefix = decode_prefix(data)
    end = offset + PREFIX_BYTES + prefix.length
    if end > window.end:
        return None
    decoded = decode_body(prefix, window.get(offset + PREFIX_BYTES, prefix.length))
    return None if decoded is None else Found(*decoded, offset, end)


def _unfinished(window: Window, marker: bytes, offset: int) -> bool:
    data = window.get(offset, PREFIX_BYTES)
    if len(data) < PREFIX_BYTES:
        return True
    if data.startswith(marker):
        return offset + PREFIX_BYTES + decode_prefix(data).length > window.end
    return not any(any(window.get(at, _AHEAD)) for at in range(offset, window.end, _AHEAD))
