"""How far a destination has come, as a file."""

from __future__ import annotations

from dataclasses import dataclass
from hashlib import sha256
from typing import TYPE_CHECKING, Final
from urllib.parse import quote

import orjson
from google_crc32c import value

from otel_llm.errors import StartError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from otel_llm.journal import Position
    from otel_llm.journal.disk.business import Range

__all__ = ["SUFFIX", "CursorState", "decode_state", "encode_state", "file_name"]

SUFFIX: Final = ".cursor"
_MAGIC: Final = b"otel-llm-cursor"
_VERSION: Final = 1
_LONGEST_NAME: Final = 200


@dataclass(frozen=True, slots=True)
class CursorState:
    """What is done, and what is not."""

    destination: str
    read: Position
    """Everything up to here has been read, and is done ..."""
    open: Sequence[Position]
    """... but for these, which are not acknowledged."""
    business: Mapping[str, Sequence[Range]]
    """By pipeline, the positions that are the destination's business at all."""

    @property
    def oldest(self) -> Position:
        """The first position that may still be to be delivered."""
        return min((*self.open, self.read + 1))


def file_name(destination: str) -> str:
    """Return a name that stays in the directory whatever the destination is called."""
    name = quote(destination, safe="")
    if len(name) > _LONGEST_NAME:
        name = f"{name[:_LONGEST_NAME]}-{sha256(destination.encode()).hexdigest()[:16]}"
    return name + SUFFIX


def encode_state(state: CursorState) -> bytes:
    """Return the file's content."""
    body = orjson.dumps(state)
    start = b"%s %d" % (_MAGIC, _VERSION)
    return b"%s %08x\n%s\n" % (start, value(start + body), body)


def decode_state(data: bytes) -> CursorState | None:
    """Read the file's content; None if it is damaged, or not a cursor's.

    Raises:
        StartError: a newer version of this program has written it.
    """
    line, _, rest = data.partition(b"\n")
    start, _, crc = line.rpartition(b" ")
    magic, _, version = start.rpartition(b" ")
    body = rest.removesuffix(b"\n")
    if magic != _MAGIC or crc != b"%08x" % value(start + body):
        return None
    if int(version) > _VERSION:
        raise StartError(f"a cursor is of format {int(version)}, of a newer version: this one reads format {_VERSION}")
    return CursorState(**orjson.loads(body))
