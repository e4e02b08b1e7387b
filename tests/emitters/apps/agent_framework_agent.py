"""An agent of Microsoft's Agent Framework, which writes spans by itself."""

from __future__ import annotations

import asyncio
import sys

import openai
from agent_framework import Agent
from agent_framework.exceptions import ChatClientException
from agent_framework.observability import enable_instrumentation
from agent_framework.openai import OpenAIChatCompletionClient

from tests.emitters.apps import agents
from tests.emitters.apps.telemetry import exporting
from tests.emitters.asked import QUESTION, SYSTEM


async def main(scenario: str) -> None:
    """Run it."""
    enable_instrumentation(enable_sensitive_data=True)
    client = OpenAIChatCompletionClient("gpt-4o-mini", async_client=openai.AsyncOpenAI(max_retries=0))
    agent = Agent(client, SYSTEM, tools=[agents.get_weather] if scenario == "tools" else [])

    async def stream() -> None:
        async for _ in agent.run(QUESTION, stream=True):
            pass

    await agents.run(scenario, lambda: agent.run(QUESTION), stream, ChatClientException)


if __name__ == "__main__":
    with exporting():
        asyncio.run(main(sys.argv[1]))
