"""An item as it came, with what is to be written on it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from otel_llm import semconv

if TYPE_CHECKING:
    from collections.abc import Collection

    from otel_llm.attributes import Value, Writable
    from otel_llm.item import Item
    from otel_llm_processors.gen_ai_normalizer.layout import Layout

__all__ = ["Draft"]


class Draft:
    """What the rules read and write."""

    __slots__ = ("_get", "item", "removed", "written")

    def __init__(self, item: Item) -> None:
        self._get = item.get
        self.item = item
        """The span or record, untouched."""
        self.written: dict[str, Writable] = {}
        """What is to be written."""
        self.removed: Collection[str] = ()
        """What is to be removed before."""

    def get(self, key: str) -> Value:
        """Return an attribute as it will be."""
        value = self.written.get(key)
        return self._get(key) if value is None else value

    def stays_gen_ai(self, layout: Layout) -> bool:
        """Tell whether it is certain that the item will have one of the conventions' attributes."""
        return (layout.is_gen_ai and not self.removed) or any(map(_is_gen_ai, self.written))

    def write(self) -> None:
        """Turn the item into what it is to be."""
        if self.removed:
            self.item.remove_all(self.removed)
            self.removed = ()
        if self.written:
            self.item.update(self.written)
            self.written = {}


def _is_gen_ai(key: str) -> bool:
    return key.startswith(semconv.GEN_AI_PREFIX)
