"""Calls as the store takes them: a row of `llm_traces` each, and what they are charged to."""

from __future__ import annotations

from dataclasses import dataclass, field
from hashlib import blake2b
from typing import Final, NamedTuple

from otel_llm.budget.ledger.records import Line, Usage

__all__ = ["RESPONSE_WINDOW_MS", "Call", "Fate", "Ingested", "Sighting", "TraceRow", "response_identity"]

RESPONSE_WINDOW_MS: Final = 24 * 3600 * 1000
"""Calls with the same response id and response model are one call if they are of one trace, or began within this."""

Fate = str
"""`charged`; `duplicate`: the call was seen under another span before; `repeated`: a child span has the same usage."""


class TraceRow(NamedTuple):
    """The columns of `llm_traces`, in their order. No content: what was said is never kept here."""

    trace_id: bytes
    span_id: bytes
    parent_span_id: bytes = b""
    start_ms: int = 0
    end_ms: int = 0
    environment: str | None = None
    tenant: str | None = None
    route: str | None = None
    user_key: str | None = None
    conversation_key: str | None = None
    prompt: str | None = None
    app_version: str | None = None
    eval_id: str | None = None
    operation: str | None = None
    provider: str | None = None
    request_model: str | None = None
    response_model: str | None = None
    response_id: str | None = None
    input_tokens: int | None = None
    output_tokens: int | None = None
    cache_read_tokens: int | None = None
    cache_write_tokens: int | None = None
    reasoning_tokens: int | None = None
    cost_pico: int | None = None
    """None: unknown, which is not nothing."""
    cost_status: str | None = None
    price_version: str | None = None
    ttft_ms: int | None = None
    error_type: str | None = None
    finish_reason: str | None = None
    reservation_id: str | None = None
    fate: Fate = "charged"


@dataclass(frozen=True, slots=True)
class Call:
    """One priced span."""

    row: TraceRow
    usage: Usage
    lines: tuple[Line, ...] = ()
    """What it is charged to, as far as its own dimensions say, each budget once."""
    digest: bytes = b""
    """Of its content: another one under the same ids is a conflict."""

    identity: bytes = field(init=False, compare=False)
    """Trace id and span id: the same span, sent again, is the same call."""
    parent_identity: bytes | None = field(init=False, compare=False)
    """The same of its parent; None for a root."""
    response_identity: bytes | None = field(init=False, compare=False)
    """Response id and response model: the same call, seen by an SDK and by a gateway. None if one is missing."""

    def __post_init__(self) -> None:
        row = self.row
        parent = row.trace_id + row.parent_span_id if row.parent_span_id else None
        object.__setattr__(self, "identity", row.trace_id + row.span_id)
        object.__setattr__(self, "parent_identity", parent)
        object.__setattr__(self, "response_identity", response_identity(row.response_id, row.response_model))


def response_identity(response_id: str | None, response_model: str | None) -> bytes | None:
    """Return what a provider's response is known by; None if the id or the model is missing."""
    if not response_id or not response_model:
        return None
    text = f"{len(response_id)}:{response_id}{response_model}"
    return b"r" + blake2b(text.encode("utf-8", "surrogatepass"), digest_size=16).digest()


class Sighting(NamedTuple):
    """What is known under one identity, of a span or a response. Kept for as long as it may come again."""

    identity: bytes
    at_ms: int
    start_ms: int | None = None
    """When the call began. None: it has only been announced, by a settlement or by a child span."""
    digest: bytes = b""
    usage: Usage | None = None
    """Of a span: what the call used."""
    lines: tuple[Line, ...] = ()
    """Of a span: what the call stands charged to."""
    original: bytes | None = None
    """The span that is charged instead: of a response always, of a span that is a duplicate or a parent, and its child
    of one that is only known as a parent yet."""
    reservation_id: str | None = None
    """The hold that this call settles."""

    @property
    def seen(self) -> bool:
        """Whether a span has come, and not only somebody's word that it will."""
        return self.start_ms is not None


class Ingested(NamedTuple):
    """What became of a batch of calls."""

    inserted: int = 0
    """Rows that were new."""
    charged: int = 0
    resent: int = 0
    """Spans that had been stored before."""
    conflicts: int = 0
    """Those of them whose content was another; the first is kept. Also responses seen twice with other usage."""
    duplicates: int = 0
    """Calls that had been seen under another span before."""
    repeated: int = 0
    """Parents not charged, because their child is."""
    reversed: int = 0
    """Parents charged before, and not any more."""
