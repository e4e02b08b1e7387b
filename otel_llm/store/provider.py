"""How components find the store."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from otel_llm.store.store import Store

__all__ = ["StoreProvider"]


class StoreProvider:
    """An extension that brings the store along, which is usable once it has started."""

    store: Store
