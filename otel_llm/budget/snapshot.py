"""What budgets stood at a moment ago, for those who may not ask the store."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Final, Literal, NamedTuple

from otel_llm.budget.ledger.records import Balance, Unit

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from otel_llm.budget.book import BudgetBook, Charge
    from otel_llm.budget.definition import Budget
    from otel_llm.budget.ledger import LedgerStore

__all__ = ["MAX_AGE_S", "Snapshot", "Standing", "State", "standing_of", "take_snapshot"]

State = Literal["ok", "warn", "exceeded", "unknown"]

MAX_AGE_S: Final = 5.0
"""An older snapshot says nothing about now."""
_SUBJECTS: Final = 1000
"""Of each budget that is counted for one subject at a time, those that have spent most. Others have spent less."""


class Standing(NamedTuple):
    """How much of a budget is used up."""

    state: State
    utilization: float | None
    """What is settled, divided by the limit; None if unknown."""


_UNKNOWN: Final = Standing("unknown", None)
_UNUSED: Final = Balance()
_RANK: Final[tuple[State, ...]] = ("ok", "warn", "exceeded")


class Snapshot:
    """Balances by budget and subject."""

    def __init__(self, balances: Mapping[str, Mapping[str, Balance]], taken_s: float | None = None) -> None:
        """Take balances, and when they were read, on the monotonic clock; now, unless told."""
        self.balances = balances
        self._taken_s = time.monotonic() if taken_s is None else taken_s

    def standing(self, charges: Sequence[Charge]) -> Standing:
        """Return the worst standing."""
        if time.monotonic() - self._taken_s > MAX_AGE_S:
            return _UNKNOWN
        standings = [
            standing_of(budget, self.balances.get(budget.id, {}).get(subject, _UNUSED)) for budget, subject in charges
        ]
        worst = max((_RANK.index(each.state) for each in standings), default=0)
        return Standing(_RANK[worst], max((each.utilization or 0.0 for each in standings), default=0.0))


def standing_of(budget: Budget, balance: Balance) -> Standing:
    """Return what a balance means for a budget. Calls under way are held and never settled: of these, held counts."""
    used = balance.held if budget.unit is Unit.CONCURRENCY else max(balance.settled, 0)
    if used >= budget.limit:
        return Standing("exceeded", used / budget.limit if budget.limit else 1.0)
    utilization = used / budget.limit
    return Standing("warn" if utilization * 100 >= budget.thresholds[0] else "ok", utilization)


async def take_snapshot(ledger: LedgerStore, book: BudgetBook, now_ms: int) -> Snapshot:
    """Read what all budgets stand at.

    Raises:
        Retryable: the store cannot be reached.
    """
    balances = {}
    for budget in book.budgets:
        period = budget.window.at(now_ms)
        balances[budget.id] = await ledger.subjects(budget.id, period.first, period.key, _SUBJECTS)
    return Snapshot(balances)
