"""An item as it came, with what is to be written on it."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from otel_llm.attributes import Value, Writable
    from otel_llm.item import Item

__all__ = ["Draft"]


class Draft:
    """What the rules read and write."""

    __slots__ = ("_get", "item", "written")

    def __init__(self, item: Item) -> None:
        self._get = item.get
        self.item = item
        """The span or record, untouched."""
        self.written: dict[str, Writable] = {}
        """What is to be written."""

    def get(self, key: str) -> Value:
        """Return an attribute as it will be."""
        value = self.written.get(key)
        return self._get(key) if value is None else value
