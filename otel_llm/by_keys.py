"""What is worked out once for all items that come with the same attributes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Collection

__all__ = ["ByKeys", "are_few"]

T = TypeVar("T")

_LISTS: Final = 256
_MOST_KEYS: Final = 64
_MOST_CHARACTERS: Final = 4096
"""How many lists of keys are remembered, and how long they are at most: senders choose them, and an app has a dozen."""


def are_few(keys: Collection[str]) -> bool:
    """Tell whether keys are so few, and so short, that something may be kept for them."""
    return len(keys) <= _MOST_KEYS and sum(map(len, keys)) <= _MOST_CHARACTERS


class ByKeys(dict[tuple[str, ...], T]):
    """By the keys of attributes, in their order. Asked for what is not there, it is made."""

    def __init__(self, make: Callable[[tuple[str, ...]], T]) -> None:
        super().__init__()
        self._make = make

    def __missing__(self, keys: tuple[str, ...]) -> T:
        made = self._make(keys)
        if are_few(keys):
            if len(self) >= _LISTS:
                self.clear()
            self[keys] = made
        return made
