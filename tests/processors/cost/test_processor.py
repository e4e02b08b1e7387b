from __future__ import annotations

import json
import math
import subprocess
import sys
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from otel_llm import semconv
from otel_llm.component import Settings
from otel_llm.telemetry import Meter
from otel_llm.testing import check_processor, make_span
from otel_llm_processors.cost import factory
from otel_llm_processors.cost.prices import bundled_prices
from tests.model_call import CALL

GOLDEN = sorted((Path(__file__).parents[2] / "golden" / "cost").glob("*.json"))
UNKNOWN = {**CALL, "gen_ai.request.model": "made-up"}
processor = factory.build()


def priced(attributes: dict[str, Any], **span_fields: Any) -> dict[str, Any]:
    """Return what is on a span after the processor that was not there, or not so, before."""
    span = make_span(attributes, **span_fields)
    processor.process_span(span)
    return {key: span.get(key) for key in span.keys() if repr(span.get(key)) != repr(attributes.get(key))}  # noqa: SIM118 - a span is no dict


@pytest.mark.parametrize("path", GOLDEN, ids=lambda path: path.stem)
def test_golden_spans(path: Path) -> None:
    """Each file holds a span's attributes before, and those that the processor adds or changes."""
    case = json.loads(path.read_text())
    start = int(datetime.fromisoformat(case["start"]).timestamp()) * 10**9
    added = priced(case["in"], start_time_unix_nano=start)
    if semconv.COST_PRICE_VERSION in case["out"]:
        case["out"][semconv.COST_PRICE_VERSION] = bundled_prices().version

    assert case["out"] == added


def test_it_does_what_every_processor_must() -> None:
    """Registered, documented, harmless on any span, the same when run twice."""
    check_processor(factory)


@pytest.mark.parametrize(
    "operation",
    [
        "invoke_agent",
        "create_agent",
        "invoke_workflow",
        "execute_tool",
        "plan",
        "fetch_response",
        "retrieval",
        "agent_step",
    ],
)
def test_only_inference_is_charged(operation: str) -> None:
    """Agents, workflows and tools repeat the usage of calls that are charged themselves."""
    assert {semconv.COST_STATUS: "not_billable"} == priced({**CALL, "gen_ai.operation.name": operation})
    assert {} == priced({"gen_ai.operation.name": operation, "gen_ai.request.model": "gpt-4o"})


@pytest.mark.parametrize("operation", ["chat", "text_completion", "generate_content", None])
def test_inference_is_charged_whatever_it_is_called(operation: str | None) -> None:
    """A span without an operation but with usage and a model is inference."""
    call = {key: value for key, value in CALL.items() if key != "gen_ai.operation.name"}
    added = priced(call if operation is None else {**call, "gen_ai.operation.name": operation})

    assert ("priced", 0.0035) == (added[semconv.COST_STATUS], added[semconv.COST_TOTAL_USD])


@pytest.mark.parametrize("value", [-1, 12.5, math.nan, math.inf, "１２", "1_000", " 12\n", True, [1, 2], b"1", 10**15])  # noqa: RUF001 - full-width digits are the case
def test_invalid_usage_costs_nothing_known(value: Any) -> None:
    """A count that is none leaves a status and no cost, not even one that the emitter reported."""
    call = {**CALL, "gen_ai.usage.output_tokens": value, "operation.cost": 1.0}

    assert {semconv.COST_STATUS: "invalid_usage"} == priced(call)


def test_inconsistent_usage_says_so() -> None:
    """More cached than there is: no cost, and why."""
    assert {
        semconv.COST_STATUS: "invalid_usage",
        semconv.COST_UNPRICED_REASON: "inconsistent_usage",
    } == priced({**CALL, "gen_ai.usage.cache_read.input_tokens": 1001})


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"gen_ai.request.model": None}, "no_model"),
        ({"gen_ai.request.model": ""}, "no_model"),
        ({"gen_ai.request.model": "made-up"}, "unknown_model"),
        ({"gen_ai.provider.name": "acme", "gen_ai.request.model": "made-up"}, "unknown_provider"),
        ({"gen_ai.usage.input_tokens": None, "gen_ai.usage.output_tokens": None}, "no_usage"),
        ({"gen_ai.request.model": "whisper-1"}, "no_price"),
        ({"gen_ai.request.model": "text-embedding-3-small"}, "no_price"),
    ],
)
def test_unknown_is_never_zero(changes: dict[str, Any], reason: str) -> None:
    """What cannot be priced has a reason and no cost."""
    assert {
        semconv.COST_STATUS: "unpriced",
        semconv.COST_UNPRICED_REASON: reason,
    } == priced({**CALL, **changes})


