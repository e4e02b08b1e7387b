"""An OpenTelemetry gateway that normalises and prices gen_ai spans, in front of any OTLP backend or inside the app."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from otel_llm.sdk.context import context

__all__ = ["__version__", "context"]

__version__ = "0.1.0"


def __getattr__(name: str) -> Any:
    """Import `context` when somebody asks for it: the gateway has no need of the SDK."""
    if name == "context":
        from otel_llm.sdk.context import context

        return context
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
