"""An agent of Strands, which writes spans by itself."""

from __future__ import annotations

import asyncio
import sys

import openai
from strands import Agent, tool
from strands.models.openai import OpenAIModel
from strands.types.exceptions import ModelThrottledException

from tests.emitters.apps import agents
from tests.emitters.apps.telemetry import exporting
from tests.emitters.asked import QUESTION, SYSTEM


async def main(scenario: str) -> None:
    """Run it. Strands always streams."""
    model = OpenAIModel(client_args={"max_retries": 0}, model_id="gpt-4o-mini")

    async def ask() -> None:
        agent = Agent(
            model=model,
            system_prompt=SYSTEM,
            tools=[tool(agents.get_weather)] if scenario == "tools" else [],
            callback_handler=None,
            retry_strategy=None,
        )
        await agent.invoke_async(QUESTION)

    await agents.run(scenario, ask, ask, (ModelThrottledException, openai.InternalServerError))


if __name__ == "__main__":
    with exporting():
        asyncio.run(main(sys.argv[1]))