def test_a_span_without_operation_and_usage_is_left_alone() -> None:
    """Nothing says that it was charged for."""
    assert {} == priced({"gen_ai.request.model": "gpt-4o", "gen_ai.conversation.id": "c"})


def test_the_model_that_answered_is_charged() -> None:
    """The response's model comes first; where it has no price, the request's is taken."""
    mini = priced({**CALL, "gen_ai.response.model": "gpt-4o-mini-2024-07-18"})
    same = priced({**CALL, "gen_ai.response.model": "our-deployment"})

    assert 0.00021 == mini[semconv.COST_TOTAL_USD]
    assert 0.0035 == same[semconv.COST_TOTAL_USD]


@pytest.mark.parametrize(
    "key",
    [
        "gen_ai.usage.cost",
        "operation.cost",
        "llm.cost.total",
        "gen_ai.cost.total_cost",
        "litellm.cost.total",
        "gen_ai.usage.total_cost",
        "gen_ai.usage.cost_usd",
    ],
)
def test_a_reported_cost_is_used_only_without_a_price(key: str) -> None:
    """What the emitter reported is kept beside our price, and stands in for it where there is none."""
    known, unknown = priced({**CALL, key: 0.25}), priced({**UNKNOWN, key: 0.25})

    assert ("priced", 0.25, 0.0035, 0.0035) == tuple(
        known[name]
        for name in (semconv.COST_STATUS, semconv.COST_REPORTED_USD, semconv.COST_TOTAL_USD, semconv.GEN_AI_USAGE_COST)
    )
    assert {
        semconv.COST_STATUS: "reported",
        semconv.COST_REPORTED_USD: 0.25,
        semconv.COST_TOTAL_USD: 0.25,
        semconv.COST_SOURCE: "emitter",
        semconv.COST_UNPRICED_REASON: "unknown_model",
        "gen_ai.usage.cost": 0.25,
    } == {"gen_ai.usage.cost": 0.25, **unknown}


@pytest.mark.parametrize("reported", [-1, math.nan, math.inf, "0.25", True, [0.25], None])
def test_a_reported_cost_that_is_no_amount_is_ignored(reported: Any) -> None:
    """Only a finite number that is not negative is an amount of money."""
    added = priced({**UNKNOWN, "operation.cost": reported})

    assert "unpriced" == added[semconv.COST_STATUS]
    assert semconv.COST_REPORTED_USD not in added


def test_a_reported_zero_is_kept_but_not_believed() -> None:
    """Some emitters report 0 for a model they do not know: that is no price."""
    added = priced({**UNKNOWN, "gen_ai.usage.cost": 0})

    assert ("unpriced", 0.0) == (added[semconv.COST_STATUS], added[semconv.COST_REPORTED_USD])
    assert semconv.COST_TOTAL_USD not in added


@pytest.mark.parametrize(
    "call", [CALL, UNKNOWN, {**UNKNOWN, "llm.cost.total": 0.5}, {**CALL, "gen_ai.usage.cost": 9.0}]
)
def test_a_second_run_changes_nothing(call: dict[str, Any]) -> None:
    """The alias that was written the first time is not taken for a reported cost."""
    span = make_span(call)
    processor.process_span(span)
    once = {key: span.get(key) for key in span.keys()}  # noqa: SIM118 - a span is no dict
    span._shared.dirty = False
    processor.process_span(span)

    assert once == {key: span.get(key) for key in span.keys()}  # noqa: SIM118 - as above
    assert not span._shared.dirty


def test_aliases_carry_the_total() -> None:
    """Every alias of the config gets the total, and the default one goes when it is not among them."""
    span = make_span(CALL)
    factory.build({"aliases": ["operation.cost", "llm.cost.total"]}).process_span(span)

    assert (0.0035, 0.0035, None) == tuple(
        span.get(key) for key in ("operation.cost", "llm.cost.total", "gen_ai.usage.cost")
    )


