from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from otel_llm.attributes import Attributes
from otel_llm_processors.gen_ai_normalizer import factory
from otel_llm_processors.gen_ai_normalizer.indexed import _OPENINFERENCE, _TRACELOOP, _flat, _numbered
from otel_llm_processors.gen_ai_normalizer.messages import message
from tests.processors.gen_ai_normalizer.items import attributes_of, span_of


def messages(attributes: dict[str, Any]) -> Any:
    """Return the input messages after the processor, decoded."""
    span = span_of(attributes)
    factory.build().process_span(span)
    return json.loads(span.get_str("gen_ai.input.messages") or "null")


@pytest.mark.parametrize(
    ("attributes", "contents"),
    [
        ({"gen_ai.prompt.10.content": "c", "gen_ai.prompt.2.content": "b", "gen_ai.prompt.0.content": "a"}, "abc"),
        ({"gen_ai.prompt.7.content": "a"}, "a"),
        ({"gen_ai.prompt.0": "x", "gen_ai.prompt.0.content": "a"}, "a"),
        ({"gen_ai.prompt.0.content": "a", "gen_ai.prompt.name": "greeting"}, "a"),
        ({"gen_ai.prompt.0.content": "a", "gen_ai.prompt.1x.content": "b"}, "a"),
        ({"gen_ai.prompt.0.content": "a", "gen_ai.prompt.12345678901.content": "b"}, "a"),
        ({"llm.input_messages.1.message.content": "b", "llm.input_messages.0.message.content": "a"}, "ab"),
        ({"llm.input_messages.0.message.contents.0.message_content.text": "a"}, "a"),
        (
            {
                "llm.input_messages.0.message.content": "a",
                "llm.input_messages.0.message.contents.0.message_content.text": "a",
                "llm.input_messages.0.message.contents.0.message_content.type": "text",
                "llm.input_messages.1.message.content": "b",
            },
            "ab",
        ),
    ],
)
def test_messages_stand_in_the_order_of_their_numbers(attributes: dict[str, Any], contents: str) -> None:
    """Numbers are no text, gaps are closed, and what is no number is no message."""
    assert list(contents) == [message["parts"][0]["content"] for message in messages(attributes)]


@pytest.mark.parametrize(
    "attributes",
    [
        {"gen_ai.prompt.0": "a"},
        {"gen_ai.prompt.x.content": "a"},
        {"llm.input_messages.0.role": "user"},
        {"llm.input_messages.0.message": 7},
        {"gen_ai.prompt.name": "a"},
    ],
)
def test_what_is_no_message_makes_none(attributes: dict[str, Any]) -> None:
    """It is left where it is."""
    assert messages(attributes) is None


def test_a_hundred_thousand_keys_are_looked_at_a_few_times_each(monkeypatch: pytest.MonkeyPatch) -> None:
    """Removed in one go too: reading and removing one at a time would look at each as often as there are others."""
    count = 50_000
    keys = [f"gen_ai.prompt.{n}.{part}" for n in range(count) for part in ("role", "content")]
    span = span_of(dict.fromkeys(keys, "user"))
    removals: list[str] = []
    monkeypatch.setattr(Attributes, "remove", lambda _self, key: removals.append(key))
    factory.build({"remove_originals": True}).process_span(span)

    assert count == len(json.loads(span.get_str("gen_ai.input.messages") or "[]"))
    assert {"gen_ai.input.messages", "otel_llm.dialect"} == attributes_of(span).keys()
    assert [] == removals


def test_a_key_with_very_many_dots_does_no_harm() -> None:
    """It is split a few times only."""
    message = messages({"gen_ai.prompt.0.role": "user", "gen_ai.prompt.0." + "a." * 10_000: "x"})[0]

    assert ("user", []) == (message["role"], message["parts"])


NUMBERS = st.sampled_from(["0", "1", "2", "10", "01", "x", "", "1234567890", "\u0661"])
NAMES = st.sampled_from(["role", "content", "finish_reason", "content.0", "tool_calls", ""])
HELD = st.text() | st.sampled_from(["user", "tool", "ai", "[1]", '[{"type":"text","text":"Hi"}]', "{", None, 7, ["x"]])
KEYS = st.tuples(NUMBERS, st.sampled_from([".message.", "."]), NAMES).map("".join) | NUMBERS


@given(value=st.dictionaries(KEYS, HELD, max_size=5), name=st.sampled_from(["message", ""]))
def test_the_short_way_to_plain_messages_leads_where_the_long_one_does(value: dict[str, Any], name: str) -> None:
    """Where it is taken at all."""
    short = _flat(value, _OPENINFERENCE if name else _TRACELOOP)

    assert short is None or _numbered(value, name) == short


@given(body=st.dictionaries(st.sampled_from(["role", "content", "name", "tool_call_id"]), HELD))
def test_content_alone_is_read_as_among_other_members(body: dict[str, Any]) -> None:
    """Members that hold nothing make no difference."""
    assert message({**body, "parts": None, "tool_calls": None}, "user") == message(body, "user")
