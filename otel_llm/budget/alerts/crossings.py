"""Finds thresholds that have been crossed, and writes each down once.

A crossing is a row whose key names budget, subject, window and threshold. Whichever gateway inserts it adds the alerts
in the same transaction; to the others it is there already.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

import orjson

from otel_llm.budget.alerts.bodies import RECEIVERS
from otel_llm.budget.book import Charge
from otel_llm.budget.ledger.records import Balance, Unit
from otel_llm.budget.windows import Rolling

if TYPE_CHECKING:
    from collections.abc import Iterator

    from otel_llm.budget.book import BudgetBook
    from otel_llm.budget.definition import Budget
    from otel_llm.budget.snapshot import Snapshot
    from otel_llm.store.store import Query, Store

__all__ = ["Crossing", "find_crossings", "record_crossings"]

_SHORTEST_MS: Final = 3_600_000
"""Nobody is told of a rolling window that is shorter: it is over before he has read it."""

_RECORD: Final = """
INSERT INTO budget_events (budget, subject, period, event, at_ms, detail) VALUES (?, ?, ?, ?, ?, ?)
ON CONFLICT DO NOTHING RETURNING 1
"""
_ADD: Final = """
INSERT INTO alerts (created_ms, receiver, body, attempts, next_attempt_ms, delivered_ms) VALUES (?, ?, ?, 0, ?, NULL)
"""


class Crossing(NamedTuple):
    """One threshold of one budget that has been crossed in one window."""

    charge: Charge
    period: str
    threshold: int
    """In per cent."""
    balance: Balance


def find_crossings(book: BudgetBook, snapshot: Snapshot, now_ms: int) -> Iterator[Crossing]:
    """Yield every threshold that is crossed now, whether that is known or not."""
    for budget in book.budgets:
        period = _period(budget, now_ms)
        if period is None or not budget.limit:
            continue
        for subject, balance in snapshot.balances.get(budget.id, {}).items():
            for threshold in budget.thresholds:
                if balance.settled * 100 >= budget.limit * threshold:
                    yield Crossing(Charge(budget, subject), period, threshold, balance)


async def record_crossings(store: Store, book: BudgetBook, crossings: list[Crossing], now_ms: int) -> int:
    """Write down those that are new, with an alert for each receiver; return how many were.

    Raises:
        Retryable: the store cannot be reached.
    """
    receivers = [(name, make) for name, (is_wanted, make) in RECEIVERS.items() if is_wanted(book.alerts)]

    def record(query: Query) -> int:
        new = 0
        for crossing in crossings:
            charge, period, threshold, balance = crossing
            detail = orjson.dumps({"settled": balance.settled, "limit": charge.budget.limit}).decode()
            key = (charge.budget.id, charge.subject, period, f"threshold:{threshold}")
            if query(_RECORD, (*key, now_ms, detail)):
                new += 1
                for name, make in receivers:
                    query(_ADD, (now_ms, name, orjson.dumps(make(crossing, book.alerts, now_ms)).decode(), now_ms))
        return new

    return await store.database.run(lambda connection: record(store.query(connection)), durable=True)


def _period(budget: Budget, now_ms: int) -> str | None:
    """Return what names the window that an alert is about. A rolling one is told of once in its length."""
    if budget.unit is Unit.CONCURRENCY:
        return None
    if isinstance(budget.window, Rolling):
        length_ms = budget.window.length_ms
        return f"{length_ms}ms/{now_ms // length_ms}" if length_ms >= _SHORTEST_MS else None
    return budget.window.at(now_ms).key
