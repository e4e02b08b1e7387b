from __future__ import annotations

import json
import tracemalloc
from typing import TYPE_CHECKING, Any

import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from otel_llm import semconv
from otel_llm.batch import Batch
from otel_llm.chain import Chain
from otel_llm.component import Settings
from otel_llm.telemetry import Meter
from otel_llm.testing import check_processor, make_request
from otel_llm_processors.gen_ai_normalizer import factory
from otel_llm_processors.gen_ai_normalizer.canonical import CONTENT, NAMES, VALUES
from otel_llm_processors.gen_ai_normalizer.dialects import DIALECTS
from tests.processors.gen_ai_normalizer.items import attributes_of, batch_of_span, record_of, span_of

if TYPE_CHECKING:
    from collections.abc import Callable

CHAT = {
    semconv.GEN_AI_OPERATION_NAME: "chat",
    semconv.GEN_AI_REQUEST_MODEL: "gpt-4o",
    semconv.GEN_AI_PROVIDER_NAME: "openai",
}


def normalised(attributes: dict[str, Any], *, name: str = "a span", **config: Any) -> dict[str, Any]:
    """Return a span's attributes after the processor."""
    span = span_of(attributes, name=name)
    factory.build(config).process_span(span)
    return attributes_of(span)


def test_it_does_what_every_processor_must() -> None:
    """Registered, documented, harmless on any span, the same when run twice."""
    check_processor(factory)
    check_processor(factory, {"remove_originals": True, "overwrite": True})


@pytest.mark.parametrize("dialect", DIALECTS.values(), ids=DIALECTS)
def test_a_dialects_table_maps_to_attributes_that_are_known(dialect: Any) -> None:
    """Every current name in a table has a type, and every dialect bytes to be found by."""
    assert dialect.fields.keys() <= NAMES.keys() | CONTENT.keys() | VALUES.keys()
    assert {content.attribute for contents in dialect.events.values() for content in contents} <= CONTENT.keys()
    assert dialect.markers


@pytest.mark.parametrize(
    ("written", "counted"),
    [
        (0, 0),
        ("0", 0),
        ("00042", 42),
        (42.0, 42),
        ("9223372036854775807", 9223372036854775807),
        ("9223372036854775808", "9223372036854775808"),
        (1e300, 1e300),
        (1.5, 1.5),
        (-1, -1),
        (True, True),
        ("-1", "-1"),
        ("+1", "+1"),
        (" 1", " 1"),
        ("1_000", "1_000"),
        ("1e3", "1e3"),
        ("\uff14\uff12", "\uff14\uff12"),
        (["42"], ["42"]),
    ],
)
def test_a_count_is_an_integer_or_left_as_it_is(written: Any, counted: Any) -> None:
    """Only what is exactly a whole number, not negative, becomes one: the rest is shown to whoever prices it."""
    after = normalised({**CHAT, "gen_ai.usage.input_tokens": written})

    assert repr(counted) == repr(after["gen_ai.usage.input_tokens"])


@pytest.mark.parametrize("valid", [7, "7", 7.0])
@pytest.mark.parametrize("invalid", ["", "many", -1, True, None, [7], b"7", {"seven": 7}])
def test_a_value_that_is_none_gives_way_to_another_spelling(valid: Any, invalid: Any) -> None:
    """Whichever of the two is the older spelling."""
    new, old = semconv.GEN_AI_USAGE_INPUT_TOKENS, "gen_ai.usage.prompt_tokens"

    assert 7 == normalised({new: invalid, old: valid})[new]
    assert 7 == normalised({new: valid, old: invalid})[new]


def test_an_empty_string_is_no_value() -> None:
    """Some emitters write it for what they do not know: a count that is empty would count as wrong."""
    after = normalised({"gen_ai.provider.name": "", "gen_ai.usage.input_tokens": "", "gen_ai.usage.prompt_tokens": ""})

    assert {"gen_ai.usage.prompt_tokens": "", "otel_llm.dialect": "semconv_legacy"} == after


