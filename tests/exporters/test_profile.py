from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, get_args

import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from pydantic import ValidationError

from otel_llm.batch import Batch
from otel_llm.exporters.otlp import OtlpConfig
from otel_llm.exporters.otlphttp import OtlpHttpConfig
from otel_llm.exporters.profile import HTTP_ONLY, Profile, Rewrite, rewritten
from otel_llm.testing import make_request

if TYPE_CHECKING:
    from otel_llm.span import Span

PROFILES = [profile for profile in get_args(Profile) if profile != "none"]
PRICED: dict[str, str | float] = {
    "gen_ai.operation.name": "chat",
    "otel_llm.cost.input_usd": 0.1,
    "otel_llm.cost.cache_read_usd": 0.02,
    "otel_llm.cost.cache_write_usd": 0.003,
    "otel_llm.cost.output_usd": 0.2,
    "otel_llm.cost.total_usd": 0.323,
}


async def leaving(profile: Profile, attributes: dict[str, Any]) -> Span:
    """Return what leaves for a backend of a span with these attributes."""
    [span] = Batch(await rewritten(Rewrite(profile), Batch(make_request(attributes)))).spans
    return span


@pytest.mark.parametrize(
    ("profile", "expected"),
    [
        ("arize", {"llm.cost.total": 0.323, "llm.cost.prompt": 0.123, "llm.cost.completion": 0.2}),
        ("laminar", {"gen_ai.usage.input_cost": 0.123, "gen_ai.usage.output_cost": 0.2}),
        ("logfire", {"operation.cost": 0.323}),
        ("sentry", {"gen_ai.cost.total_tokens": 0.323, "gen_ai.cost.input_tokens": 0.123}),
        ("signoz", {"_signoz.gen_ai.total_cost": 0.323, "_signoz.gen_ai.cost_cache_write": 0.003}),
    ],
)
async def test_costs_get_the_names_that_a_backend_reads(profile: Profile, expected: dict[str, float]) -> None:
    """The parts that a backend does not tell apart are added up."""
    span = await leaving(profile, PRICED)

    assert expected == {key: span.get(key) for key in expected}


@pytest.mark.parametrize(
    ("profile", "key", "expected"),
    [
        (
            "langfuse",
            "langfuse.observation.cost_details",
            {"input": 0.1, "input_cache_read": 0.02, "input_cache_creation": 0.003, "output": 0.2, "total": 0.323},
        ),
        ("mlflow", "mlflow.llm.cost", {"input_cost": 0.123, "output_cost": 0.2, "total_cost": 0.323}),
    ],
)
async def test_costs_as_json(profile: Profile, key: str, expected: dict[str, float]) -> None:
    """Some read one text with all of them."""
    span = await leaving(profile, PRICED)

    assert expected == json.loads(span.get_str(key) or "")


@pytest.mark.parametrize("profile", PROFILES)
async def test_an_unpriced_call_gets_no_cost(profile: Profile) -> None:
    """Unknown is not zero, in anybody's words."""
    span = await leaving(profile, {"gen_ai.operation.name": "chat", "otel_llm.cost.status": "unpriced"})

    assert ["gen_ai.operation.name", "otel_llm.cost.status"] == span.keys()


@pytest.mark.parametrize("profile", ["langfuse", "phoenix"])
async def test_tokens_that_were_written_to_a_cache_get_the_name_that_is_read(profile: Profile) -> None:
    """Langfuse takes every other `gen_ai.usage.*` for one more kind of tokens."""
    span = await leaving(profile, {"gen_ai.usage.cache_write.input_tokens": 7})

    assert {"gen_ai.usage.cache_creation.input_tokens": 7} == {key: span.get(key) for key in span.keys("gen_ai.")}


@pytest.mark.parametrize("profile", PROFILES)
async def test_structured_content_leaves_as_json(profile: Profile) -> None:
    """Also what is nested deeper, and bytes; lists of plain values stay lists."""
    request = ExportTraceServiceRequest.FromString(make_request({"gen_ai.response.finish_reasons": ["stop"]}))
    span = request.resource_spans[0].scope_spans[0].spans[0]
    message = span.attributes.add(key="gen_ai.input.messages").value.array_value.values.add().kvlist_value
    message.values.add(key="role").value.string_value = "user"
    message.values.add(key="image").value.bytes_value = b"\x00"

    [left] = Batch(await rewritten(Rewrite(profile), Batch(request.SerializeToString()))).spans

    assert [{"role": "user", "image": "AA=="}] == json.loads(left.get_str("gen_ai.input.messages") or "")
    assert ["stop"] == left.get("gen_ai.response.finish_reasons")


@pytest.mark.parametrize("profile", PROFILES)
async def test_a_second_attempt_sends_the_same(profile: Profile) -> None:
    """Exports are retried with the very batch."""
    batch = Batch(make_request({**PRICED, "gen_ai.usage.cache_write.input_tokens": 7}))
    rewrite = Rewrite(profile)

    assert await rewritten(rewrite, batch) == await rewritten(rewrite, batch)


@pytest.mark.parametrize("attributes", [{"http.route": "/"}, {"note": "gen_ai."}])
async def test_what_is_not_gen_ai_leaves_as_the_bytes_that_came(attributes: dict[str, str]) -> None:
    """Whatever the backend is."""
    request = make_request(attributes)

    assert request is await rewritten(Rewrite("langfuse"), Batch(request))


async def test_a_large_batch_is_rewritten_too() -> None:
    """In a thread, which nobody sees."""
    span = await leaving("logfire", {**PRICED, "gen_ai.input.messages": "x" * 300_000})

    assert 0.323 == span.get("operation.cost")


@pytest.mark.parametrize("profile", sorted(HTTP_ONLY))
def test_a_backend_without_grpc_is_refused_there(profile: Profile) -> None:
    """Before anything is sent that would never be taken."""
    with pytest.raises(ValidationError, match="use otlphttp"):
        OtlpConfig(endpoint="127.0.0.1:4317", profile=profile)

    assert profile == OtlpHttpConfig(endpoint="http://127.0.0.1:4318", profile=profile).profile
