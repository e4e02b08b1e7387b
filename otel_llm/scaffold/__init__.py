"""Writes a first config for a backend."""

from otel_llm.scaffold.backends import BACKENDS, Backend
from otel_llm.scaffold.config import BUDGETS_FILE, render

__all__ = ["BACKENDS", "BUDGETS_FILE", "Backend", "render"]
