"""What holds for any span, however wrong."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from hypothesis import example, given, settings
from hypothesis import strategies as st

from otel_llm import semconv
from otel_llm.batch import Batch
from otel_llm.chain import Chain
from otel_llm.signals import Signal
from otel_llm_processors.gen_ai_normalizer import factory
from otel_llm_processors.gen_ai_normalizer.dialects import DIALECTS
from tests.processors.gen_ai_normalizer.items import (
    Pairs,
    attributes_of,
    batch_of_record,
    batch_of_span,
)

if TYPE_CHECKING:
    from otel_llm.component import Processor

PROCESSORS = {
    (remove_originals, overwrite): factory.build({"remove_originals": remove_originals, "overwrite": overwrite})
    for remove_originals in (False, True)
    for overwrite in (False, True)
}
SPELLINGS = {
    each.key: target
    for dialect in DIALECTS.values()
    for target in dialect.fields
    for each in dialect.spellings(target)
    if not each.path and each.key != target
}
TARGETS = {
    key: [target for dialect in DIALECTS.values() for target in dialect.fields
          if any(key == each.key for each in dialect.spellings(target))]
    for key in SPELLINGS
}  # fmt: skip
"""Some say two things: OpenInference's model is the answer's, and the request's where nothing else is."""
FAMILIES = {
    "llm.input_messages.": ["0.message.role", "0.message.content", "1.message.contents.0.message_content.text", "0"],
    "llm.output_messages.": ["0.message.tool_calls.0.tool_call.function.name", "0.message", "0.message.content"],
    "llm.tools.": ["0.tool.json_schema", "1.tool.json_schema", "0.tool"],
    "gen_ai.prompt.": ["0.role", "0.content", "1.content", "10.tool_calls.0.name", "name"],
    "gen_ai.completion.": ["0.content", "0.finish_reason", "0.tool_calls.0.arguments", "0.tool_calls"],
    "llm.request.functions.": ["0.name", "0.parameters", "1.name"],
}
INDEXED = {prefix + rest for prefix, rests in FAMILIES.items() for rest in rests}
SHARED = {key for dialect in DIALECTS.values() for key in dialect.shared}
"""What is read only where another attribute of its dialect is there too."""
TOTALS = {key for dialect in DIALECTS.values() for key in dialect.totals}
KEYS = sorted(
    {*SPELLINGS, *INDEXED, *TOTALS, *SPELLINGS.values(), *semconv.NAMES, "other"}
    - {semconv.DIALECT, semconv.PROCESSOR_ERRORS}
)
EVENTS = sorted({name for dialect in DIALECTS.values() for name in dialect.events} | {"exception"})
MEMBERS = ["role", "content", "parts", "message", "tool_calls", "type", "text", "id"]
BODIES = ["gen_ai.event.content", "gen_ai.prompt", "gen_ai.completion"]

IMAGE = {"role": "user", "content": [{"type": "image_url", "image_url": {"url": "data:image/png;base64,aGk="}}]}

plausible = st.sampled_from(
    [
        "", "chat", "retrieval", "openai", "az.ai.openai", "langchain", "gpt-4o", "7", "7.0", "stop", '["stop"]', "{",
        '[{"role":"user","content":"Hi"}]', '[{"message":{"tool_calls":[{"function":{"arguments":"{}"}}]}}]', "text",
        '[{"role":"assistant","parts":[],"finish_reason":"stop"}]', 0, 7, -7, 7.0, 7.5, True, b"7", None, [], ["stop"],
        [7], "[", IMAGE, 3, 10, "LLM", '"gpt-4o"', "{'cache_read': 12}", '{"input": 5, "seed": 1e400}',
        '{"prompt_tokens": 36893488147419103232}', "{'cache_read': 36893488147419103232}", {"cache_read": 3},
    ]
)  # fmt: skip
scalars = st.none() | st.booleans() | st.integers(-(2**63), 2**63 - 1) | st.floats() | st.text() | st.binary()
anything = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(MEMBERS), inner, max_size=4),
    max_leaves=6,
)
attributes = st.dictionaries(st.sampled_from(KEYS), plausible | anything, max_size=12)
bodies = st.dictionaries(st.sampled_from([*MEMBERS, *BODIES]), plausible | anything, max_size=4)
events = st.lists(st.fixed_dictionaries({"name": st.sampled_from(EVENTS), "attributes": bodies}), max_size=4)
names = st.sampled_from(["chat gpt-4o", "embeddings 7", "a span"])
processors = st.sampled_from(list(PROCESSORS.values()))
untimed = settings(deadline=None)


