from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from otel_llm import semconv
from otel_llm.batch import Batch
from otel_llm.chain import Chain
from otel_llm.testing import make_request
from otel_llm_processors.cost import factory
from tests.model_call import CALL

ANSWER = {**CALL, "gen_ai.response.id": "r-1", "gen_ai.response.model": "gpt-4o-2024-08-06"}
AGENT = {**CALL, "gen_ai.operation.name": "invoke_agent"}
TURN = {"gen_ai.operation.name": "chat", "gen_ai.request.model": "gpt-4o"}
chain = Chain([("cost", factory.build())])


def statuses(*spans: tuple[int, int, int, dict[str, Any]], scope: str = "test", traces: int = 1) -> list[Any]:
    """Return the status of each span; a span is its parent's number (from 1, 0 is none), start, end and attributes.

    They belong to so many traces, in turn.
    """
    request = ExportTraceServiceRequest.FromString(make_request(*(attributes for *_, attributes in spans), scope=scope))
    protos = request.resource_spans[0].scope_spans[0].spans
    base = protos[0].start_time_unix_nano
    for number, (proto, (parent, start, end, _)) in enumerate(zip(protos, spans, strict=True)):
        proto.trace_id = (number % traces + 1).to_bytes(16, "big")
        proto.parent_span_id = parent.to_bytes(8, "big") if parent else b""
        proto.start_time_unix_nano, proto.end_time_unix_nano = base + start, base + end
    batch = Batch(request.SerializeToString())
    chain.run(batch)
    return [span.get(semconv.COST_STATUS) for span in batch.spans]


def test_the_inner_span_of_one_call_is_charged() -> None:
    """An SDK and the proxy behind it report the same response: once is enough."""
    assert ["not_billable", "priced"] == statuses((0, 0, 9, ANSWER), (1, 1, 8, ANSWER))
    assert ["priced", "not_billable"] == statuses((2, 1, 8, ANSWER), (0, 0, 9, ANSWER))


def test_of_three_layers_the_innermost_is_charged() -> None:
    """However many instrumentations there are."""
    assert ["not_billable", "not_billable", "priced"] == statuses(
        (0, 0, 9, ANSWER), (1, 1, 8, ANSWER), (2, 2, 7, ANSWER)
    )


def test_one_response_is_charged_once_though_the_spans_between_are_missing() -> None:
    """Where HTTP spans stand between SDK and proxy, the response's id and the times tell."""
    assert ["not_billable", "priced"] == statuses((0, 0, 9, ANSWER), (77, 1, 8, ANSWER))


def test_one_response_is_charged_once_though_each_span_starts_a_trace() -> None:
    """An SDK that traces itself under an instrumentation that makes no span current: ids, tokens and times tell."""
    other_tokens = {**ANSWER, "gen_ai.usage.output_tokens": 99}

    assert ["not_billable", "priced"] == statuses((0, 0, 9, ANSWER), (0, 1, 8, ANSWER), traces=2)
    assert ["priced", "priced"] == statuses((0, 0, 9, ANSWER), (0, 1, 8, other_tokens), traces=2)
    assert ["priced", "priced"] == statuses((0, 0, 3, ANSWER), (0, 4, 8, ANSWER), traces=2)
    assert ["priced", "priced"] == statuses((0, 0, 9, CALL), (0, 1, 8, CALL), traces=2)


def test_a_span_without_response_id_below_one_with_the_same_tokens_is_the_same_call() -> None:
    """Google ADK's double span has nothing but its parent and its counts."""
    inner = {**CALL, "gen_ai.operation.name": "generate_content"}

    assert ["not_billable", None, "priced"] == statuses((0, 0, 9, CALL), (1, 1, 8, TOOL), (2, 2, 7, inner))


