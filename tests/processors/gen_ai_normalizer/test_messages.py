"""Content, from an attribute as it was written to messages as they are now."""

from __future__ import annotations

import json
from typing import Any

import pytest

from otel_llm_processors.gen_ai_normalizer import factory
from tests.processors.gen_ai_normalizer.items import span_of

processor = factory.build()


def rebuilt(prompt: Any) -> Any:
    """Return the input messages made from a prompt, None if there are none."""
    span = span_of({"gen_ai.prompt": prompt})
    processor.process_span(span)
    written = span.get("gen_ai.input.messages")
    return None if written is None else json.loads(written)


def parts(content: Any) -> Any:
    """Return the parts made from one message's content."""
    (message,) = rebuilt([{"role": "user", "content": content}])
    return message["parts"]


def text(content: str) -> dict[str, str]:
    """Return a text part."""
    return {"type": "text", "content": content}


@pytest.mark.parametrize(
    "prompt",
    [
        "Hi",
        ["Hi"],
        '["Hi"]',
        {"role": "user", "content": "Hi"},
        '{"content": "Hi"}',
        '[{"role": "user", "content": "Hi"}]',
        '{"model": "gpt-4o", "messages": [{"role": "user", "content": "Hi"}]}',
        [{"role": "user", "content": [{"type": "text", "text": "Hi"}]}],
        [{"role": "user", "content": [{"text": "Hi"}]}],
        [{"role": "user", "content": ["Hi"]}],
        [{"role": "user", "parts": [{"type": "text", "content": "Hi"}]}],
    ],
)
def test_one_message_in_many_ways(prompt: Any) -> None:
    """A text, a message, a list of them, a whole request; as JSON or structured."""
    assert [{"role": "user", "parts": [text("Hi")]}] == rebuilt(prompt)


@pytest.mark.parametrize(
    "prompt", ["", [], "[]", {}, {"question": "?"}, [{"role": "user"}, 7], 7, 1.5, True, b"x", None]
)
def test_what_is_no_message_is_left_alone(prompt: Any) -> None:
    """Half a conversation would be worse than none."""
    assert rebuilt(prompt) is None


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (None, []),
        ("", []),
        ([], []),
        ('{"city": "Paris"}', [text('{"city": "Paris"}')]),
        ("[1, 2]", [text("[1, 2]")]),
        ("[]", [text("[]")]),
        ([{"type": "text", "text": {"value": "Hi"}}], [{"type": "text", "text": {"value": "Hi"}}]),
        ('[{"type": "text", "text": "Hi"}]', [text("Hi")]),
        ([{"type": "input_text", "text": "Hi"}], [text("Hi")]),
        ([{"type": "text", "content": "Hi"}], [text("Hi")]),
        ([{"type": "reasoning", "content": "Hm"}], [{"type": "reasoning", "content": "Hm"}]),
        ([{"cachePoint": {}}], [{"type": "generic", "content": {"cachePoint": {}}}]),
        ([7], [{"type": "generic", "content": 7}]),
        ({"value": "Hi"}, [{"type": "generic", "content": {"value": "Hi"}}]),
        ([{"type": ["odd"]}], [{"type": "generic", "content": {"type": ["odd"]}}]),
        (
            [{"type": "image_url", "image_url": "https://a/b"}],
            [{"type": "uri", "modality": "image", "uri": "https://a/b"}],
        ),
        ([{"type": "image_url"}], [{"type": "image_url"}]),
        (
            [{"type": "input_image", "image_url": "data:image/png;base64,aGk="}],
            [{"type": "blob", "modality": "image", "mime_type": "image/png", "content": "aGk="}],
        ),
        (
            [{"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": "aGk="}}],
            [{"type": "blob", "modality": "image", "mime_type": "image/png", "content": "aGk="}],
        ),
        (
            [{"type": "document", "source": {"type": "url", "url": "https://a/b", "media_type": "application/pdf"}}],
            [{"type": "uri", "modality": "document", "mime_type": "application/pdf", "uri": "https://a/b"}],
        ),
        (
            [{"type": "file", "data": "aGk=", "mediaType": "audio/wav"}],
            [{"type": "blob", "modality": "audio", "mime_type": "audio/wav", "content": "aGk="}],
        ),
        (
            [{"media": {"url": "https://a/b", "contentType": "video/mp4"}}],
            [{"type": "uri", "modality": "video", "mime_type": "video/mp4", "uri": "https://a/b"}],
        ),
        ([{"type": "image", "source": {"data": "aGk="}}], [{"type": "image", "source": {"data": "aGk="}}]),
        ([{"type": "image", "source": {"type": "file"}}], [{"type": "image", "source": {"type": "file"}}]),
        (
            [{"reasoningContent": {"reasoningText": {"text": "Hm", "signature": "s"}}}],
            [{"type": "reasoning", "content": "Hm"}],
        ),
        (
            [{"toolRequest": {"ref": "1", "name": "f", "input": {"a": 1}}}],
            [{"type": "tool_call", "id": "1", "name": "f", "arguments": {"a": 1}}],
        ),
        (
            [{"toolResponse": {"ref": "1", "name": "f", "output": 7}}],
            [{"type": "tool_call_response", "id": "1", "response": 7}],
        ),
        ([{"type": "input_audio", "input_audio": {}}], [{"type": "input_audio", "input_audio": {}}]),
        ([{"type": "file", "file": {"file_data": "x"}}], [{"type": "file", "file": {"file_data": "x"}}]),
        ([b"\xff\x00"], [{"type": "generic", "content": "/wA="}]),
    ],
)
def test_content_becomes_parts(content: Any, expected: list[Any]) -> None:
    """Text is text even where it looks like JSON; what is not known is passed on."""
    assert expected == parts(content)