def run(processor: Processor, pairs: Pairs, told: list[Any], name: str = "chat gpt-4o") -> Batch:
    """Return a batch with one span after a chain with the processor."""
    batch = batch_of_span(pairs, told, name)
    Chain([("gen_ai_normalizer", processor)]).run(batch)
    return batch


def said(batch: Batch, keys: Any = None) -> dict[str, str]:
    """Return a span's attributes so that they can be compared: 1 is not 1.0, NaN is like itself."""
    found = {key: repr(value) for key, value in attributes_of(batch.spans[0]).items()}
    return found if keys is None else {key: found[key] for key in found if key in keys}


@untimed
@given(processor=processors, pairs=attributes, told=events, name=names)
@example(PROCESSORS[False, False], {"gen_ai.operation.name": [], "gen_ai.system": ""}, [], "")
def test_nothing_on_a_span_raises(processor: Processor, pairs: dict[str, Any], told: list[Any], name: str) -> None:
    """Whatever types and values stand where."""
    assert semconv.PROCESSOR_ERRORS not in run(processor, pairs, told, name).spans[0]


@untimed
@given(processor=processors, pairs=attributes)
@example(PROCESSORS[True, True], {"genkit:input": "first", "gen_ai.prompt": "second"})
def test_nothing_on_a_log_record_raises(processor: Processor, pairs: dict[str, Any]) -> None:
    """Nor does a second run change what the first has made of it."""
    batch = batch_of_record(pairs, "gen_ai.user.message")
    chain = Chain([("gen_ai_normalizer", processor)])
    chain.run(batch)
    again = Batch(batch.to_bytes(), Signal.LOGS)
    chain.run(again)

    assert semconv.PROCESSOR_ERRORS not in batch.records[0]
    assert batch.to_bytes() == again.to_bytes()


@untimed
@given(processor=processors, pairs=attributes, told=events, name=names)
def test_a_second_run_changes_nothing(processor: Processor, pairs: dict[str, Any], told: list[Any], name: str) -> None:
    """A span may pass two gateways."""
    once = run(processor, pairs, told, name).to_bytes()
    again = Batch(once)
    Chain([("gen_ai_normalizer", processor)]).run(again)

    assert once == again.to_bytes()


@untimed
@given(data=st.data(), processor=processors, pairs=attributes, told=events)
def test_the_order_of_attributes_does_not_matter(
    data: st.DataObject, processor: Processor, pairs: dict[str, Any], told: list[Any]
) -> None:
    """Attributes are a set."""
    shuffled = data.draw(st.permutations(list(pairs.items())))

    assert said(run(processor, pairs, told)) == said(run(processor, shuffled, told))


@untimed
@given(data=st.data(), processor=processors, pairs=attributes)
def test_saying_a_thing_twice_makes_no_difference(
    data: st.DataObject, processor: Processor, pairs: dict[str, Any]
) -> None:
    """Every attribute repeated, and older names beside the current ones with the same counts, say what they said."""
    first = run(processor, pairs, [])
    settled = attributes_of(first.spans[0])
    counts = {new: value for new, value in settled.items() if new.startswith(semconv.GEN_AI_USAGE_PREFIX)}
    same = sorted((old, counts[new]) for old, new in SPELLINGS.items() if type(counts.get(new)) is int)
    older = data.draw(st.lists(st.sampled_from(same))) if same and SHARED.isdisjoint(pairs) else []
    again = run(processor, [*older, *settled.items(), *settled.items(), *older], [])

    assert said(first, SPELLINGS.values()) == said(again, SPELLINGS.values())


