"""The `openai` package takes the fake for OpenAI."""

from __future__ import annotations

from typing import TYPE_CHECKING

import openai
import pytest

from tests.fake_provider import Failure, FakeProvider, Malformed, Reply, ToolCall, Usage

if TYPE_CHECKING:
    from collections.abc import Iterator

    from openai.types.chat import ChatCompletionMessageParam

QUESTION: list[ChatCompletionMessageParam] = [
    {"role": "user", "content": "What do you get if you multiply six by nine?"}
]
USAGE = Usage(input=2006, output=300, cache_read=1920, cache_write=64, reasoning=128, audio_input=10, audio_output=20)
WEATHER = ToolCall("get_weather", {"city": "Potsdam"})


@pytest.fixture
def provider() -> Iterator[FakeProvider]:
    """Answer with a short text unless told otherwise."""
    with FakeProvider() as provider:
        yield provider


@pytest.fixture
def client(provider: FakeProvider) -> Iterator[openai.OpenAI]:
    """Call the fake as an app calls OpenAI."""
    with openai.OpenAI(base_url=provider.openai_url, api_key="sk-test", max_retries=0) as client:
        yield client


def test_a_completion_carries_what_the_reply_says(provider: FakeProvider, client: openai.OpenAI) -> None:
    """Text, model, finish reason, tier, fingerprint and every kind of token arrive as they were scripted."""
    provider.script(
        Reply(
            "No.",
            usage=USAGE,
            finish="length",
            model="gpt-4o-mini-2024-07-18",
            service_tier="flex",
            system_fingerprint="fp_1",
        )
    )

    completion = client.chat.completions.create(model="gpt-4o-mini", messages=QUESTION, n=2)

    assert ["No.", "No."] == [choice.message.content for choice in completion.choices]
    assert ["length", "length"] == [choice.finish_reason for choice in completion.choices]
    assert ("gpt-4o-mini-2024-07-18", "flex", "fp_1") == (
        completion.model,
        completion.service_tier,
        completion.system_fingerprint,
    )
    usage = completion.usage
    assert usage is not None
    assert usage.prompt_tokens_details is not None
    assert usage.completion_tokens_details is not None
    assert (2006, 300, 2306) == (usage.prompt_tokens, usage.completion_tokens, usage.total_tokens)
    assert (1920, 10) == (usage.prompt_tokens_details.cached_tokens, usage.prompt_tokens_details.audio_tokens)
    assert (128, 20) == (usage.completion_tokens_details.reasoning_tokens, usage.completion_tokens_details.audio_tokens)


def test_what_was_asked_is_kept(provider: FakeProvider, client: openai.OpenAI) -> None:
    """A test can look at the path, headers and body of every call."""
    client.chat.completions.create(model="gpt-4o-mini", messages=QUESTION, extra_headers={"X-Route": "support"})

    [call] = provider.calls
    assert "/v1/chat/completions" == call.path
    assert "support" == call.headers["X-Route"]
    assert QUESTION == call.body["messages"]


def test_a_stream_adds_up_to_the_reply(provider: FakeProvider, client: openai.OpenAI) -> None:
    """The pieces of the text are the text, the last choice says why, and usage comes only where it is asked for."""
    provider.default = Reply("One two  three.", usage=USAGE)

    chunks = list(client.chat.completions.create(model="gpt-4o-mini", messages=QUESTION, stream=True))
    with_usage = list(
        client.chat.completions.create(
            model="gpt-4o-mini", messages=QUESTION, stream=True, stream_options={"include_usage": True}
        )
    )

    assert "One two  three." == "".join(chunk.choices[0].delta.content or "" for chunk in chunks)
    assert "stop" == chunks[-1].choices[0].finish_reason
    assert [] == [chunk for chunk in chunks if chunk.usage]
    assert [] == with_usage[-1].choices
    assert with_usage[-1].usage is not None
    assert 2006 == with_usage[-1].usage.prompt_tokens


def test_tools_are_called_plain_and_streamed(provider: FakeProvider, client: openai.OpenAI) -> None:
    """A tool call has the same name and arguments whichever way it comes."""
    provider.default = Reply(text="", tool_calls=(WEATHER,))

    [choice] = client.chat.completions.create(model="gpt-4o-mini", messages=QUESTION).choices
    with client.chat.completions.stream(model="gpt-4o-mini", messages=QUESTION) as stream:
        streamed = stream.get_final_completion().choices[0]

    for message in (choice.message, streamed.message):
        [tool_call] = message.tool_calls or []
        assert "function" == tool_call.type
        assert ("get_weather", '{"city": "Potsdam"}') == (tool_call.function.name, tool_call.function.arguments)
    assert ("tool_calls", "tool_calls") == (choice.finish_reason, streamed.finish_reason)


