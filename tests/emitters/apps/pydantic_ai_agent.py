"""An agent of Pydantic AI, which is instrumented by itself."""

from __future__ import annotations

import asyncio
import sys

import openai
from pydantic_ai import Agent
from pydantic_ai.exceptions import ModelHTTPError
from pydantic_ai.models.openai import OpenAIChatModel
from pydantic_ai.providers.openai import OpenAIProvider

from tests.emitters.apps import agents
from tests.emitters.apps.telemetry import exporting
from tests.emitters.asked import QUESTION, SYSTEM


async def main(scenario: str) -> None:
    """Run it."""
    Agent.instrument_all()
    client = openai.AsyncOpenAI(max_retries=0)
    model = OpenAIChatModel("gpt-4o-mini", provider=OpenAIProvider(openai_client=client))
    agent = Agent(model, system_prompt=SYSTEM, tools=[agents.get_weather] if scenario == "tools" else [])

    async def stream() -> None:
        async with agent.run_stream(QUESTION) as result:
            await result.get_output()

    await agents.run(scenario, lambda: agent.run(QUESTION), stream, ModelHTTPError)


if __name__ == "__main__":
    with exporting():
        asyncio.run(main(sys.argv[1]))
