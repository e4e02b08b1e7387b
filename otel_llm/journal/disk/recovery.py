"""Finds out, at the start, what a directory holds and how far each destination has come."""

from __future__ import annotations

import logging
import re
from contextlib import suppress
from typing import TYPE_CHECKING, Final, NamedTuple

from otel_llm.errors import StartError
from otel_llm.journal import Position
from otel_llm.journal.disk.business import Business, Range
from otel_llm.journal.disk.cursor_file import SUFFIX, CursorState, decode_state, encode_state, file_name
from otel_llm.journal.disk.directory import CORRUPT, LOCK, WHAT, Directory
from otel_llm.journal.disk.format import HEADER_BYTES, MARKER_BYTES, VERSION, decode_header
from otel_llm.journal.disk.scan import Found, Window, record_at, scan
from otel_llm.journal.disk.segment import Segment, Segments

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from otel_llm.journal.disk.cursor import DiskCursor

__all__ = ["Recovery"]

_SEGMENT: Final = re.compile(r"(\d{20})\.segment")
_POSITION: Final = re.compile(r"(\d{20})\.segment(?:\.corrupt)?")
_POSITIONS: Final = 1 << 32
"""Each start goes on at the next multiple of this."""
_log = logging.getLogger(__name__)


class _File(NamedTuple):
    """A segment's file whose beginning has been read."""

    base: Position
    marker: bytes
    size: int


