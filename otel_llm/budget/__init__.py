"""Budgets: what may be spent, what has been, and what is about to be.

For an app: `Client`, `AsyncClient`, and the transports that guard a provider's client, `GuardedTransport` and
`AsyncGuardedTransport`. They need `otel-llm[client]`, and are loaded when they are asked for.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from otel_llm.budget.client import (
        AsyncClient,
        AsyncGuardedTransport,
        BudgetExceeded,
        BudgetUnavailable,
        Client,
        GuardedTransport,
        Reservation,
    )

__all__ = [
    "AsyncClient",
    "AsyncGuardedTransport",
    "BudgetExceeded",
    "BudgetUnavailable",
    "Client",
    "GuardedTransport",
    "Reservation",
]

_CLIENT: Final = "otel_llm.budget.client"


def __getattr__(name: str) -> Any:
    if name in __all__:
        return getattr(import_module(_CLIENT), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
