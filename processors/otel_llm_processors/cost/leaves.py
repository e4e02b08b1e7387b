"""Which spans of a batch repeat a call that another span is charged for.

An SDK and the proxy behind it, or two instrumentations of one SDK, each write a client span for the same call: the
inner one is charged. Spans that come in different batches are not seen together, and each is priced.
"""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, Final, NamedTuple

from otel_llm import semconv

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from otel_llm.span import Span

__all__ = ["BILLABLE", "NOTHING_REPEATED", "Key", "Repeats", "find_repeats", "key_of"]

BILLABLE: Final = frozenset({"chat", "text_completion", "generate_content", "embeddings", "rerank"})
"""Operations that a provider charges for. Agents and workflows repeat the usage of the calls below them."""

_MAX_DEPTH: Final = 32
"""How many ancestors are looked at: no call is repeated further up, and a circle of parents must end."""
_COMPARED: Final = 16
"""How many calls with one response id are compared to each other: a sender may write the same on every span."""

_SAID: Final = (
    semconv.GEN_AI_USAGE_INPUT_TOKENS,
    semconv.GEN_AI_USAGE_OUTPUT_TOKENS,
    semconv.GEN_AI_OPERATION_NAME,
    semconv.GEN_AI_RESPONSE_ID,
    semconv.GEN_AI_RESPONSE_MODEL,
)
"""What a call is compared by."""

Key = tuple[bytes, bytes]
"""Trace id and span id."""


class Repeats(NamedTuple):
    """What was found in a batch."""

    repeated: frozenset[Key]
    """Inference spans that must not be charged."""
    above: frozenset[Key]
    """Spans that have an inference span with usage below them."""


NOTHING_REPEATED: Final = Repeats(frozenset(), frozenset())


class _Call(NamedTuple):
    span_id: bytes
    start: int
    end: int
    usage: tuple[object, object]
    join: tuple[str, object] | None
    """Response id and response model; None if there is no id."""


def key_of(span: Span) -> Key:
    """Return what names a span."""
    return span.trace_id, span.span_id


def find_repeats(spans: Sequence[Span]) -> Repeats:
    """Look at the spans of a batch together: at those of which others of the trace are there."""
    by_trace: defaultdict[bytes, list[Span]] = defaultdict(list)
    for span in spans:
        by_trace[span.trace_id].append(span)
    if len(by_trace) == len(spans):
        return NOTHING_REPEATED
    repeated: set[Key] = set()
    above: set[Key] = set()
    for trace_id, together in by_trace.items():
        if len(together) > 1:
            found = _find_in_trace(together)
            repeated.update((trace_id, span_id) for span_id in found[0])
            above.update((trace_id, span_id) for span_id in found[1])
    return Repeats(frozenset(repeated), frozenset(above))


def _find_in_trace(spans: Sequence[Span]) -> tuple[set[bytes], set[bytes]]:
    """Return the ids of the spans that are repeated, and of those above an inference span."""
    parents = {span.span_id: span.parent_span_id for span in spans}
    calls = {call.span_id: call for span in spans if (call := _call(span))}
    repeated: set[bytes] = set()
    above: set[bytes] = set()
    by_join: defaultdict[tuple[str, object], list[_Call]] = defaultdict(list)
    for call in calls.values():
        for ancestor in _ancestors(call.span_id, parents):
            above.add(ancestor)
            outer = calls.get(ancestor)
            if outer and _same_call(outer, call):
                repeated.add(ancestor)
        if call.join:
            by_join[call.join].append(call)
    for same in by_join.values():
        if len(same) > 1:
            repeated.update(_outer(call for call in same if call.span_id not in repeated))
    return repeated, above


def _call(span: Span) -> _Call | None:
    """Return what a span says of an inference call; None if it is not about one, or without tokens."""
    given, produced, operation, response, model = span.get_all(_SAID)
    if (given is None and produced is None) or (type(operation) is str and operation not in BILLABLE):
        return None
    join = None
    if response and type(response) is str:
        join = (response, model if type(model) is str else None)
    return _Call(span.span_id, span.start_time_unix_nano, span.end_time_unix_nano, (given, produced), join)


def _ancestors(span_id: bytes, parents: dict[bytes, bytes]) -> Iterator[bytes]:
    for _ in range(_MAX_DEPTH):
        parent = parents.get(span_id)
        if parent is None or parent not in parents:
            return
        yield parent
        span_id = parent


def _same_call(outer: _Call, inner: _Call) -> bool:
    """Tell whether a call and one below it are the same: by the id of the response, or else by what was used."""
    if outer.span_id == inner.span_id:
        return False
    if outer.join and inner.join:
        return outer.join == inner.join
    return outer.usage == inner.usage


def _outer(calls: Iterable[_Call]) -> Iterator[bytes]:
    """Return those of the calls with one response id that enclose another in time.

    A response that came out of a cache has the id of the one that went in: that is another call, after the first.
    """
    charged: list[_Call] = []
    for call in sorted(calls, key=lambda call: (-call.start, call.end, call.span_id)):
        if any(
            call.end >= inner.end and call.span_id != inner.span_id and call.start <= inner.start
            for inner in charged[-_COMPARED:]
        ):
            yield call.span_id
        else:
            charged.append(call)
