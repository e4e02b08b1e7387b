"""What is printed of a span: who called which model, what it took and cost. Never what was said.

Which attributes hold content cannot be known for every dialect. So texts are printed of attributes that are known to
hold none, and of all others their lengths.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Final

from otel_llm import semconv

if TYPE_CHECKING:
    from collections.abc import Iterator

    from otel_llm.span import Span

__all__ = ["Part", "details_of", "line_of"]

Part = tuple[str, str]
"""Text, and the style that a terminal shows it in."""

_LONGEST: Final = 80
_UNKNOWN: Final = "-"
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_STATUS_ERROR: Final = 2
_WITHOUT_CONTENT: Final = frozenset(
    {
        semconv.ERROR_TYPE,
        semconv.GEN_AI_AGENT_NAME,
        semconv.GEN_AI_OPERATION_NAME,
        semconv.GEN_AI_OUTPUT_TYPE,
        semconv.GEN_AI_PROMPT_NAME,
        semconv.GEN_AI_PROMPT_VERSION,
        semconv.GEN_AI_PROVIDER_NAME,
        semconv.GEN_AI_REQUEST_MODEL,
        semconv.GEN_AI_RESPONSE_FINISH_REASONS,
        semconv.GEN_AI_RESPONSE_ID,
        semconv.GEN_AI_RESPONSE_MODEL,
        semconv.OPENAI_REQUEST_SERVICE_TIER,
        semconv.OPENAI_RESPONSE_SERVICE_TIER,
        semconv.SERVER_ADDRESS,
    }
)


def line_of(span: Span) -> list[Part]:
    """Return time, service, operation, model, tokens, cost, duration, status and findings, a part each."""
    duration_s = (span.end_time_unix_nano - span.start_time_unix_nano) / 1e9
    parts = [
        (_time(span.end_time_unix_nano), "dim"),
        (_text(span.resource.get_str(semconv.SERVICE_NAME)), ""),
        (_text(span.get_str(semconv.GEN_AI_OPERATION_NAME)), ""),
        (
            _text(span.get_str(semconv.GEN_AI_RESPONSE_MODEL) or span.get_str(semconv.GEN_AI_REQUEST_MODEL)),
            "bold",
        ),
        (f"in={_number(span.get_int(semconv.GEN_AI_USAGE_INPUT_TOKENS))}", ""),
        (f"out={_number(span.get_int(semconv.GEN_AI_USAGE_OUTPUT_TOKENS))}", ""),
        _cost(span),
        (f"{duration_s:.3f}s", ""),
        _status(span),
    ]
    findings = span.get(semconv.GUARDRAIL_FINDINGS)
    if findings:
        parts.append((_text(findings), "yellow"))
    return parts


def details_of(span: Span) -> Iterator[str]:
    """Yield lines of ids, scope and attributes."""
    yield f"trace_id={span.trace_id.hex()} span_id={span.span_id.hex()} parent_span_id={span.parent_span_id.hex()}"
    yield f"scope={_text(span.scope.name)} {_text(span.scope.version)}"
    for key in sorted(span.keys()):
        yield f"{_text(key)}={_value(key, span.get(key))}"


def _time(unix_nano: int) -> str:
    time = _EPOCH + timedelta(microseconds=unix_nano // 1000)
    return time.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _cost(span: Span) -> Part:
    cost = span.get_float(semconv.COST_TOTAL_USD)
    if cost is not None:
        return f"${Decimal(repr(cost)):f}", "green"
    status = span.get_str(semconv.COST_STATUS)
    if status is None or status == "not_billable":
        return _text(status), "dim"
    why = span.get_str(semconv.COST_UNPRICED_REASON)
    return (f"{_text(status)}:{_text(why)}" if why else _text(status)), "yellow"


def _status(span: Span) -> Part:
    if span.status_code != _STATUS_ERROR:
        return "ok", "green"
    why = span.get_str(semconv.ERROR_TYPE)
    return f"error:{_text(why)}" if why else "error", "red"


def _number(value: int | None) -> str:
    return _UNKNOWN if value is None else str(value)


def _value(key: str, value: Any) -> str:
    if value is None or isinstance(value, bool | int | float):
        return str(value)
    if key in _WITHOUT_CONTENT or key.startswith(semconv.OTEL_LLM_PREFIX):
        return _text(value)
    return f"({type(value).__name__} of length {len(value)})"


def _text(value: Any) -> str:
    """Return a value as one short word or list of words that can neither begin a line nor steer a terminal."""
    text = ",".join(map(str, value)) if isinstance(value, list) else str(value or _UNKNOWN)
    shown = text if len(text) <= _LONGEST else f"{text[:_LONGEST]}..."
    return "".join([c if c.isprintable() else c.encode("unicode_escape").decode() for c in shown])
