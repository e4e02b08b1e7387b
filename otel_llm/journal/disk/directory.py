"""The journal's directory: made, checked and locked; files in it by their names."""

from __future__ import annotations

import errno
import logging
import os
import stat
import time
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Final

from otel_llm.errors import StartError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from otel_llm.journal.filesystem import FileSystem, Space

__all__ = ["CORRUPT", "LOCK", "WHAT", "Directory", "DiskFull", "SyncFailed"]

LOCK: Final = "lock"
CORRUPT: Final = ".corrupt"
WHAT: Final = "the journal's directory"
_ASIDE: Final = ".tmp"
_BIT_BYTES: Final = 1024 * 1024
"""What is deleted at once of a large file."""
_NO_ROOM: Final = frozenset({errno.ENOSPC, errno.EDQUOT})
_NO_DESCRIPTOR: Final = frozenset({errno.EMFILE, errno.ENFILE})
_NEXT_TRY_S: Final = 0.05
_log = logging.getLogger(__name__)


class DiskFull(Exception):
    """There is no room for what was to be written."""


class SyncFailed(Exception):
    """What is on the device is not known any more.

    A sync that failed must not be tried again: Linux takes pages for written that are not, and the next one succeeds.
    """


class Directory:
    """One directory, by one process at a time. Everything blocks, and raises `OSError` but where it says otherwise.

    Whatever needs room raises `DiskFull` where there is none, and whatever syncs `SyncFailed`.
    """

    def __init__(self, filesystem: FileSystem, path: Path) -> None:
        """Name it; `claim` does the rest.

        Args:
            filesystem: what makes the system calls.
            path: absolute. The directory above is made too, and checked as this one is: who may write there can put
                another in its place.
        """
        self.filesystem = filesystem
        self.path = path
        self._fd = -1
        self._lock = -1

    def claim(self) -> None:
        """Make the directory if there is none, and lock it.

        Raises:
            StartError: it is not safe to use, cannot be used, or is in use.
        """
        try:
            for path in (self.path.parent, self.path):
                self._make(path)
                self._check(path)
            self._fd = self.filesystem.open(self.path, os.O_RDONLY | os.O_DIRECTORY)
            self._lock = self.filesystem.open(self._at(LOCK), os.O_RDWR | os.O_CREAT)
            self.filesystem.lock(self._lock)
        except BlockingIOError:
            raise StartError(f"{WHAT} {self.path} is in use by another process") from None
        except OSError as error:
            raise StartError(f"{WHAT} {self.path} cannot be used: {os.strerror(error.errno or 0)}") from None

    def release(self) -> None:
        """Unlock it. Safe to call twice, and without `claim`."""
        for fd in (self._lock, self._fd):
            if fd >= 0:
                self.filesystem.close(fd)
        self._lock = self._fd = -1

    def names(self) -> list[str]:
        """Return what is in it, without what a crash left aside."""
        names = self.filesystem.listdir(self.path)
        for name in names:
            if name.endswith(_ASIDE):
                self.filesystem.unlink(self._at(name))
        return sorted(name for name in names if not name.endswith(_ASIDE))

    def read(self, name: str) -> bytes:
        """Return a small file."""
        with self.reading(name) as fd:
            return self.filesystem.pread(fd, self.filesystem.size(fd), 0)

    @contextmanager
    def reading(self, name: str) -> Iterator[int]:
        """Open a file to read it."""
        fd = self._open(self._at(name), os.O_RDONLY)
        try:
            yield fd
        finally:
            self.filesystem.close(fd)

    def create(self, name: str) -> int:
        """Return a descriptor of a new file, whose name is not synced yet."""
        with _needing_room():
            return self._open(self._at(name), os.O_WRONLY | os.O_CREAT | os.O_EXCL)

    def replace(self, name: str, data: bytes) -> None:
        """Write a small file: what is found later is the old content or the new one. Its name is not synced yet."""
        aside = self._at(name + _ASIDE)
        with _needing_room():
            fd = self._open(aside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
        try:
            self.write(fd, data, 0)
            with _syncing():
                self.filesystem.fsync(fd)
        finally:
            self.filesystem.close(fd)
        with _needing_room():
            self.filesystem.rename(aside, self._at(name))

    def write(self, fd: int, data: bytes, offset: int) -> None:
        """Write all of *data*, in as many goes as it takes."""
        view = memoryview(data)
        with _needing_room():
            while view:
                written = self.filesystem.pwrite(fd, view, offset)
                view = view[written:]
                offset += written

    def sync_file(self, fd: int) -> None:
        """Return when what was written to a file is on the device."""
        with _syncing():
            self.filesystem.fdatasync(fd)

    def cut(self, name: str, size: int) -> None:
        """Cut a file off for good."""
        fd = self._open(self._at(name), os.O_WRONLY)
        try:
            self.filesystem.truncate(fd, size)
            with _syncing():
                self.filesystem.fsync(fd)
        finally:
            self.filesystem.close(fd)

    def unlink(self, name: str) -> None:
        """Delete a file, which may be gone already."""
        with suppress(FileNotFoundError):
            self.filesystem.unlink(self._at(name))

    def delete(self, name: str) -> None:
        """Delete a file that may be large, bit by bit: a sync meanwhile waits for one bit, not for the whole file.

        ext4 frees what belongs to one call in one transaction: up to 0.2 s for 64 MiB, in which nothing else is synced.
        """
        # Set aside first: a crash leaves something that is deleted, and not something that looks damaged.
        aside = name + _ASIDE
        with suppress(DiskFull):  # a name needs room too, but to unlink needs none
            with _needing_room():
                self.filesystem.rename(self._at(name), self._at(aside))
            name = aside
            self._shorten(aside)
        self.unlink(name)

    def put_aside(self, name: str) -> None:
        """Rename a file so that it is not read again, and not deleted either."""
        self.filesystem.rename(self._at(name), self._at(name + CORRUPT))

    def sync(self) -> None:
        """Return when the names of all files are on the device."""
        with _syncing():
            self.filesystem.fsync(self._fd)

    def space(self) -> Space:
        """Return how much room there is."""
        return self.filesystem.space(self.path)

    def _open(self, path: Path, flags: int) -> int:
        """Open a file; wait while connections have all descriptors: that says nothing of the device."""
        said = False
        while True:
            try:
                return self.filesystem.open(path, flags)
            except OSError as error:
                if error.errno not in _NO_DESCRIPTOR:
                    raise
            if not said:
                said = True
                _log.warning("the journal waits until this process has a file descriptor to spare")
            time.sleep(_NEXT_TRY_S)

    def _at(self, name: str) -> Path:
        return self.path / name

    def _shorten(self, name: str) -> None:
        """Leave a bit of a file."""
        fd = self._open(self._at(name), os.O_WRONLY)
        try:
            with _needing_room():
                for size in range(self.filesystem.size(fd) - _BIT_BYTES, 0, -_BIT_BYTES):
                    self.filesystem.truncate(fd, size)
        finally:
            self.filesystem.close(fd)

    def _make(self, path: Path) -> None:
        """Make a directory if there is none; return when that would survive a loss of power."""
        try:
            self.filesystem.mkdir(path)
        except FileExistsError:
            return
        fd = self.filesystem.open(path.parent, os.O_RDONLY | os.O_DIRECTORY)
        try:
            self.filesystem.fsync(fd)
        finally:
            self.filesystem.close(fd)

    def _check(self, path: Path) -> None:
        mode = self.filesystem.mode(path)
        if stat.S_ISLNK(mode):
            raise StartError(f"{WHAT} {path} is a symbolic link: name the directory itself")
        if not stat.S_ISDIR(mode):
            raise StartError(f"{WHAT} {path} is not a directory")
        if mode & stat.S_IWOTH:
            raise StartError(f"{WHAT} {path} can be written to by everybody: chmod o-w it")


@contextmanager
def _needing_room() -> Iterator[None]:
    try:
        yield
    except OSError as error:
        if error.errno in _NO_ROOM:
            raise DiskFull from None
        raise


@contextmanager
def _syncing() -> Iterator[None]:
    try:
        yield
    except OSError:
        raise SyncFailed from None
