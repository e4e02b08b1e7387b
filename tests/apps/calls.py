"""Calls to a model, as instrumentation of 2024 records them."""

from __future__ import annotations

from opentelemetry import trace

__all__ = ["call"]


def call(name: str) -> None:
    """Record a call of $0.0035."""
    attributes: dict[str, str | int] = {
        "gen_ai.operation.name": "chat",
        "gen_ai.system": "openai",
        "gen_ai.request.model": "gpt-4o",
        "gen_ai.usage.prompt_tokens": 1000,
        "gen_ai.usage.completion_tokens": 100,
    }
    trace.get_tracer("app").start_span(name, attributes=attributes).end()
