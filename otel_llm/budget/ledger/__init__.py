"""The ledger: what has been spent, exactly, and what is held for calls under way."""

from otel_llm.budget.ledger.calls import Call, Ingested, TraceRow, response_identity
from otel_llm.budget.ledger.ledger import Ledger, LedgerStore
from otel_llm.budget.ledger.records import (
    Balance,
    Counter,
    Denied,
    Exceeded,
    Granted,
    Hold,
    HoldState,
    Limit,
    Line,
    Posting,
    PostingKind,
    Reservation,
    Settled,
    SettleState,
    Unit,
    Usage,
    Verdict,
)

__all__ = [
    "Balance",
    "Call",
    "Counter",
    "Denied",
    "Exceeded",
    "Granted",
    "Hold",
    "HoldState",
    "Ingested",
    "Ledger",
    "LedgerStore",
    "Limit",
    "Line",
    "Posting",
    "PostingKind",
    "Reservation",
    "SettleState",
    "Settled",
    "TraceRow",
    "Unit",
    "Usage",
    "Verdict",
    "response_identity",
]
