"""Prices stored calls again, after prices were corrected: what differs becomes new lines of the ledger."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, Final, NamedTuple

from otel_llm.budget.ledger.calls import TraceRow

if TYPE_CHECKING:
    from otel_llm.budget.estimate import Estimator
    from otel_llm.store.store import Store

__all__ = ["Recosted", "recost"]

_STEP: Final = 500
_ROWS: Final = f"""
SELECT {", ".join(TraceRow._fields)} FROM llm_traces
WHERE start_ms >= ? AND (trace_id, span_id) > (?, ?) AND fate = 'charged'
  AND (cost_status = 'unpriced' OR cost_status = 'priced' AND cost_pico > 0)
ORDER BY trace_id, span_id LIMIT {_STEP}
"""  # noqa: S608 - names of ours
"""Not what their senders have priced, and not what was free: answers from a cache are."""


class Recosted(NamedTuple):
    """What has become of the calls of one model."""

    model: str
    calls: int
    """Those that now cost something else."""
    difference: int
    """In pico-USD."""


async def recost(store: Store, estimate: Estimator, since_ms: int, now_ms: int) -> list[Recosted]:
    """Charge calls that began since then what they cost by today's prices; return what has changed, by model.

    Done again it changes nothing. Rows of calls stay as they came: they say what was known then.

    Raises:
        Retryable: the store cannot be reached.
    """
    found: defaultdict[str, list[int]] = defaultdict(list)
    last: tuple[bytes, bytes] = b"", b""
    while True:
        rows = [TraceRow(*row) for row in await store.ask(_ROWS, (since_ms, *last))]
        costs = {row.trace_id + row.span_id: estimate.cost_again(row) for row in rows}
        differences = await store.ledger.recost({key: cost for key, cost in costs.items() if cost is not None}, now_ms)
        for row in rows:
            if difference := differences.get(row.trace_id + row.span_id):
                found[row.request_model or row.response_model or ""].append(difference)
        if len(rows) < _STEP:
            return [Recosted(model, len(each), sum(each)) for model, each in sorted(found.items())]
        last = rows[-1].trace_id, rows[-1].span_id
