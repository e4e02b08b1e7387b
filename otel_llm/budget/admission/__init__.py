"""Admission by a Valkey or Redis server, in front of the ledger's database."""

from otel_llm.budget.admission.admission import Admission
from otel_llm.budget.admission.server import Server

__all__ = ["Admission", "Server"]
