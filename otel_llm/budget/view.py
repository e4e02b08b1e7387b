"""How components find the budgets."""

from __future__ import annotations

from typing import TYPE_CHECKING

from otel_llm.budget.snapshot import Snapshot, Standing

if TYPE_CHECKING:
    from collections.abc import Sequence

    from otel_llm.budget.book import BudgetBook, Charge
    from otel_llm.reload import Watched

__all__ = ["Budgets", "BudgetsProvider"]


class Budgets:
    """The budgets, and how they stood a moment ago. Does no I/O, and may be asked from any thread."""

    def __init__(self, file: Watched[BudgetBook]) -> None:
        self._file = file
        self.snapshot = Snapshot({}, taken_s=float("-inf"))
        """Replaced as a whole, by whoever reads the store."""

    @property
    def book(self) -> BudgetBook:
        """The budgets, as the file has them now."""
        return self._file.value

    def standing(self, charges: Sequence[Charge]) -> Standing:
        """Return the worst standing among those budgets, as of a few seconds ago."""
        return self.snapshot.standing(charges)


class BudgetsProvider:
    """An extension that brings the budgets along."""

    budgets: Budgets
