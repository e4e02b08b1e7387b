"""Marks every call with the budgets that it is charged to, and how they stand."""

from __future__ import annotations

from otel_llm.component import ProcessorFactory
from otel_llm_processors.budget.config import BudgetConfig
from otel_llm_processors.budget.processor import BudgetProcessor

__all__ = ["BudgetConfig", "BudgetProcessor", "factory"]

factory = ProcessorFactory("budget", BudgetConfig, BudgetProcessor)
