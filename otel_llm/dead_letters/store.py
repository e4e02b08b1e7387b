"""Dead letters on disk: `<directory>/<destination>/<time>-<number>.otlp`, one file for each batch.

A file's first line is a JSON object for people: destination, signal, items, reason, time. What follows is the batch, an
OTLP export request in protobuf.
"""

from __future__ import annotations

import asyncio
import logging
import os
import re
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from hashlib import sha256
from itertools import count
from typing import TYPE_CHECKING, Final, Self
from urllib.parse import quote

import orjson

from otel_llm.batch import Batch
from otel_llm.signals import Signal

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

__all__ = ["DeadLetter", "DeadLetters", "find"]

_OWNER_ONLY: Final = 0o600
_DIRECTORY: Final = 0o700
_LONGEST: Final = 200
"""File systems take names of 255 bytes."""
_SUFFIX: Final = ".otlp"
_NUMBER: Final = re.compile(r"-(\d+)\.otlp$")
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """One refused batch. None of its fields says what is in it."""

    destination: str
    """The exporter's name in the config."""
    signal: Signal
    items: int
    reason: str
    """Why it was refused, such as `http_400`."""
    time: str
    """When, in UTC (RFC 3339)."""
    path: Path

    @classmethod
    def read(cls, path: Path) -> Self:
        """Read the first line of a file.

        Raises:
            ValueError: it is no dead letter.
        """
        with path.open("rb") as file:
            head = orjson.loads(file.readline())
        return cls(
            destination=str(head["destination"]),
            signal=Signal(head["signal"]),
            items=int(head["items"]),
            reason=str(head["reason"]),
            time=str(head["time"]),
            path=path,
        )

    def batch(self) -> Batch:
        """Read the batch."""
        with self.path.open("rb") as file:
            file.readline()
            return Batch(file.read(), self.signal, item_count=self.items)

    def drop(self) -> None:
        """Delete it."""
        self.path.unlink(missing_ok=True)


class DeadLetters:
    """Where one destination's dead letters go. At most so many bytes: past that, what comes is not kept."""

    def __init__(
        self, directory: Path, destination: str, max_bytes: int, now: Callable[[], datetime] = lambda: datetime.now(UTC)
    ) -> None:
        """Take the directory of all dead letters; this destination's is made below it when there is one."""
        self._directory = directory / _folder(destination)
        self._destination = destination
        self._max_bytes = max_bytes
        self._now = now
        self._numbers = count(1)

    async def put(self, batch: Batch, reason: str) -> bool:
        """Keep a batch; tell whether that was possible. Never raises: the loss of one must not stop a destination."""
        try:
            return await asyncio.to_thread(self._write, batch, reason)
        except OSError as error:
            why = os.strerror(error.errno or 0)
            _log.error("exporter %s: a dead letter cannot be written: %s", self._destination, why)
            return False

    def _write(self, batch: Batch, reason: str) -> bool:
        self._directory.mkdir(_DIRECTORY, parents=True, exist_ok=True)
        payload = batch.to_bytes()
        if _size_of(self._directory) + len(payload) > self._max_bytes:
            _log.error("exporter %s: there is no more room for dead letters", self._destination)
            return False
        now = self._now()
        path = self._directory / f"{now:%Y%m%dT%H%M%S.%fZ}-{next(self._numbers)}{_SUFFIX}"
        letter = DeadLetter(
            self._destination, batch.signal, batch.item_count, reason, now.isoformat(timespec="milliseconds"), path
        )
        head = {key: value for key, value in asdict(letter).items() if key != "path"}
        temporary = path.with_suffix(".tmp")
        descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, _OWNER_ONLY)
        with os.fdopen(descriptor, "wb") as file:
            file.write(orjson.dumps(head) + b"\n" + payload)
            file.flush()
            os.fsync(file.fileno())
        temporary.rename(path)  # a letter is there whole or not at all
        return True


def find(directory: Path, destination: str | None = None) -> Iterator[DeadLetter]:
    """Yield the dead letters in *directory*, of one destination or of all, oldest first; pass over what is none."""
    paths = sorted(directory.glob(f"*/*{_SUFFIX}"), key=lambda path: (path.name.partition("-")[0], _number(path)))
    for path in paths:
        try:
            letter = DeadLetter.read(path)
        except (OSError, ValueError, KeyError, TypeError):
            _log.warning("%s is not a dead letter", path)
            continue
        if destination is None or letter.destination == destination:
            yield letter


def _folder(destination: str) -> str:
    """Return a name that is one folder's on any file system, whatever the destination is called."""
    quoted = quote(destination, safe="")
    return quoted if len(quoted) <= _LONGEST else sha256(destination.encode()).hexdigest()


def _number(path: Path) -> int:
    match = _NUMBER.search(path.name)
    return int(match[1]) if match else 0


def _size_of(directory: Path) -> int:
    return sum(entry.stat().st_size for entry in os.scandir(directory))
