"""From a span to a call that can be charged."""

from __future__ import annotations

from hashlib import blake2b
from typing import TYPE_CHECKING, Any, Final

from otel_llm import semconv
from otel_llm.budget.ledger.calls import Call, TraceRow
from otel_llm.budget.ledger.records import CEILING, NOTHING, Line, Usage
from otel_llm.budget.money import pico_of
from otel_llm.dimensions import Dimensions

if TYPE_CHECKING:
    from otel_llm.budget.book import BudgetBook
    from otel_llm.span import Span

__all__ = ["FUTURE_MS", "call_of", "dimensions_of", "is_charged", "model_of"]

FUTURE_MS: Final = 300_000
"""A call that begins later than that from now has begun now: its sender's clock is wrong."""

_CHARGED: Final = frozenset({"priced", "reported", "unpriced", "invalid_usage"})
"""Statuses of the cost processor's for calls. Agents and workflows, which repeat what their calls used, are none."""
_LONGEST: Final = 256
"""Characters of a text that are kept."""
_MOST_TOKENS: Final = 10**15


def is_charged(span: Span) -> bool:
    """Tell whether a span is a call that budgets count."""
    return span.get(semconv.COST_STATUS) in _CHARGED


def model_of(span: Span) -> str | None:
    """Return the model that budgets go by: the one that was asked for, as at reserving only that is known."""
    return span.get_str(semconv.GEN_AI_REQUEST_MODEL) or span.get_str(semconv.GEN_AI_RESPONSE_MODEL)


def dimensions_of(span: Span) -> Dimensions:
    """Return whom a call is for, as keys of rows: neither endless nor with characters that SQL does not take."""
    return Dimensions(*map(_kept, span.dimensions))


def call_of(span: Span, book: BudgetBook | None, now_ms: int) -> Call:
    """Return what a gen_ai span says of a call: its row, what it used, and where it is charged."""
    charged = is_charged(span)
    row = _row(span, now_ms, charged=charged)
    usage = NOTHING
    lines: tuple[Line, ...] = ()
    if charged:
        usage = Usage(row.cost_pico or 0, row.input_tokens or 0, row.output_tokens or 0)
        charges = book.charges(model_of(span), dimensions_of(span)) if book is not None else ()
        lines = tuple(Line(budget.counter(subject, row.start_ms), budget.unit) for budget, subject in charges)
    return Call(row, usage, lines, _digest(row))


def _row(span: Span, now_ms: int, *, charged: bool) -> TraceRow:
    start_ms = span.start_time_unix_nano // 10**6
    if not start_ms or start_ms > now_ms + FUTURE_MS:
        start_ms = now_ms
    dimensions = dimensions_of(span)
    get = span.get
    seconds = span.get_float(semconv.GEN_AI_RESPONSE_TIME_TO_FIRST_CHUNK)
    reasons = get(semconv.GEN_AI_RESPONSE_FINISH_REASONS)
    return TraceRow(
        trace_id=span.trace_id,
        span_id=span.span_id,
        parent_span_id=span.parent_span_id,
        start_ms=start_ms,
        end_ms=max(span.end_time_unix_nano // 10**6, start_ms),
        environment=dimensions.environment,
        tenant=dimensions.tenant,
        route=dimensions.route,
        user_key=dimensions.user_key,
        conversation_key=dimensions.conversation_key,
        prompt=dimensions.prompt,
        app_version=dimensions.app_version,
        eval_id=dimensions.eval_id,
        operation=_kept(get(semconv.GEN_AI_OPERATION_NAME)),
        provider=_kept(get(semconv.GEN_AI_PROVIDER_NAME)),
        request_model=_kept(get(semconv.GEN_AI_REQUEST_MODEL)),
        response_model=_kept(get(semconv.GEN_AI_RESPONSE_MODEL)),
        response_id=_kept(get(semconv.GEN_AI_RESPONSE_ID)),
        input_tokens=_tokens(get(semconv.GEN_AI_USAGE_INPUT_TOKENS)),
        output_tokens=_tokens(get(semconv.GEN_AI_USAGE_OUTPUT_TOKENS)),
        cache_read_tokens=_tokens(get(semconv.GEN_AI_USAGE_CACHE_READ_INPUT_TOKENS)),
        cache_write_tokens=_tokens(get(semconv.GEN_AI_USAGE_CACHE_WRITE_INPUT_TOKENS)),
        reasoning_tokens=_tokens(get(semconv.GEN_AI_USAGE_REASONING_OUTPUT_TOKENS)),
        cost_pico=_cost(span.get_float(semconv.COST_TOTAL_USD)),
        cost_status=_kept(get(semconv.COST_STATUS)),
        price_version=_kept(get(semconv.COST_PRICE_VERSION)),
        ttft_ms=round(seconds * 1000) if seconds is not None and 0 <= seconds < 86_400 else None,  # noqa: PLR2004 - a day
        error_type=_kept(get(semconv.ERROR_TYPE)),
        finish_reason=_kept(reasons[0] if isinstance(reasons, list) and reasons else None),
        # What is no call settles no hold: an agent's span may be the one that was current when its call reserved.
        reservation_id=_kept(get(semconv.RESERVATION_ID)) if charged else None,
    )


def _kept(value: Any) -> str | None:
    return value[:_LONGEST].replace("\0", "") if isinstance(value, str) else None


def _tokens(value: Any) -> int | None:
    return value if type(value) is int and 0 <= value < _MOST_TOKENS else None


def _cost(usd: float | None) -> int | None:
    if usd is None:
        return None
    try:
        return min(max(pico_of(usd), 0), CEILING)
    except ValueError:
        return None


def _digest(row: TraceRow) -> bytes:
    """Return what tells two spans with the same ids apart: nothing that depends on when or by which prices it came."""
    content = (
        row.parent_span_id, row.end_ms, row.operation, row.provider, row.request_model, row.response_model,
        row.response_id, row.input_tokens, row.output_tokens,
    )  # fmt: skip
    return blake2b(repr(content).encode("utf-8", "surrogatepass"), digest_size=8).digest()