def test_a_span_without_a_start_is_priced_as_of_now() -> None:
    """Its time being unknown does not get it the oldest price on record."""
    clock = datetime.fromisoformat("2025-06-20T00:00:00Z").timestamp
    span = make_span({**CALL, "gen_ai.request.model": "o3"}, start_time_unix_nano=0)
    factory.create(factory.config(), Settings("cost", clock=clock)).process_span(span)

    assert 0.0028 == span.get(semconv.COST_TOTAL_USD)


def test_spans_are_counted() -> None:
    """Metrics tell how many spans got a price, and why the others did not, without a text of theirs."""
    meter = Meter()
    counting = factory.build({}, Settings("cost", meter=meter))
    for call in (CALL, CALL, UNKNOWN, {**CALL, "gen_ai.usage.input_tokens": -1}):
        counting.process_span(make_span(call))

    assert 2 == meter.value("priced_spans_total")
    assert 1 == meter.value("unpriced_spans_total", reason="unknown_model")
    assert 1 == meter.value("unpriced_spans_total", reason="invalid_usage")


def test_prices_are_loaded_at_the_start() -> None:
    """Making the processor does not import the price data, which takes half a second; starting it does."""
    code = (
        "import otel_llm_processors.cost as c, sys; p = c.factory.build(); made = 'genai_prices' in sys.modules;"
        "p.start(); sys.exit(made or 'genai_prices' not in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], check=False, env={"PYTHONPATH": ":".join(sys.path)})

    assert 0 == done.returncode


ANY_VALUE = st.one_of(
    st.integers(-(2**63), 2**63 - 1),
    st.integers(0, 10**6),
    st.floats(),
    st.booleans(),
    st.text(max_size=20),
    st.from_regex("[0-9]{1,16}", fullmatch=True),
    st.binary(max_size=5),
    st.none(),
    st.lists(st.integers(0, 9), max_size=2),
)
ANY_CALL = st.fixed_dictionaries(
    {},
    optional={
        **dict.fromkeys(
            [
                "gen_ai.usage.input_tokens",
                "gen_ai.usage.output_tokens",
                "gen_ai.usage.cache_read.input_tokens",
                "gen_ai.usage.cache_write.input_tokens",
                "gen_ai.usage.reasoning.output_tokens",
                "gen_ai.usage.cost",
                "operation.cost",
            ],
            ANY_VALUE,
        ),
        "gen_ai.operation.name": st.sampled_from(["chat", "embeddings", "invoke_agent"]) | ANY_VALUE,
        "gen_ai.provider.name": st.sampled_from(["openai", "anthropic", "gcp.gemini"]) | ANY_VALUE,
        "gen_ai.request.model": st.sampled_from(["gpt-4o", "claude-sonnet-4-5", "gemini-2.5-pro"]) | ANY_VALUE,
        "gen_ai.response.model": st.sampled_from(["gpt-4o-mini", "sonar"]) | ANY_VALUE,
    },
)


@given(ANY_CALL, st.integers(0, 2**63))
@settings(deadline=None)
def test_no_attribute_makes_it_fail(call: dict[str, Any], start: int) -> None:
    """Whatever stands on a span, nothing is raised, and no cost is negative, infinite or no number."""
    span = make_span(call, start_time_unix_nano=start)
    processor.process_span(span)
    amounts = [span.get(key) for key in span.keys("otel_llm.cost.") if key.endswith("_usd")]

    assert all(type(amount) is float and 0 <= amount < math.inf for amount in amounts)
    assert (span.get(semconv.COST_STATUS) in {"priced", "reported"}) == (semconv.COST_TOTAL_USD in span)


@given(st.permutations([*CALL.items(), ("gen_ai.usage.cache_read.input_tokens", 7), ("operation.cost", 0.5)]))
@settings(deadline=None)
def test_the_order_of_attributes_does_not_matter(pairs: list[tuple[str, Any]]) -> None:
    """Any permutation of a span's attributes costs the same."""
    assert priced(dict(sorted(pairs))) == priced(dict(pairs))
