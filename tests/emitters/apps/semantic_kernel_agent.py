"""An agent of Semantic Kernel, which writes spans by itself."""

from __future__ import annotations

import asyncio
import os
import sys

os.environ["SEMANTICKERNEL_EXPERIMENTAL_GENAI_ENABLE_OTEL_DIAGNOSTICS_SENSITIVE"] = "true"  # read at the import

import openai
from semantic_kernel.agents import ChatCompletionAgent
from semantic_kernel.connectors.ai.open_ai import OpenAIChatCompletion
from semantic_kernel.exceptions import KernelException
from semantic_kernel.functions import kernel_function

from tests.emitters.apps import agents
from tests.emitters.apps.telemetry import exporting
from tests.emitters.asked import QUESTION, SYSTEM


class Weather:
    """What the agent may call."""

    @kernel_function(name="get_weather")
    def get_weather(self, city: str) -> str:
        """Tell the weather."""
        return agents.get_weather(city)


async def main(scenario: str) -> None:
    """Run it."""
    service = OpenAIChatCompletion("gpt-4o-mini", async_client=openai.AsyncOpenAI(max_retries=0))
    plugins = [Weather()] if scenario == "tools" else []
    agent = ChatCompletionAgent(service=service, name="forecaster", instructions=SYSTEM, plugins=plugins)

    async def stream() -> None:
        async for _ in agent.invoke_stream(QUESTION):
            pass

    await agents.run(scenario, lambda: agent.get_response(QUESTION), stream, KernelException)


if __name__ == "__main__":
    with exporting():
        asyncio.run(main(sys.argv[1]))