@pytest.mark.parametrize(
    ("call", "part"),
    [
        (
            {"id": "1", "type": "function", "function": {"name": "f", "arguments": "{}"}},
            {"type": "tool_call", "id": "1", "name": "f", "arguments": {}},
        ),
        (
            {"id": "1", "name": "f", "arguments": {"a": 1}},
            {"type": "tool_call", "id": "1", "name": "f", "arguments": {"a": 1}},
        ),
        ({"function": {"name": "f", "arguments": "{cut"}}, {"type": "tool_call", "name": "f", "arguments": "{cut"}),
        ({}, {"type": "tool_call"}),
        ("f()", text("f()")),
    ],
)
def test_tool_calls_become_parts(call: Any, part: dict[str, Any]) -> None:
    """In OpenAI's form or flat, with arguments as text or structured, whole or cut."""
    assert [{"role": "assistant", "parts": [part]}] == rebuilt([{"role": "assistant", "tool_calls": [call]}])


def test_arguments_keep_their_digits() -> None:
    """JSON in JSON is spliced in, not read and written again."""
    span = span_of({"gen_ai.completion": [{"tool_calls": [{"name": "f", "arguments": '{"x": 1.10, "n": 1e99}'}]}]})
    processor.process_span(span)

    assert '"arguments":{"x": 1.10, "n": 1e99}' in span.get("gen_ai.output.messages")


def test_a_tools_answer_is_passed_on_as_it_is() -> None:
    """It may be anything, with the id of its call."""
    message = {"role": "tool", "tool_call_id": "1", "content": '{"celsius": 14}'}
    part = {"type": "tool_call_response", "id": "1", "response": '{"celsius": 14}'}

    assert [{"role": "tool", "parts": [part]}] == rebuilt([message])


def test_members_that_are_not_known_stay() -> None:
    """The schema allows them, and somebody wrote them for a reason."""
    message = {"role": "assistant", "content": "Hi", "refusal": None, "reasoning_content": "Hm"}

    assert [{"role": "assistant", "parts": [text("Hi")], "reasoning_content": "Hm"}] == rebuilt([message])


@pytest.mark.parametrize(
    ("attributes", "said"),
    [
        ({"message": {"content": "Hi"}}, "Hi"),
        ({"message": '{"content": "Hi"}'}, "Hi"),
        ({"message": '[{"text": "Hi"}]'}, "Hi"),
        ({"message": "Hi"}, "Hi"),
        ({"content": "Hi"}, "Hi"),
        ({"gen_ai.event.content": '{"message": {"content": "Hi"}}'}, "Hi"),
        ({"gen_ai.event.content": "Hi"}, "Hi"),
    ],
)
def test_a_choice_in_many_ways(attributes: dict[str, Any], said: str) -> None:
    """The members of its body are attributes, or one attribute holds it as JSON."""
    span = span_of({}, [{"name": "gen_ai.choice", "attributes": attributes}])
    processor.process_span(span)

    assert [{"role": "assistant", "parts": [text(said)]}] == json.loads(span.get("gen_ai.output.messages"))


def test_messages_are_in_the_order_of_their_events() -> None:
    """A conversation is read from its start."""
    events = [
        {"name": f"gen_ai.{role}.message", "attributes": {"content": content}}
        for role, content in [("user", "1"), ("assistant", "2"), ("tool", "3"), ("user", "4")]
    ]
    span = span_of({}, events)
    processor.process_span(span)

    assert ["user", "assistant", "tool", "user"] == [
        message["role"] for message in json.loads(span.get("gen_ai.input.messages"))
    ]


def test_what_stands_between_messages_is_said_by_somebody() -> None:
    """OpenAI's Responses API lists calls, their answers and thoughts beside the messages."""
    written = [
        {"role": "user", "content": [{"type": "input_text", "text": "Weather?"}]},
        {"type": "reasoning", "id": "rs_1", "summary": [{"type": "summary_text", "text": "Ask."}]},
        {"type": "function_call", "id": "fc_1", "call_id": "c1", "name": "f", "arguments": '{"a": 1}'},
        {"type": "function_call_output", "call_id": "c1", "output": "Rain"},
    ]

    assert [
        {"role": "user", "parts": [text("Weather?")]},
        {"role": "assistant", "parts": [{"type": "reasoning", "content": "Ask."}]},
        {"role": "assistant", "parts": [{"type": "tool_call", "id": "c1", "name": "f", "arguments": {"a": 1}}]},
        {"role": "tool", "parts": [{"type": "tool_call_response", "id": "c1", "response": "Rain"}]},
    ] == rebuilt(written)


def test_a_request_of_the_responses_api_is_read() -> None:
    """Its prompt is called input, its system's instructions, and its answer output."""
    asked = {"model": "gpt-5", "instructions": "Be brief", "input": "Hi"}
    answered = {"model": "gpt-5", "output": [{"type": "message", "role": "assistant", "content": "Hello"}]}
    span = span_of({"mlflow.spanInputs": json.dumps(asked), "mlflow.spanOutputs": json.dumps(answered)})
    processor.process_span(span)

    assert [
        {"role": "system", "parts": [text("Be brief")]},
        {"role": "user", "parts": [text("Hi")]},
    ] == json.loads(span.get("gen_ai.input.messages"))
    assert [text("Hello")] == json.loads(span.get("gen_ai.output.messages"))[0]["parts"]