class Recovery:
    """Reads a claimed directory, once.

    It deletes and overwrites nothing that somebody may still need, and what it changes can be done again: killed at any
    point and started again, it finds the same.
    """

    def __init__(self, directory: Directory, readers: Mapping[DiskCursor, frozenset[str]], segments: Segments) -> None:
        """Take what it is made of.

        Args:
            directory: claimed.
            readers: the cursors of the config, and which pipelines they read. They learn what waits for them.
            segments: empty; filled here.
        """
        self._directory = directory
        self._readers = readers
        self._cursors = {file_name(cursor.destination): cursor for cursor in readers}
        self._segments = segments
        self._last: Position = 0
        self.corrupt = 0
        """Damaged places found, and files that could not be read."""
        self.next_position: Position = 0
        """Where the journal goes on."""

    def run(self) -> None:
        """Do it all.

        Raises:
            StartError: a newer version of the program has written here.
            OSError: the device failed, or there is no room for a new destination's cursor.
        """
        names = self._directory.names()
        self._warn_of_strangers(names)
        self._last = max((int(match[1]) for name in names if (match := _POSITION.fullmatch(name))), default=0)
        files = self._read_headers([match for name in names if (match := _SEGMENT.fullmatch(name))])
        stored: dict[str, CursorState | None] = {
            name: self._read_state(name) for name in names if name.endswith(SUFFIX)
        }
        if files and not stored:
            _log.warning("%s %s holds no cursors: every destination gets all that is there", WHAT, self._directory.path)
            stored.update(dict.fromkeys(self._cursors))
        known = {name: stored[name] or self._lost(cursor) for name, cursor in self._cursors.items() if name in stored}
        for name, resumed in known.items():
            self._cursors[name].resume(resumed)
        self._last = max([self._last, *(state.read for state in stored.values() if state)])
        self._read_records(files, oldest=min((state.oldest for state in known.values()), default=self._last))
        self.next_position = (self._last // _POSITIONS + 1) * _POSITIONS
        for name, cursor in self._cursors.items():
            pipelines = self._readers[cursor]
            cursor.subscribe(pipelines, self.next_position)
            state = stored.get(name)
            if state is None or pipelines - Business(state.business).pipelines:
                # Before anything is appended: a destination without a file counts as new, and begins behind it.
                self._directory.replace(name, encode_state(cursor.state()))
        self._directory.sync()
        for name in stored.keys() - self._cursors.keys():
            _log.warning("%s: its exporter is not in the config any more, what waited for it is dropped", name)
            self._directory.unlink(name)

    def _warn_of_strangers(self, names: Sequence[str]) -> None:
        strangers = [
            name
            for name in names
            if name != LOCK and not name.endswith((SUFFIX, CORRUPT)) and not _SEGMENT.fullmatch(name)
        ]
        if strangers:
            _log.warning("%s %s holds files that are not its own: %d", WHAT, self._directory.path, len(strangers))

    def _read_state(self, name: str) -> CursorState | None:
        """Return what a destination's file says, None if it is damaged."""
        state = None
        with suppress(OSError):
            state = decode_state(self._directory.read(name))
        if state is None:
            _log.error("%s cannot be read: its destination gets all that is there", name)
            self.corrupt += 1
        return state

    def _read_headers(self, matches: Sequence[re.Match[str]]) -> list[_File]:
        """Return the files that are readable as segments, oldest first."""
        files = []
        for match in matches:
            try:
                file = self._read_header(match[0], int(match[1]))
            except OSError:
                file = None
            if file is not None:
                files.append(file)
            elif match is matches[-1] and self._is_unfinished(match[0]):
                self._directory.unlink(match[0])  # made, and then the power went
            else:
                self._put_aside(match[0])
        return files

    def _read_header(self, name: str, base: Position) -> _File | None:
        """Return what a segment's file says of itself; None if it is not readable as one."""
        filesystem = self._directory.filesystem
        with self._directory.reading(name) as fd:
            size = filesystem.size(fd)
            data = filesystem.pread(fd, HEADER_BYTES + MARKER_BYTES, 0)
            header = decode_header(data)
            if header is None:
                # The header alone may be damaged. Its marker also stands at the beginning of the first record, and is
                # the right one if that record is whole.
                marker = data[HEADER_BYTES:]
                if len(marker) < MARKER_BYTES or record_at(Window(filesystem, fd, size), marker, HEADER_BYTES) is None:
                    return None
                self.corrupt += 1
                return _File(base, marker, size)
        if header.version > VERSION:
            raise StartError(
                f"{WHAT} {self._directory.path} is of format {header.version}, of a newer version:"
                f" this one reads format {VERSION}"
            )
        return _File(base, header.marker, size) if header.base == base else None

    def _is_unfinished(self, name: str) -> bool:
        with suppress(OSError), self._directory.reading(name) as fd:
            return self._directory.filesystem.size(fd) < HEADER_BYTES
        return False

    def _read_records(self, files: Sequence[_File], oldest: Position) -> None:
        """Let the cursors see every record from *oldest* on."""
        for file, following in zip(files, [*files[1:], None], strict=False):
            segment = Segment(file.base, file.marker, end=file.size, size=file.size)
            self._segments.add(segment)
            if following is None or following.base > oldest:
                self._read_segment(segment, newest=following is None)

    def _read_segment(self, segment: Segment, *, newest: bool) -> None:
        damaged = 0
        with self._directory.reading(segment.name) as fd:
            for each in scan(Window(self._directory.filesystem, fd, segment.end), segment.marker, HEADER_BYTES):
                if isinstance(each, Found):
                    segment.newest_ms = max(segment.newest_ms, each.time_ms)
                    self._last = max(self._last, each.entry.position)
                    for cursor in self._cursors.values():
                        cursor.recover(segment, each)
                elif newest and each.unfinished:
                    _log.info("%s: cut off %d bytes of a write that did not end", segment.name, each.end - each.offset)
                    self._directory.cut(segment.name, each.offset)
                    segment.end = each.offset
                    self._segments.resize(segment, each.offset)
                else:
                    damaged += 1
        if damaged:
            self.corrupt += damaged
            _log.error("%s is damaged in %d places: what stood there is lost", segment.name, damaged)

    def _put_aside(self, name: str) -> None:
        _log.error("%s cannot be read: put aside as %s%s", name, name, CORRUPT)
        self._directory.put_aside(name)
        self.corrupt += 1

    def _lost(self, cursor: DiskCursor) -> CursorState:
        """Return the state of a destination whose file is lost: it may have had everything, or nothing."""
        everything: Range = (0, None)
        return CursorState(cursor.destination, 0, (), dict.fromkeys(self._readers[cursor], (everything,)))
