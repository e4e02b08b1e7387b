"""What is remembered of texts by their content, without keeping the texts."""

from __future__ import annotations

import secrets
from collections import OrderedDict
from hashlib import blake2b
from typing import TYPE_CHECKING, Final, Generic, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["MIN_LENGTH", "ByContent"]

T = TypeVar("T")

MIN_LENGTH: Final = 256
"""Characters: what is shorter is looked at sooner than looked up."""


class ByContent(Generic[T]):
    """The most recently used results of one thread, by a digest under a key that no other process has."""

    def __init__(self, entries: int, found: Callable[[], object], missed: Callable[[], object]) -> None:
        """Hold results for so many texts: about 200 bytes each, whatever their length. Lookups are told by calls."""
        self._hit = found
        self._missed = missed
        self._entries = entries
        self._key = secrets.token_bytes(32)
        self._known: OrderedDict[bytes, T] = OrderedDict()

    def digest(self, text: str, key: str) -> bytes:
        """Return what a text is known by that stands under a key."""
        hasher = blake2b(text.encode("utf-8", "surrogatepass"), digest_size=16, key=self._key)
        hasher.update(b"\0" + key.encode("utf-8", "surrogatepass"))
        return hasher.digest()

    def get(self, digest: bytes) -> T | None:
        """Return what is known of it, None if nothing is."""
        known = self._known.get(digest)
        if known is None:
            self._missed()
            return None
        self._hit()
        self._known.move_to_end(digest)
        return known

    def put(self, digest: bytes, result: T) -> None:
        """Remember a result; forget the least recently used."""
        self._known[digest] = result
        if len(self._known) > self._entries:
            self._known.popitem(last=False)
