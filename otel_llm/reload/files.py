"""Files that components read, such as prices and rules: read again when they change, while everything runs.

Nothing is read where telemetry flows. The host looks at the files now and then, in a thread of its own; a function of
the component's makes of their bytes what it needs, and that is put where the component finds it.
"""

from __future__ import annotations

import asyncio
import logging
import os
import threading
from typing import TYPE_CHECKING, Any, Final, Generic, Protocol, TypeVar
from weakref import WeakSet

from otel_llm.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from otel_llm.telemetry import Meter

__all__ = ["POLL_S", "Files", "Stamp", "Watch", "Watched", "stamp"]

POLL_S: Final = 2.0
"""How often files are looked at."""

T = TypeVar("T")
Stamp = tuple[int, int, int] | None
"""Inode, size and time of change: differs after a file was written to, or replaced by a rename or a link."""

_log = logging.getLogger(__name__)


class Watched(Generic[T]):
    """What a component has made of some files: the newest that could be used.

    `value` is replaced as a whole, at any time, for all threads at once. A method that needs it twice reads it once.
    """

    def __init__(self, read: Callable[..., T], /, *paths: Path) -> None:
        """Read the files for the first time; only those made by `Files.watch` are read again.

        Args:
            read: Takes the bytes of each file and returns the value. Raises `ConfigError` for what cannot be used.
            *paths: The files.

        Raises:
            ConfigError: a file cannot be read, or not be used.
        """
        self.read = read
        self.paths = paths
        self._seen = self._stamps = [stamp(path) for path in paths]
        self._contents = [_read(path) for path in paths]
        self.value = read(*self._contents)

    def __str__(self) -> str:
        return ", ".join(map(str, self.paths))

    def changed(self) -> bool:
        """Look at the files; tell whether they hold anything new.

        They are read when two looks have found the same: what is being written meanwhile is read when it is whole.

        Raises:
            ConfigError: a file cannot be read.
        """
        before, self._seen = self._seen, [stamp(path) for path in self.paths]
        if self._seen == self._stamps or self._seen != before:
            return False
        self._stamps = self._seen
        known, self._contents = self._contents, [_read(path) for path in self.paths]
        return self._contents != known

    def fresh(self) -> T:
        """Return what the component makes of what `changed` has read. Raises what the component's function does."""
        return self.read(*self._contents)


class Watch(Protocol):
    """How a component asks for files, see `Watched`."""

    def __call__(self, read: Callable[..., T], /, *paths: Path) -> Watched[T]:
        """Return what *read* makes of the bytes of *paths*, now and after each change."""
        ...


class Files:
    """All files that components have asked for. They may ask from any thread."""

    def __init__(self, meter: Meter) -> None:
        # Weakly, and with nothing else that refers to a component: one that is replaced takes its files along.
        self._watched: WeakSet[Watched[Any]] = WeakSet()
        self._lock = threading.Lock()
        self._reloads = meter.counter("file_reloads", "Changes of a file that are in use.", ["file"])
        self._failed = meter.counter("file_reload_failed", "Changes of a file that could not be used.", ["file"])

    def watch(self, read: Callable[..., T], /, *paths: Path) -> Watched[T]:
        """Return what *read* makes of the bytes of *paths*, now and after each change.

        Asked twice for the same it gives the same. So *read* is a plain function wherever that is possible: every
        thread's processors then share one value, and change over together.

        Raises:
            ConfigError: a file cannot be read, or not be used.
        """
        with self._lock:
            for watched in self._watched:
                if watched.paths == paths and watched.read == read:
                    return watched
            new = Watched(read, *paths)
            self._watched.add(new)
            return new

    async def run(self) -> None:
        """Look at the files now and then, until cancelled."""
        while True:
            await asyncio.sleep(POLL_S)
            await self.poll()

    async def poll(self) -> None:
        """Look at the files once, in a thread; put what is new in its place here, in the event loop."""
        for watched, value in await asyncio.to_thread(self._look):
            watched.value = value

    def _look(self) -> list[tuple[Watched[Any], Any]]:
        with self._lock:
            watched = list(self._watched)
        found = []
        for each in watched:
            try:
                if each.changed():
                    found.append((each, each.fresh()))
                    self._reloads.labels(str(each)).inc()
                    _log.info("%s: read again", each)
            except ConfigError as error:
                self._refuse(each, "; ".join(error.problems))
            except Exception as error:  # noqa: BLE001 - a component may raise anything; other files must go on
                self._refuse(each, f"reading it failed with {type(error).__name__}")
        return found

    def _refuse(self, watched: Watched[Any], problem: str) -> None:
        self._failed.labels(str(watched)).inc()
        _log.error("%s: what was read before stays in use: %s", watched, problem)


def stamp(path: Path) -> Stamp:
    """Return what tells one state of a file from another, None where there is no file."""
    try:
        found = path.stat()
    except (OSError, ValueError):  # ValueError: a NUL in the path
        return None
    return found.st_ino, found.st_size, found.st_mtime_ns


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise ConfigError(f"{path}: cannot be read: {os.strerror(error.errno or 0)}") from None
    except ValueError:  # as above
        raise ConfigError(f"{str(path)!r}: is not a path") from None