def test_who_made_a_model_does_not_contradict_who_hosts_it() -> None:
    """OpenInference names both: `llm.provider` is the host."""
    meter = Meter()
    processor = factory.build({}, Settings("gen_ai_normalizer", meter=meter))
    span = span_of({"llm.provider": "azure", "llm.system": "openai"})
    processor.process_span(span)

    assert "azure.ai.openai" == span.get("gen_ai.provider.name")
    assert 0 == meter.value("normalizer_conflicts_total", attribute="gen_ai.provider.name")


def test_contradictions_are_counted_by_attribute() -> None:
    """Spellings that say the same in other words do not contradict each other."""
    meter = Meter()
    processor = factory.build({}, Settings("gen_ai_normalizer", meter=meter))
    for prompt_tokens, system in [(9, "az.ai.openai"), ("9", "langchain"), (10, "openai"), ("many", "")]:
        processor.process_span(
            span_of(
                {
                    "gen_ai.usage.input_tokens": 9,
                    "gen_ai.usage.prompt_tokens": prompt_tokens,
                    "gen_ai.provider.name": "azure.ai.openai",
                    "gen_ai.system": system,
                }
            )
        )

    assert 1 == meter.value("normalizer_conflicts_total", attribute="gen_ai.usage.input_tokens")
    assert 1 == meter.value("normalizer_conflicts_total", attribute="gen_ai.provider.name")
    assert 0 == meter.value("normalizer_conflicts_total", attribute="gen_ai.usage.output_tokens")


@pytest.mark.parametrize(
    ("name", "operation"),
    [
        ("chat gpt-4o", "chat"),
        ("embeddings gpt-4o", "embeddings"),
        ("text_completion gpt-4o", "text_completion"),
        ("generate_content gpt-4o", "generate_content"),
        ("chat gpt-4", None),
        ("chat", None),
        ("Chat gpt-4o", None),
        ("invoke_agent gpt-4o", None),
        ("chat gpt-4o again", None),
    ],
)
def test_an_operation_is_read_from_a_name_as_the_conventions_form_it(name: str, operation: str | None) -> None:
    """`{operation} {model}`, with the model that was requested."""
    after = normalised({"gen_ai.request.model": "gpt-4o"}, name=name)

    assert operation == after.get("gen_ai.operation.name")


def test_an_operation_that_is_there_stays() -> None:
    """A span's name is no argument against its attributes."""
    after = normalised({"gen_ai.request.model": "m", "gen_ai.operation.name": "Chat!"}, name="embeddings m")

    assert "Chat!" == after["gen_ai.operation.name"]


@pytest.mark.parametrize(
    ("written", "reasons"),
    [
        ("stop", ["stop"]),
        ('["stop", "length"]', ["stop", "length"]),
        (["stop"], ["stop"]),
        (["FinishReason.TOOL_CALLS", "stop"], ["tool_calls", "stop"]),
        ("[stop", ["[stop"]),
        ("stop, length", ["stop", "length"]),
        ('["a, b"]', ["a, b"]),
        ("[]", None),
        ("[1]", None),
        ([1], None),
        ([], None),
        ({"reason": "stop"}, None),
        ("", None),
    ],
)
def test_finish_reasons_are_a_list_of_texts(written: Any, reasons: list[str] | None) -> None:
    """One for each choice; what cannot be read so stays under the name it has."""
    after = normalised({**CHAT, "gen_ai.response.finish_reason": written})

    assert reasons == after.get("gen_ai.response.finish_reasons")
    assert written == after["gen_ai.response.finish_reason"]


@pytest.mark.parametrize(
    "messages", ['[{"finish_reason": null}]', '["finish_reason"]', '{"finish_reason": "stop"}', "finish_reason"]
)
def test_finish_reasons_are_not_made_up(messages: str) -> None:
    """Where one message has none, nobody knows which choice the others belong to."""
    assert "gen_ai.response.finish_reasons" not in normalised({**CHAT, "gen_ai.output.messages": messages})


@pytest.mark.parametrize(
    ("response_format", "output_type"),
    [
        ("text", "text"),
        ("json_object", "json"),
        ("json_schema", "json"),
        ('{"type": "json_schema", "json_schema": {}}', "json"),
        ({"type": "json_object"}, "json"),
        ("yaml", None),
        ({"type": ["text"]}, None),
        (1, None),
    ],
)
def test_a_response_format_says_what_output_was_asked_for(response_format: Any, output_type: str | None) -> None:
    """Also where the whole object of the request was recorded."""
    after = normalised({**CHAT, "gen_ai.openai.request.response_format": response_format})

    assert output_type == after.get("gen_ai.output.type")


