"""A linear model that tells injections from other texts. README.md beside it says what it can do."""

from __future__ import annotations

from otel_llm_processors.guardrail.model.linear import LinearModel, features, score, windows

__all__ = ["LinearModel", "features", "score", "windows"]
