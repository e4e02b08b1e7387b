"""All budgets and what they stand at."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from otel_llm.budget.book import Charge
from otel_llm.budget.definition import Section
from otel_llm.budget.ledger.records import Balance

if TYPE_CHECKING:
    from otel_llm.budget.book import BudgetBook
    from otel_llm.budget.definition import Budget
    from otel_llm.budget.ledger import LedgerStore

__all__ = ["list_budgets"]

_SUBJECTS: Final = 100
"""Of each budget that is counted for one subject at a time, those that have spent most."""


async def list_budgets(
    ledger: LedgerStore, book: BudgetBook, now_ms: int, tenant: str | None = None
) -> list[tuple[Charge, Balance]]:
    """Return every budget with what it stands at now; of a *tenant*, only its own.

    Raises:
        Retryable: the store cannot be reached.
    """
    rows = []
    for budget in book.budgets:
        if tenant is not None and not _is_of(budget, tenant):
            continue
        period = budget.window.at(now_ms)
        balances = dict(await ledger.subjects(budget.id, period.first, period.key, _SUBJECTS))
        if budget.per is None and not balances:
            balances = {"": Balance()}
        charges = ((Charge(budget, subject), balance) for subject, balance in balances.items())
        rows += [(charge, balance) for charge, balance in charges if tenant is None or _may_see(charge, tenant)]
    return rows


def _is_of(budget: Budget, tenant: str) -> bool:
    return budget.per == "tenant" or (budget.section, budget.key) == (Section.TENANTS, tenant)


def _may_see(charge: Charge, tenant: str) -> bool:
    return charge.budget.section is Section.TENANTS or charge.subject == f"t:{tenant}"
