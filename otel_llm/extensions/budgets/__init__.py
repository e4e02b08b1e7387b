"""Extension `budgets`: what may be spent."""

from otel_llm.component import ExtensionFactory
from otel_llm.extensions.budgets.config import BudgetsConfig
from otel_llm.extensions.budgets.extension import BudgetsExtension

__all__ = ["BudgetsConfig", "BudgetsExtension", "factory"]

factory = ExtensionFactory("budgets", BudgetsConfig, BudgetsExtension)
