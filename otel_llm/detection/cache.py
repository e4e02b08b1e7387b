"""Findings by content: chat histories are sent again with every call, and need not be scanned again."""

from __future__ import annotations

import secrets
from collections import OrderedDict
from hashlib import blake2b
from typing import TYPE_CHECKING, Final, Generic, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["MIN_BYTES", "ContentCache", "Place"]

T = TypeVar("T")
Place = tuple[int, int, int]
"""A rule's place, and the first and last byte of what it found."""

MIN_BYTES: Final = 256
"""What is shorter is scanned sooner than looked up."""


class ContentCache(Generic[T]):
    """The most recently used findings of one thread, by a digest under a key that no other process has."""

    def __init__(self, entries: int, found: Callable[[], object], missed: Callable[[], object]) -> None:
        """Hold findings for so many texts: about 200 bytes each, whatever their length. Lookups are told by calls."""
        self._hit = found
        self._missed = missed
        self._entries = entries
        self._key = secrets.token_bytes(32)
        self._found: OrderedDict[bytes, T] = OrderedDict()

    def digest(self, data: bytes, key: str) -> bytes:
        """Return what a text is known by."""
        hasher = blake2b(data, digest_size=16, key=self._key)
        hasher.update(b"\0" + key.encode("utf-8", "replace"))
        return hasher.digest()

    def get(self, digest: bytes) -> T | None:
        """Return what was found in it, None if that is not known."""
        found = self._found.get(digest)
        if found is None:
            self._missed()
            return None
        self._hit()
        self._found.move_to_end(digest)
        return found

    def put(self, digest: bytes, found: T) -> None:
        """Remember what was found; forget the least recently used."""
        self._found[digest] = found
        if len(self._found) > self._entries:
            self._found.popitem(last=False)
