"""The budget processor."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from otel_llm import semconv
from otel_llm.budget.spans import dimensions_of, is_charged, model_of
from otel_llm.budget.view import BudgetsProvider
from otel_llm.component import Processor

if TYPE_CHECKING:
    from otel_llm.component import Settings
    from otel_llm.span import Span
    from otel_llm_processors.budget.config import BudgetConfig

__all__ = ["BudgetProcessor"]


class BudgetProcessor(Processor):
    """Writes on every call what it is charged to. Without the extension `budgets`, in an app, that is not known."""

    requires: ClassVar[tuple[str, ...]] = ("gen_ai_normalizer", "cost")

    def __init__(self, _config: BudgetConfig, settings: Settings) -> None:
        provider = settings.extension(BudgetsProvider)
        self._budgets = provider.budgets if provider else None

    def process_span(self, span: Span, /) -> None:
        """Mark one call."""
        if not is_charged(span):
            return
        if self._budgets is None:
            span.set(semconv.BUDGET_STATE, "unknown")
            return
        charges = self._budgets.book.charges(model_of(span), dimensions_of(span))
        if not charges:
            return
        state, utilization = self._budgets.standing(charges)
        marks: dict[str, str | float | list[str]] = {
            semconv.BUDGET_IDS: [charge.id for charge in charges],
            semconv.BUDGET_STATE: state,
        }
        if utilization is not None:
            marks[semconv.BUDGET_UTILIZATION] = utilization
        span.update(marks)