def test_the_responses_api_plain_and_streamed(provider: FakeProvider, client: openai.OpenAI) -> None:
    """A response has the same text, tool call and usage whichever way it comes."""
    provider.default = Reply("Mostly sunny.", tool_calls=(WEATHER,), usage=USAGE)

    plain = client.responses.create(model="gpt-5-mini", input="Weather?")
    with client.responses.stream(model="gpt-5-mini", input="Weather?") as stream:
        deltas = [event.delta for event in stream if event.type == "response.output_text.delta"]
        streamed = stream.get_final_response()

    assert ["Mostly ", "sunny."] == deltas
    for response in (plain, streamed):
        assert ("completed", "Mostly sunny.") == (response.status, response.output_text)
        assert "function_call" == response.output[1].type
        assert '{"city": "Potsdam"}' == response.output[1].arguments
        assert response.usage is not None
        assert (2006, 1920) == (response.usage.input_tokens, response.usage.input_tokens_details.cached_tokens)
        assert (300, 128) == (response.usage.output_tokens, response.usage.output_tokens_details.reasoning_tokens)


def test_a_response_that_ran_out_of_tokens_is_incomplete(provider: FakeProvider, client: openai.OpenAI) -> None:
    """`length` is said as the Responses API says it."""
    provider.script(Reply(finish="length"))

    response = client.responses.create(model="gpt-5-mini", input="Weather?")

    assert "incomplete" == response.status
    assert response.incomplete_details is not None
    assert "max_output_tokens" == response.incomplete_details.reason


def test_embeddings(provider: FakeProvider, client: openai.OpenAI) -> None:
    """Each input gets a vector of the length asked for; only input tokens are counted."""
    provider.script(Reply(usage=Usage(input=7)))

    answer = client.embeddings.create(model="text-embedding-3-small", input=["a", "b"], dimensions=3)

    assert [[1.0, 1.0, 1.0]] * 2 == [entry.embedding for entry in answer.data]
    assert 7 == answer.usage.prompt_tokens


def test_a_rate_limit_says_when_to_come_back(provider: FakeProvider, client: openai.OpenAI) -> None:
    """429 carries Retry-After, and the script goes on with the next answer."""
    provider.script(Failure(429, retry_after_s=1), Reply("Now."))

    with pytest.raises(openai.RateLimitError) as refusal:
        client.chat.completions.create(model="gpt-4o-mini", messages=QUESTION)
    completion = client.chat.completions.create(model="gpt-4o-mini", messages=QUESTION)

    assert "1" == refusal.value.response.headers["Retry-After"]
    assert "Now." == completion.choices[0].message.content


def test_a_server_error(provider: FakeProvider, client: openai.OpenAI) -> None:
    """500 is 500."""
    provider.script(Failure(500))

    with pytest.raises(openai.InternalServerError):
        client.chat.completions.create(model="gpt-4o-mini", messages=QUESTION)


def test_malformed_json(provider: FakeProvider, client: openai.OpenAI) -> None:
    """A body that is no JSON reaches the client as such."""
    provider.script(Malformed())

    with pytest.raises(ValueError, match="Unterminated string"):
        client.chat.completions.create(model="gpt-4o-mini", messages=QUESTION)


def test_a_stream_that_breaks_off(provider: FakeProvider, client: openai.OpenAI) -> None:
    """So many events come, then the connection is gone."""
    provider.script(Reply("One two three.", cut_after=2))

    stream = client.chat.completions.create(model="gpt-4o-mini", messages=QUESTION, stream=True)
    assert "" == next(stream).choices[0].delta.content
    assert "One " == next(stream).choices[0].delta.content
    with pytest.raises(openai.APIConnectionError):
        next(stream)


def test_a_plain_answer_that_breaks_off(provider: FakeProvider, client: openai.OpenAI) -> None:
    """A body shorter than announced is an error of the connection."""
    provider.script(Reply(cut_after=20))

    with pytest.raises(openai.APIConnectionError):
        client.chat.completions.create(model="gpt-4o-mini", messages=QUESTION)
