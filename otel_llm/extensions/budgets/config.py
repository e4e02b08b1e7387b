"""Settings of the extension `budgets`."""

from __future__ import annotations

from pathlib import Path

from otel_llm.component import Config

__all__ = ["BudgetsConfig"]


class BudgetsConfig(Config):
    """Where the budgets are."""

    file: Path
    """The budgets file. It is read again when it changes."""
