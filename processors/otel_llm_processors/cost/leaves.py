"""Which spans of a batch repeat a call that another span is charged for.

An SDK and the proxy behind it, or two instrumentations of one SDK, each write a client span for the same call: the
inner one is charged, unless the outer one tells more of it. So where each starts a trace of its own: then the id of the
response and the tokens tell. Spans that come in different batches are not seen together, and each is priced.
"""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from otel_llm import semconv
from otel_llm.span import Span

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

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
    semconv.GEN_AI_USAGE_REASONING_OUTPUT_TOKENS,
    semconv.GEN_AI_USAGE_CACHE_READ_INPUT_TOKENS,
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
    """What a span says of an inference call."""

    key: Key
    span: Span
    given: Any
    produced: Any
    thought: Any
    cached: Any
    join: tuple[str, Any] | None
    """Response id and response model; None if there is no id."""

    @property
    def usage(self) -> tuple[object, object]:
        """What went in and came out."""
        return self.given, self.produced

    @property
    def unthought(self) -> tuple[object, object]:
        """The usage as those have it who leave out what was thought."""
        if type(self.produced) is int and type(self.thought) is int:
            return self.given, self.produced - self.thought
        return self.usage

    @property
    def told(self) -> tuple[bool, bool]:
        """Whether it tells of what was thought, and of what was cached."""
        return bool(self.thought), bool(self.cached)

    @property
    def start(self) -> int:
        """When it began."""
        return self.span.start_time_unix_nano

    @property
    def end(self) -> int:
        """When it ended."""
        return self.span.end_time_unix_nano


def key_of(span: Span) -> Key:
    """Return what names a span."""
    return span.trace_id, span.span_id


def find_repeats(spans: Sequence[Span]) -> Repeats:
    """Look at the spans of a batch together, where one is below another or two have the id of one response."""
    ids = [span.span_id for span in spans]
    parent_ids = [span.parent_span_id for span in spans]
    is_nested = not set(ids).isdisjoint(parent_ids)
    responses = [response for span in spans if (response := span.get_str(semconv.GEN_AI_RESPONSE_ID))]
    is_answered_twice = len(set(responses)) < len(responses)
    if not is_nested and not is_answered_twice:
        return NOTHING_REPEATED
    keys = [(span.trace_id, span_id) for span, span_id in zip(spans, ids, strict=True)]
    calls = {key: call for key, span in zip(keys, spans, strict=True) if (call := _call(key, span))}
    repeated: set[Key] = set()
    above: set[Key] = set()
    if is_nested:
        parents = {key: (key[0], parent_id) for key, parent_id in zip(keys, parent_ids, strict=True)}
        _look_above(parents, calls, repeated, above)
    if is_answered_twice:
        by_join: defaultdict[tuple[str, object], list[_Call]] = defaultdict(list)
        for call in calls.values():
            if call.join and call.key not in repeated:
                by_join[call.join].append(call)
        for same in by_join.values():
            if len(same) > 1:
                repeated.update(_outer(same))
    return Repeats(frozenset(repeated), frozenset(above))


def _look_above(parents: Mapping[Key, Key], calls: Mapping[Key, _Call], repeated: set[Key], above: set[Key]) -> None:
    """Add the spans that a call below them repeats, and those that are above a call."""
    for key, call in calls.items():
        for ancestor in _ancestors(key, parents):
            above.add(ancestor)
            outer = calls.get(ancestor)
            if outer and _same_call(outer, call):
                repeated.add(key if outer.told > call.told else ancestor)


def _call(key: Key, span: Span) -> _Call | None:
    """Return what a span says of an inference call; None if it is not about one, or without tokens."""
    given, produced, thought, cached, operation, response, model = span.get_all(_SAID)
    if (given is None and produced is None) or (type(operation) is str and operation not in BILLABLE):
        return None
    join = None
    if response and type(response) is str:
        join = (response, model if type(model) is str else None)
    return _Call(key, span, given, produced, thought, cached, join)


def _ancestors(key: Key, parents: Mapping[Key, Key]) -> Iterator[Key]:
    for _ in range(_MAX_DEPTH):
        key = parents[key]
        if key not in parents:
            return
        yield key


def _same_call(outer: _Call, inner: _Call) -> bool:
    """Tell whether a call and one below it are the same: by the id of the response, or else by what was used."""
    if outer.key == inner.key:
        return False
    if outer.join and inner.join:
        return outer.join == inner.join
    return outer.usage in (inner.usage, inner.unthought) or outer.unthought == inner.usage


def _outer(calls: Iterable[_Call]) -> Iterator[Key]:
    """Return those of the calls with one response id that enclose another in time.

    A response that came out of a cache has the id of the one that went in: that is another call, after the first. In
    another trace the tokens must be the same too: it may be somebody else's, whose provider counts its responses.
    """
    charged: list[_Call] = []
    for call in sorted(calls, key=lambda call: (-call.start, call.end, call.key)):
        if any(_encloses(call, inner) for inner in charged[-_COMPARED:]):
            yield call.key
        else:
            charged.append(call)


def _encloses(outer: _Call, inner: _Call) -> bool:
    in_time = outer.start <= inner.start and inner.end <= outer.end
    return in_time and outer.key != inner.key and (outer.key[0] == inner.key[0] or outer.usage == inner.usage)
