"""The system calls that the journal on disk makes, and nothing else: what a test replaces to take the power away."""

from __future__ import annotations

import fcntl
import os
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["FileSystem", "Space"]


class Space(NamedTuple):
    """Room in a file system, in bytes."""

    total: int
    free: int
    """For users who are not root."""


class FileSystem:
    """The real one. Methods are called as the system calls are, and raise `OSError` as those do."""

    def mkdir(self, path: Path) -> None:
        """Make a directory for its owner alone."""
        path.mkdir(mode=0o700)

    def mode(self, path: Path) -> int:
        """Return type and permissions, without following a symbolic link."""
        return path.lstat().st_mode

    def listdir(self, path: Path) -> list[str]:
        """Return the names in a directory."""
        return [entry.name for entry in path.iterdir()]

    def open(self, path: Path, flags: int) -> int:
        """Return a descriptor. What it creates is for its owner alone; a symbolic link is refused."""
        return os.open(path, flags | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)

    def close(self, fd: int) -> None:
        """Give a descriptor back, and its lock with it."""
        os.close(fd)

    def lock(self, fd: int) -> None:
        """Take the file's lock, or raise `BlockingIOError`. It is free again when the process is gone."""
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)

    def size(self, fd: int) -> int:
        """Return a file's length."""
        return os.fstat(fd).st_size

    def pread(self, fd: int, size: int, offset: int) -> bytes:
        """Read at most *size* bytes."""
        return os.pread(fd, size, offset)

    def pwrite(self, fd: int, data: memoryview, offset: int) -> int:
        """Write, and return how much of it was."""
        return os.pwrite(fd, data, offset)

    def truncate(self, fd: int, size: int) -> None:
        """Cut a file off."""
        os.ftruncate(fd, size)

    def fdatasync(self, fd: int) -> None:
        """Return when the content is on the device, and as much of the rest as it takes to find it."""
        os.fdatasync(fd)

    def fsync(self, fd: int) -> None:
        """Return when a file, or the names in a directory, are on the device."""
        os.fsync(fd)

    def rename(self, path: Path, to: Path) -> None:
        """Give a file another name, replacing what has that name."""
        path.rename(to)

    def unlink(self, path: Path) -> None:
        """Remove a name."""
        path.unlink()

    def space(self, path: Path) -> Space:
        """Return how much room there is where *path* is."""
        found = os.statvfs(path)
        return Space(found.f_blocks * found.f_frsize, found.f_bavail * found.f_frsize)
