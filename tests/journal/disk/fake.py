"""A file system in memory that can lose its power, and in which everything else can fail too."""

from __future__ import annotations

import errno
import os
import stat
import threading
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from otel_llm.journal.filesystem import FileSystem, Space

if TYPE_CHECKING:
    from random import Random

NO_LIMIT = 1 << 40


@dataclass(eq=False)
class Inode:
    """A file's content: as it is read, as it is on the device, and what has been written since."""

    data: bytearray = field(default_factory=bytearray)
    durable: bytes = b""
    unsynced: list[tuple[int, bytes | None]] = field(default_factory=list)
    """Offset and bytes; no bytes: cut off there."""

    def apply(self, offset: int, data: bytes | None) -> None:
        """Change the content as it is read."""
        if data is None:
            del self.data[offset:]
        else:
            self.data.extend(bytes(max(0, offset - len(self.data))))
            self.data[offset : offset + len(data)] = data


class FakeFileSystem(FileSystem):
    """Keeps what a real one keeps, and no more, when `cut_power` is called. Names are links to inodes, by path."""

    def __init__(self) -> None:
        self.names: dict[Path, Inode] = {}
        self.synced_names: dict[Path, Inode] = {}
        self.unsynced_names: list[tuple[Path, Inode | None]] = []
        """In order: what a name was made to mean; nothing, if it was removed."""
        self.directories: set[Path] = {Path("/")}
        self.open_files: dict[int, Path | Inode] = {}
        self.locked: set[Inode] = set()
        self.capacity = NO_LIMIT
        self.longest_write = NO_LIMIT
        self.operations_left = NO_LIMIT
        """Changes until the device is gone."""
        self.failing: dict[str, int] = {}
        """By method, the error with which it fails."""
        self._next_fd = 3
        self._mutex = threading.RLock()

    # What tests do

    def cut_power(self, random: Random) -> None:
        """Forget what has not been synced, or some of it, or half of it, as it comes; be there again afterwards."""
        with self._mutex:
            inodes = {id(inode): inode for inode in (*self.names.values(), *self.synced_names.values())}
            inodes |= {id(inode): inode for _, inode in self.unsynced_names if inode is not None}
            for inode in inodes.values():
                unsynced, inode.unsynced, inode.data = inode.unsynced, [], bytearray(inode.durable)
                for offset, data in unsynced:
                    fate = random.choice(("kept", "lost", "torn", "zeros"))
                    if fate == "torn" and data is not None:
                        data = data[: random.randrange(len(data) + 1)]  # noqa: PLW2901 - what is left of it
                    elif fate == "zeros" and data is not None:
                        data = bytes(len(data))  # noqa: PLW2901 - as above
                    if fate != "lost":
                        inode.apply(offset, data)
                inode.durable = bytes(inode.data)
            for path, renamed in self.unsynced_names:
                if random.random() < 0.5:
                    self._link(self.synced_names, path, renamed)
            self.names, self.unsynced_names = dict(self.synced_names), []
            self.end_process()

    def end_process(self) -> None:
        """Close what a process has open; what it has written stays."""
        with self._mutex:
            self.open_files.clear()
            self.locked.clear()
            self.operations_left = NO_LIMIT
            self.failing.clear()

    def content(self, suffix: str) -> dict[str, bytes]:
        """Return the files whose names end so."""
        return {path.name: bytes(inode.data) for path, inode in self.names.items() if path.name.endswith(suffix)}

    # What the journal does

    def mkdir(self, path: Path) -> None:
        self._change("mkdir")
        if path in self.directories:
            raise _error(errno.EEXIST)
        if path.parent not in self.directories:
            raise _error(errno.ENOENT)
        self.directories.add(path)

    def mode(self, path: Path) -> int:
        return stat.S_IFDIR | 0o700 if path in self.directories else stat.S_IFREG | 0o600

    def listdir(self, path: Path) -> list[str]:
        self._check("listdir")
        return [each.name for each in self.names if each.parent == path]

    def open(self, path: Path, flags: int) -> int:
        with self._mutex:
            target: Path | Inode
            if flags & os.O_DIRECTORY:
                target = path
            elif path not in self.names:
                if not flags & os.O_CREAT:
                    raise _error(errno.ENOENT)
                self._change("create")
                target = Inode()
                self._name(path, target)
            elif flags & os.O_EXCL:
                raise _error(errno.EEXIST)
            else:
                self._check("open")
                target = self.names[path]
                if flags & os.O_TRUNC:
                    self._write(target, 0, None)
            self._next_fd += 1
            self.open_files[self._next_fd] = target
            return self._next_fd

    def close(self, fd: int) -> None:
        inode = self.open_files.pop(fd, None)
        if isinstance(inode, Inode):
            self.locked.discard(inode)

    def lock(self, fd: int) -> None:
        inode = self._file(fd)
        if inode in self.locked:
            raise BlockingIOError(errno.EAGAIN, "locked")
        self.locked.add(inode)

    def size(self, fd: int) -> int:
        return len(self._file(fd).data)

    def pread(self, fd: int, size: int, offset: int) -> bytes:
        self._check("pread")
        return bytes(self._file(fd).data[offset : offset + size])

    def pwrite(self, fd: int, data: memoryview, offset: int) -> int:
        with self._mutex:
            self._change("pwrite")
            inode = self._file(fd)
            room = self.capacity - self._used() + max(0, len(inode.data) - offset)
            written = bytes(data[: max(0, min(self.longest_write, room))])
            if not written:
                raise _error(errno.ENOSPC)
            self._write(inode, offset, written)
            return len(written)

    def truncate(self, fd: int, size: int) -> None:
        self._change("truncate")
        self._write(self._file(fd), size, None)

    def fdatasync(self, fd: int) -> None:
        with self._mutex:
            inode = self._file(fd)
            try:
                self._change("fdatasync")
            except OSError:
                inode.unsynced.clear()  # as Linux does: the pages count as clean, and what they held is on no device
                raise
            for offset, data in inode.unsynced:
                durable = Inode(bytearray(inode.durable))
                durable.apply(offset, data)
                inode.durable = bytes(durable.data)
            inode.unsynced.clear()

    def fsync(self, fd: int) -> None:
        with self._mutex:
            if isinstance(self.open_files[fd], Inode):
                self.fdatasync(fd)
                return
            self._change("fsync")
            for path, inode in self.unsynced_names:
                self._link(self.synced_names, path, inode)
            self.unsynced_names.clear()

    def rename(self, path: Path, to: Path) -> None:
        with self._mutex:
            self._change("rename")
            self._name(to, self.names[path])
            self._name(path, None)

    def unlink(self, path: Path) -> None:
        with self._mutex:
            self._change("unlink")
            if path not in self.names:
                raise _error(errno.ENOENT)
            self._name(path, None)

    def space(self, path: Path) -> Space:  # noqa: ARG002 - there is but one file system
        self._check("space")
        return Space(self.capacity, max(0, self.capacity - self._used()))

    def _used(self) -> int:
        return sum(len(inode.data) for inode in self.names.values())

    def _file(self, fd: int) -> Inode:
        inode = self.open_files.get(fd)
        if not isinstance(inode, Inode):
            raise _error(errno.EBADF)
        return inode

    def _name(self, path: Path, inode: Inode | None) -> None:
        self._link(self.names, path, inode)
        self.unsynced_names.append((path, inode))

    @staticmethod
    def _link(names: dict[Path, Inode], path: Path, inode: Inode | None) -> None:
        if inode is None:
            names.pop(path, None)
        else:
            names[path] = inode

    def _write(self, inode: Inode, offset: int, data: bytes | None) -> None:
        inode.apply(offset, data)
        inode.unsynced.append((offset, data))

    def _change(self, method: str) -> None:
        with self._mutex:
            self._check(method)
            self.operations_left -= 1

    def _check(self, method: str) -> None:
        if self.operations_left <= 0:
            raise _error(errno.EIO)
        if method in self.failing:
            raise _error(self.failing[method])


def _error(number: int) -> OSError:
    return OSError(number, os.strerror(number))
