"""Ids that cannot be read: a trace id is 16 bytes, a span id 8, neither all zero (trace.proto).

Where an id is optional it may be absent.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from otel_llm.signals import Signal

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

__all__ = ["INVALID", "remove_invalid_exemplars"]

_TRACE_ID_BYTES: Final = 16
_SPAN_ID_BYTES: Final = 8
_ZERO_TRACE_ID: Final = bytes(_TRACE_ID_BYTES)
_ZERO_SPAN_ID: Final = bytes(_SPAN_ID_BYTES)
_OPTIONAL_SPAN_ID: Final = frozenset({0, _SPAN_ID_BYTES})
_OPTIONAL_TRACE_ID: Final = frozenset({0, _TRACE_ID_BYTES})


def _invalid_spans(spans: Iterable[Any]) -> list[Any]:
    # Every span of every request passes here: one pass without a call, links only where there are any.
    return [
        span
        for span in spans
        if len(trace_id := span.trace_id) != _TRACE_ID_BYTES
        or len(span_id := span.span_id) != _SPAN_ID_BYTES
        or trace_id == _ZERO_TRACE_ID
        or span_id == _ZERO_SPAN_ID
        or len(span.parent_span_id) not in _OPTIONAL_SPAN_ID
        or (len(links := span.links) and any(map(_invalid_reference, links)))
    ]


def _invalid_records(records: Iterable[Any]) -> list[Any]:
    return [record for record in records if _invalid_reference(record)]


def _invalid_reference(holder: Any) -> bool:
    """Tell whether a link, a log record or an exemplar names a span in a way that cannot be read."""
    return len(holder.trace_id) not in _OPTIONAL_TRACE_ID or len(holder.span_id) not in _OPTIONAL_SPAN_ID


INVALID: Final[dict[Signal, Callable[[Iterable[Any]], list[Any]]]] = {
    Signal.TRACES: _invalid_spans,
    Signal.LOGS: _invalid_records,
}
"""Returns the items of a signal that have such ids. Metrics have none of their own."""


def remove_invalid_exemplars(metrics: Iterable[Any]) -> bool:
    """Remove the exemplars of data points whose ids cannot be read; tell whether there were any."""
    removed = False
    for metric in metrics:
        data = metric.WhichOneof("data")
        if data is None or data == "summary":  # whose points have no exemplars
            continue
        for point in getattr(metric, data).data_points:
            exemplars = point.exemplars
            for position in reversed(range(len(exemplars))):
                if _invalid_reference(exemplars[position]):
                    del exemplars[position]
                    removed = True
    return removed