def test_top_k_of_a_model_is_not_that_of_a_retrieval() -> None:
    """The attribute was split in two: only retrievals get the new one."""
    assert "gen_ai.retrieval.top_k" not in normalised({**CHAT, "gen_ai.request.top_k": 40})


def test_content_that_is_there_wins_over_other_content() -> None:
    """Under any of its current forms."""
    for content in ("[]", [{"role": "user"}], {"role": "user"}):
        after = normalised({**CHAT, "gen_ai.input.messages": content, "gen_ai.prompt": "Hi"})

        assert content == after["gen_ai.input.messages"]


@pytest.mark.parametrize("empty", ["", [], {}, None, 7])
def test_content_that_is_none_is_rebuilt(empty: Any) -> None:
    """Nothing in an attribute is nothing to keep."""
    after = normalised({**CHAT, "gen_ai.input.messages": empty, "gen_ai.prompt": "Hi"})

    assert '[{"role":"user","parts":[{"type":"text","content":"Hi"}]}]' == after["gen_ai.input.messages"]


def test_content_is_overwritten_where_the_config_says_so() -> None:
    """`overwrite` holds for content too."""
    after = normalised({**CHAT, "gen_ai.input.messages": "[]", "gen_ai.prompt": "Hi"}, overwrite=True)

    assert "Hi" in after["gen_ai.input.messages"]


def test_a_dialect_that_is_named_already_stays() -> None:
    """A gateway before this one may know more dialects."""
    after = normalised({"gen_ai.system": "openai", "otel_llm.dialect": "of_another"})

    assert "of_another" == after["otel_llm.dialect"]


def test_attributes_are_asked_before_events() -> None:
    """Where a span has its prompt twice, that in its attributes is taken."""
    span = span_of({"gen_ai.prompt": "A"}, [{"name": "gen_ai.user.message", "attributes": {"content": "B"}}])
    factory.build().process_span(span)

    assert '[{"role":"user","parts":[{"type":"text","content":"A"}]}]' == span.get("gen_ai.input.messages")


def test_events_stay() -> None:
    """They say when something happened, whatever becomes of the attributes."""
    span = span_of({}, [{"name": "gen_ai.user.message", "attributes": {"content": "Hi"}}])
    factory.build({"remove_originals": True}).process_span(span)

    assert ["Hi"] == [event.get("content") for event in span.events]
    assert "Hi" in str(span.get("gen_ai.input.messages"))


def test_a_log_records_attributes_are_normalised() -> None:
    """Its body stays, but the message in it is there as the current attribute too."""
    record = record_of(
        {"gen_ai.system": "vertex_ai", "gen_ai.request.model": "m", "gen_ai.usage.prompt_tokens": "3"},
        "gen_ai.user.message",
        {"content": "Hi"},
    )
    factory.build({"remove_originals": True}).process_log(record)

    assert {
        "gen_ai.request.model": "m",
        "gen_ai.provider.name": "gcp.vertex_ai",
        "gen_ai.usage.input_tokens": 3,
        "gen_ai.input.messages": '[{"role":"user","parts":[{"type":"text","content":"Hi"}]}]',
        "otel_llm.dialect": "semconv_legacy",
    } == attributes_of(record)
    assert {"content": "Hi"} == record.body


def test_a_current_log_record_is_not_touched() -> None:
    """A record that says all in current words is forwarded as it came."""
    record = record_of(CHAT, "gen_ai.client.inference.operation.details", {"k": 1})
    factory.build().process_log(record)

    assert not record._shared.dirty


def test_other_spans_of_a_request_stay_as_they_are() -> None:
    """They are looked at, because a dialect need not have a gen_ai attribute, and left alone."""
    batch = Batch(make_request({"http.request.method": "GET"}, {"gen_ai.system": "openai"}))
    Chain([("gen_ai_normalizer", factory.build())]).run(batch)

    assert ["http.request.method"] == batch.spans[0].keys()
    assert "openai" == batch.spans[1].get("gen_ai.provider.name")