def test_the_outer_span_is_charged_where_it_tells_more() -> None:
    """Up to version 1.39 Google ADK leaves out on the inner one what was thought, and what was cached."""
    assert ["priced", "not_billable"] == statuses((0, 0, 9, THOUGHTFUL), (1, 1, 8, CALL))
    assert ["not_billable", "priced"] == statuses((0, 0, 9, CALL), (1, 1, 8, THOUGHTFUL))
    assert ["not_billable", "priced", "not_billable"] == statuses(
        (0, 0, 9, THOUGHTFUL), (1, 1, 8, THOUGHTFUL), (2, 2, 7, CALL)
    )
    assert ["priced", "not_billable"] == statuses((0, 0, 9, CACHED), (1, 1, 8, CALL))
    assert ["not_billable", "priced"] == statuses((0, 0, 9, CACHED), (1, 1, 8, CACHED))


TOOL = {"gen_ai.operation.name": "execute_tool"}
THOUGHTFUL = {**CALL, "gen_ai.usage.output_tokens": 164, "gen_ai.usage.reasoning.output_tokens": 64}
CACHED = {**CALL, "gen_ai.usage.cache_read.input_tokens": 900}


@pytest.mark.parametrize(
    "inner",
    [
        {**ANSWER, "gen_ai.response.id": "r-2"},
        {**ANSWER, "gen_ai.response.model": "gpt-4o-mini"},
        {**CALL, "gen_ai.usage.output_tokens": 99},
    ],
)
def test_different_calls_are_charged_each(inner: dict[str, Any]) -> None:
    """Another response, another model or other counts are another call, be it below the first."""
    assert ["priced", "priced"] == statuses((0, 0, 9, ANSWER), (1, 1, 8, inner))


def test_siblings_with_the_same_counts_are_charged_each() -> None:
    """Only a span above another can repeat it when no response has an id."""
    assert ["not_billable", "priced", "priced"] == statuses((0, 0, 9, AGENT), (1, 1, 3, CALL), (1, 4, 6, CALL))


def test_a_span_id_names_a_span_of_its_own_trace() -> None:
    """A parent that only another trace has an id for is a span that is not here."""
    assert ["priced", "priced"] == statuses((0, 0, 9, CALL), (1, 1, 8, CALL), traces=2)


def test_a_cached_answer_does_not_make_the_first_call_free() -> None:
    """A cache gives the response's id again, later: those are two calls."""
    hit = {**ANSWER, "litellm.cache_hit": True}

    assert ["priced", "priced"] == statuses((0, 0, 3, ANSWER), (0, 4, 5, hit))


@pytest.mark.parametrize("scope", ["logfire.claude_agent_sdk", "openinference.instrumentation.claude_agent_sdk"])
def test_an_agent_is_charged_only_where_its_emitter_has_the_usage_nowhere_else(scope: str) -> None:
    """For the Claude Agent SDK all usage is on the agent: it is charged, unless a call below has usage too."""
    assert ["priced", "unpriced"] == statuses((0, 0, 9, AGENT), (1, 1, 8, TURN), scope=scope)
    assert ["priced"] == statuses((0, 0, 9, AGENT), scope=scope)
    assert ["not_billable", "priced"] == statuses((0, 0, 9, AGENT), (1, 1, 8, CALL), scope=scope)
    assert ["not_billable", "unpriced"] == statuses((0, 0, 9, AGENT), (1, 1, 8, TURN))


def test_a_circle_of_parents_ends() -> None:
    """Spans that are each other's parents are no reason to hang; one of them is charged."""
    assert {"priced", "not_billable"} >= set(statuses((2, 0, 9, CALL), (1, 1, 8, CALL)))
    assert ["priced"] == statuses((1, 0, 9, ANSWER))


CALLS = [CALL, ANSWER, CACHED, THOUGHTFUL, {**THOUGHTFUL, "gen_ai.usage.output_tokens": 228}]


@given(
    st.lists(
        st.tuples(st.integers(0, 6), st.integers(0, 9), st.integers(0, 9), st.sampled_from([*CALLS, AGENT, TOOL])),
        min_size=1,
        max_size=6,
    )
)
def test_a_call_is_never_lost(spans: list[tuple[int, int, int, dict[str, Any]]]) -> None:
    """Whatever the tree and the times, where there is any inference without a circle, at least one span is charged."""
    tree = [(min(parent, number), start, end, call) for number, (parent, start, end, call) in enumerate(spans)]

    assert any(call in CALLS for *_, call in tree) == ("priced" in statuses(*tree))
