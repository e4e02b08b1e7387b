"""The `anthropic` package takes the fake for Anthropic."""

from __future__ import annotations

from typing import TYPE_CHECKING

import anthropic
import pytest

from tests.fake_provider import Failure, FakeProvider, Reply, ToolCall, Usage

if TYPE_CHECKING:
    from collections.abc import Iterator

    from anthropic.types import MessageParam

QUESTION: list[MessageParam] = [{"role": "user", "content": "Weather?"}]
REPLY = Reply(
    "Mostly sunny.",
    tool_calls=(ToolCall("get_weather", {"city": "Potsdam"}),),
    usage=Usage(input=2006, output=300, cache_read=1920, cache_write=64),
)


@pytest.fixture
def provider() -> Iterator[FakeProvider]:
    """Answer with `REPLY` unless told otherwise."""
    with FakeProvider(REPLY) as provider:
        yield provider


@pytest.fixture
def client(provider: FakeProvider) -> Iterator[anthropic.Anthropic]:
    """Call the fake as an app calls Anthropic."""
    with anthropic.Anthropic(base_url=provider.url, api_key="test", max_retries=0) as client:
        yield client


def test_a_message_plain_and_streamed(client: anthropic.Anthropic) -> None:
    """Text, tool call and stop reason are the same either way; input tokens leave out the cached ones."""
    plain = client.messages.create(model="claude-haiku-4-5", max_tokens=512, messages=QUESTION)
    with client.messages.stream(model="claude-haiku-4-5", max_tokens=512, messages=QUESTION) as stream:
        pieces = list(stream.text_stream)
        streamed = stream.get_final_message()

    assert ["Mostly ", "sunny."] == pieces
    for message in (plain, streamed):
        text, tool_use = message.content
        assert "text" == text.type
        assert "tool_use" == tool_use.type
        assert "Mostly sunny." == text.text
        assert {"city": "Potsdam"} == tool_use.input
        assert "tool_use" == message.stop_reason
        assert (22, 1920, 64, 300) == (
            message.usage.input_tokens,
            message.usage.cache_read_input_tokens,
            message.usage.cache_creation_input_tokens,
            message.usage.output_tokens,
        )


def test_a_rate_limit_says_when_to_come_back(provider: FakeProvider, client: anthropic.Anthropic) -> None:
    """429 is Anthropic's `rate_limit_error`, with Retry-After."""
    provider.script(Failure(429, retry_after_s=2))

    with pytest.raises(anthropic.RateLimitError) as refusal:
        client.messages.create(model="claude-haiku-4-5", max_tokens=512, messages=QUESTION)

    assert "2" == refusal.value.response.headers["Retry-After"]
    assert isinstance(refusal.value.body, dict)
    assert "rate_limit_error" == refusal.value.body["error"]["type"]
