"""What a receiver hands over, and what it is answered: the same words for every transport.

A transport reads a `Request` out of its own messages and says the `Answer` in its own statuses. What lies between is
the `Intake`, which no transport knows.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from otel_llm.errors import OtelLlmError, Retryable, status_of

if TYPE_CHECKING:
    from otel_llm.signals import Signal

__all__ = ["RETRY_AFTER_S", "Answer", "Encoding", "Request", "Trust"]

Encoding = Literal["protobuf", "json"]
Trust = Literal["context", "all", "none"]

RETRY_AFTER_S = 1.0
"""How long senders are asked to wait. OTLP SDKs give a batch about 10 s in all: asking for more loses it."""


@dataclass(frozen=True, slots=True)
class Request:
    """One export request, out of its transport."""

    signal: Signal
    body: bytes
    """The request message, decompressed."""
    encoding: Encoding = "protobuf"
    transport: str = ""
    """A metric label: `grpc`, `http`, ..."""
    trust: Trust = "context"
    """Which incoming `otel_llm.*` attributes survive: those that name whom a call is for, all, or none."""
    tenant: str | None = None
    """Whom the sender's credentials stand for."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What the sender is told. Without arguments: everything was taken."""

    grpc_status: int = 0
    http_status: int = 200
    message: str = ""
    """A sentence for people: why items were rejected, or why all of it was."""
    rejected: int = 0
    """Items that were not taken although the rest was (OTLP's partial success)."""
    retry_after_s: float | None = None
    """Seconds after which the same request may be sent again. None: never."""

    @classmethod
    def of(cls, error: OtelLlmError) -> Answer:
        """Say an error. A `Retryable` that names no time asks for `RETRY_AFTER_S`."""
        status = status_of(error)
        after_s = (error.after_s or RETRY_AFTER_S) if isinstance(error, Retryable) else None
        return cls(status.grpc, status.http, str(error), retry_after_s=after_s)