@settings(deadline=None, max_examples=60)
@given(data=st.data(), pairs=attributes, told=events, remove=st.booleans())
def test_what_is_remembered_of_other_items_makes_no_difference(
    data: st.DataObject, pairs: dict[str, Any], told: list[Any], *, remove: bool
) -> None:
    """Those before had the same attributes with other values, with and without events, or in another order."""
    before = {key: data.draw(plausible, key) for key in pairs}
    warm = factory.build({"remove_originals": remove})
    for earlier in (before, pairs, dict(reversed(pairs.items()))):
        run(warm, earlier, [])
    run(warm, before, told)

    assert run(factory.build({"remove_originals": remove}), pairs, told).to_bytes() == run(warm, pairs, told).to_bytes()


@untimed
@given(pairs=attributes, told=events, name=names, overwrite=st.booleans())
def test_originals_are_kept_unless_the_config_says_otherwise(
    pairs: dict[str, Any], told: list[Any], name: str, *, overwrite: bool
) -> None:
    """Older spellings stay with the values that they have."""
    after = run(PROCESSORS[False, overwrite], pairs, told, name)

    assert said(batch_of_span(pairs), SPELLINGS) == said(after, SPELLINGS)


@untimed
@example(pairs={"llm.model_name": "", "ai.model.id": "chat"}, told=[], overwrite=False)
@given(pairs=attributes, told=events, overwrite=st.booleans())
def test_originals_that_are_removed_leave_a_value_behind(
    pairs: dict[str, Any], told: list[Any], *, overwrite: bool
) -> None:
    """Nothing is removed that has not been written under a current name."""
    after = said(run(PROCESSORS[True, overwrite], pairs, told))

    assert all(not after.keys().isdisjoint(TARGETS[key]) for key in pairs if key in SPELLINGS and key not in after)


texts = st.text(min_size=1)
part = st.fixed_dictionaries({"type": texts}, optional={"content": texts})
messages = st.lists(st.fixed_dictionaries({"role": texts, "parts": st.lists(part, max_size=2)}), max_size=2)
content = (
    messages | messages.map(json.dumps) | st.sampled_from(["[", "[{", '"', "[7]", '[{"role": 7}]', '{"content": 7}'])
)
counts = st.integers(0, 2**63 - 1)
current = st.fixed_dictionaries(
    {semconv.GEN_AI_PROVIDER_NAME: st.sampled_from(["openai", "gcp.vertex_ai", "azure.ai.openai", "of my own"])},
    optional={
        semconv.GEN_AI_OPERATION_NAME: st.sampled_from(["chat", "embeddings", "invoke_agent", "anything"]),
        semconv.GEN_AI_REQUEST_MODEL: st.sampled_from(["gpt-4", "my/model"]),
        semconv.GEN_AI_REQUEST_SEED: st.integers(-(2**63), 2**63 - 1),
        semconv.GEN_AI_REQUEST_TOP_K: counts,
        semconv.GEN_AI_OUTPUT_TYPE: texts,
        semconv.GEN_AI_RESPONSE_FINISH_REASONS: st.lists(texts),
        semconv.GEN_AI_USAGE_INPUT_TOKENS: st.integers(100, 2**63 - 1),
        semconv.GEN_AI_USAGE_OUTPUT_TOKENS: counts,
        semconv.GEN_AI_USAGE_CACHE_WRITE_INPUT_TOKENS: st.integers(0, 100),
        semconv.OPENAI_RESPONSE_SERVICE_TIER: texts,
        semconv.GEN_AI_INPUT_MESSAGES: content,
        semconv.GEN_AI_SYSTEM_INSTRUCTIONS: st.lists(part) | st.lists(part).map(json.dumps),
        semconv.GEN_AI_TOOL_DEFINITIONS: anything,
        "other": anything,
    },
)


@untimed
@given(processor=processors, pairs=current)
def test_a_span_in_current_words_is_not_touched(processor: Processor, pairs: dict[str, Any]) -> None:
    """It leaves as the very bytes that came, where it does not say whom it is for."""
    assert not run(processor, pairs, [{"name": "exception", "attributes": {}}]).dirty
