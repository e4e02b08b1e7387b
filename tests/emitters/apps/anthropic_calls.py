"""Every scenario with the `anthropic` package: the Messages API."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import anthropic

from tests.emitters.apps.refusal import expect_refused
from tests.emitters.asked import QUESTION, SYSTEM, TOOL, WEATHER

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from anthropic.types import MessageParam, ToolParam

__all__ = ["make"]

MODEL: Final = "claude-sonnet-4-5"
MAX_TOKENS: Final = 512
MESSAGES: Final[list[MessageParam]] = [{"role": "user", "content": QUESTION}]
TOOLS: Final[list[ToolParam]] = [
    {
        "name": TOOL,
        "description": "Tells the weather.",
        "input_schema": {"type": "object", "properties": {"city": {"type": "string"}}},
    }
]


def make(scenario: str) -> None:
    """Make the calls of a scenario."""
    with anthropic.Anthropic(max_retries=0) as client:
        _CALLS[scenario](client)


def _plain(client: anthropic.Anthropic) -> None:
    client.messages.create(model=MODEL, max_tokens=MAX_TOKENS, system=SYSTEM, messages=MESSAGES)


def _streamed(client: anthropic.Anthropic) -> None:
    stream = client.messages.create(model=MODEL, max_tokens=MAX_TOKENS, system=SYSTEM, messages=MESSAGES, stream=True)
    for _event in stream:
        pass


def _tools(client: anthropic.Anthropic) -> None:
    first = client.messages.create(model=MODEL, max_tokens=MAX_TOKENS, system=SYSTEM, messages=MESSAGES, tools=TOOLS)
    [wanted] = first.content
    assert wanted.type == "tool_use"
    told: list[MessageParam] = [
        {"role": "assistant", "content": [wanted.model_dump()]},  # type: ignore[list-item]  # the same as a dict
        {"role": "user", "content": [{"type": "tool_result", "tool_use_id": wanted.id, "content": WEATHER}]},
    ]
    client.messages.create(model=MODEL, max_tokens=MAX_TOKENS, system=SYSTEM, messages=MESSAGES + told, tools=TOOLS)


def _failing(client: anthropic.Anthropic) -> None:
    for _ in range(2):
        with expect_refused(anthropic.RateLimitError, anthropic.InternalServerError):
            _plain(client)


_CALLS: Final[Mapping[str, Callable[[anthropic.Anthropic], None]]] = {
    "plain": _plain,
    "streamed": _streamed,
    "tools": _tools,
    "cached": _plain,
    "cached_streamed": _streamed,
    "failing": _failing,
}
