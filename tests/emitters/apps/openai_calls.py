"""Every scenario with the `openai` package: chat completions and embeddings."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import openai

from tests.emitters.apps.refusal import expect_refused
from tests.emitters.asked import EMBEDDED, QUESTION, SYSTEM, TOOL, WEATHER

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from openai.types.chat import ChatCompletionMessageParam, ChatCompletionToolParam

__all__ = ["make"]

MODEL: Final = "gpt-4o-mini"
MESSAGES: Final[list[ChatCompletionMessageParam]] = [
    {"role": "system", "content": SYSTEM},
    {"role": "user", "content": QUESTION},
]
TOOLS: Final[list[ChatCompletionToolParam]] = [
    {
        "type": "function",
        "function": {
            "name": TOOL,
            "description": "Tells the weather.",
            "parameters": {"type": "object", "properties": {"city": {"type": "string"}}},
        },
    }
]


def make(scenario: str, client: openai.OpenAI | None = None) -> None:
    """Make the calls of a scenario."""
    _CALLS[scenario](client or openai.OpenAI(max_retries=0))


def _plain(client: openai.OpenAI) -> None:
    client.chat.completions.create(model=MODEL, messages=MESSAGES)


def _streamed(client: openai.OpenAI) -> None:
    stream = client.chat.completions.create(
        model=MODEL, messages=MESSAGES, stream=True, stream_options={"include_usage": True}
    )
    for _chunk in stream:
        pass


def _tools(client: openai.OpenAI) -> None:
    wanted = client.chat.completions.create(model=MODEL, messages=MESSAGES, tools=TOOLS).choices[0].message
    [call] = wanted.tool_calls or []
    told: list[ChatCompletionMessageParam] = [
        {"role": "assistant", "tool_calls": [call.to_dict()]},  # type: ignore[list-item, misc]  # the same as a dict
        {"role": "tool", "tool_call_id": call.id, "content": WEATHER},
    ]
    client.chat.completions.create(model=MODEL, messages=MESSAGES + told, tools=TOOLS)


def _failing(client: openai.OpenAI) -> None:
    for _ in range(2):
        with expect_refused(openai.RateLimitError, openai.InternalServerError):
            _plain(client)


def _embedded(client: openai.OpenAI) -> None:
    client.embeddings.create(model="text-embedding-3-small", input=EMBEDDED)


_CALLS: Final[Mapping[str, Callable[[openai.OpenAI], None]]] = {
    "plain": _plain,
    "streamed": _streamed,
    "tools": _tools,
    "cached": _plain,
    "cached_streamed": _streamed,
    "failing": _failing,
    "embedded": _embedded,
}
