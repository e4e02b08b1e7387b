"""Every scenario with a chat model of LangChain."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import openai
from langchain_core.messages import HumanMessage, SystemMessage, ToolMessage
from langchain_core.tools import tool
from langchain_openai import ChatOpenAI

from tests.emitters.apps.refusal import expect_refused
from tests.emitters.asked import QUESTION, SYSTEM, WEATHER

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

__all__ = ["make"]

MESSAGES: Final = [SystemMessage(SYSTEM), HumanMessage(QUESTION)]


@tool
def get_weather(city: str) -> str:
    """Tell the weather."""
    return f"{city}: {WEATHER}"


def make(scenario: str) -> None:
    """Make the calls of a scenario."""
    _CALLS[scenario](ChatOpenAI(model="gpt-4o-mini", max_retries=0, stream_usage=True))


def _plain(model: ChatOpenAI) -> None:
    model.invoke(MESSAGES)


def _streamed(model: ChatOpenAI) -> None:
    for _chunk in model.stream(MESSAGES):
        pass


def _tools(model: ChatOpenAI) -> None:
    able = model.bind_tools([get_weather])
    wanted = able.invoke(MESSAGES)
    [call] = wanted.tool_calls
    able.invoke([*MESSAGES, wanted, ToolMessage(WEATHER, tool_call_id=call["id"])])


def _failing(model: ChatOpenAI) -> None:
    for _ in range(2):
        with expect_refused(openai.RateLimitError, openai.InternalServerError):
            _plain(model)


_CALLS: Final[Mapping[str, Callable[[ChatOpenAI], None]]] = {
    "plain": _plain,
    "streamed": _streamed,
    "tools": _tools,
    "cached": _plain,
    "cached_streamed": _streamed,
    "failing": _failing,
}