def test_content_in_events_alone_is_seen() -> None:
    """The chain gives this processor spans without a gen_ai attribute too."""
    batch = batch_of_span({}, [{"name": "gen_ai.user.message", "attributes": {"content": "Hi"}}])
    Chain([("gen_ai_normalizer", factory.build())]).run(batch)

    assert "gen_ai.input.messages" in batch.spans[0]


@pytest.mark.parametrize("depth", [200, 300, 1000, 5000])
def test_deep_json_does_no_harm(depth: int) -> None:
    """What is nested deeper than can be written again is left where it is."""
    deep = '[{"role": "user", "content": ' + "[" * depth + "]" * depth + "}]"
    after = normalised({**CHAT, "gen_ai.prompt": deep})

    assert deep == after["gen_ai.prompt"]


@pytest.mark.parametrize(("depth", "written"), [(40, json.dumps), (12, list)])
def test_content_nested_forty_deep_is_rebuilt(depth: int, written: Callable[[Any], Any]) -> None:
    """In the arguments of a tool, as JSON; as OTLP's own maps and lists as deep as its parsers follow."""
    deep: Any = "bottom"
    for _ in range(depth // 2):
        deep = {"list": [deep]}
    call = {"function": {"name": "f", "arguments": deep}}
    after = normalised({**CHAT, "gen_ai.completion": written([{"role": "assistant", "tool_calls": [call]}])})
    [message] = json.loads(after["gen_ai.output.messages"])

    assert deep == message["parts"][0]["arguments"]


def test_names_of_ten_kilobytes_pass_and_are_not_kept() -> None:
    """Neither models nor providers nor scopes nor attributes: what is remembered has a length."""
    processor = factory.build()

    def memory_of(count: int) -> int:
        tracemalloc.start()
        for number in range(count):
            name = f"{number} " + "x" * 10_000
            span = span_of(CHAT | {"gen_ai.system": name, "gen_ai.response.model": name, name: name}, scope=name)
            processor.process_span(span)
            assert name == span.get("gen_ai.response.model")
        held, _ = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        return held

    memory_of(10)  # what is compiled once
    assert memory_of(500) < 500 * 1_000


def test_a_dialect_is_known_by_its_sdk_too() -> None:
    """OpenLIT's scopes are those of others where it stands beside them, but the resource says who it is."""
    request = ExportTraceServiceRequest()
    group = request.resource_spans.add()
    group.resource.attributes.add(key="telemetry.sdk.name").value.string_value = "openlit"
    span = group.scope_spans.add().spans.add(trace_id=bytes([1] * 16), span_id=bytes([2] * 8))
    span.attributes.add(key="gen_ai.system").value.string_value = "openai"
    span.attributes.add(key="gen_ai.request.user").value.string_value = "u1"
    batch = Batch(request.SerializeToString())
    factory.build().process_span(batch.spans[0])

    assert "openlit" == batch.spans[0].get(semconv.DIALECT)


@pytest.mark.parametrize(
    ("began", "waited"),
    [
        ('"2026-01-01T00:00:01.250000Z"', 1.25),
        ("2026-01-01T00:00:01.250", 1.25),
        ("2026-01-01T01:00:01+01:00", 1.0),
        ("2025-12-31T23:59:59Z", None),
        ("soon", None),
        (1.25, None),
        ("", None),
    ],
)
@pytest.mark.parametrize("key", ["langfuse.observation.completion_start_time", "mastra.completion_start_time"])
def test_when_an_answer_began_says_how_long_it_took(key: str, began: Any, waited: float | None) -> None:
    """Some SDKs write the time itself; one before the span's start says nothing."""
    request = ExportTraceServiceRequest()
    span = request.resource_spans.add().scope_spans.add().spans.add(trace_id=bytes([1] * 16), span_id=bytes([2] * 8))
    span.start_time_unix_nano = 1_767_225_600_000_000_000
    value = span.attributes.add(key=key).value
    if isinstance(began, str):
        value.string_value = began
    else:
        value.double_value = began
    batch = Batch(request.SerializeToString())
    factory.build().process_span(batch.spans[0])

    assert waited == batch.spans[0].get("gen_ai.response.time_to_first_chunk")
