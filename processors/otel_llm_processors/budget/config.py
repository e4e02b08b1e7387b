"""Settings of the budget processor."""

from __future__ import annotations

from otel_llm.component import Config

__all__ = ["BudgetConfig"]


class BudgetConfig(Config):
    """Settings of `processors.budget`: there are none. The budgets are in the file of the extension `budgets`."""
