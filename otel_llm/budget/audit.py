"""Writes down how budgets were configured, and since when."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import orjson

if TYPE_CHECKING:
    from otel_llm.budget.book import BudgetBook
    from otel_llm.budget.definition import Budget
    from otel_llm.store.store import Query, Store

__all__ = ["record_budgets"]

_LATEST = """
SELECT id, version, definition FROM budgets AS latest
WHERE version = (SELECT max(version) FROM budgets AS each WHERE each.id = latest.id)
"""
_ADD = "INSERT INTO budgets (id, version, since_ms, definition) VALUES (?, ?, ?, ?) ON CONFLICT DO NOTHING"


async def record_budgets(store: Store, book: BudgetBook, now_ms: int) -> None:
    """Add a row for every budget that is new, changed or gone. Of gateways that see a change at once, one adds it.

    Raises:
        Retryable: the store cannot be reached.
    """
    definitions = {budget.id: _definition(budget) for budget in book.budgets}

    def record(query: Query) -> None:
        latest: dict[str, tuple[int, Any]] = {id_: (version, text) for id_, version, text in query(_LATEST, ())}
        for id_ in sorted(definitions.keys() | latest.keys()):
            version, before = latest.get(id_, (0, None))
            now = definitions.get(id_)
            if now != before:
                query(_ADD, (id_, version + 1, now_ms, now))

    await store.database.run(lambda connection: record(store.query(connection)))


def _definition(budget: Budget) -> str:
    return orjson.dumps(asdict(budget), option=orjson.OPT_SORT_KEYS, default=sorted).decode()
