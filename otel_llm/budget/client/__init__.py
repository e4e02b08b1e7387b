"""Asking a gateway's budgets before a call, from an app."""

from otel_llm.budget.client.client import AsyncClient, Client
from otel_llm.budget.client.reservation import BudgetExceeded, BudgetUnavailable, Reservation
from otel_llm.budget.client.transport import AsyncGuardedTransport, GuardedTransport

__all__ = [
    "AsyncClient",
    "AsyncGuardedTransport",
    "BudgetExceeded",
    "BudgetUnavailable",
    "Client",
    "GuardedTransport",
    "Reservation",
]
