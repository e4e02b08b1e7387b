"""An agent of OpenAI's Agents SDK under OpenInference."""

from __future__ import annotations

import asyncio
import sys

import openai
from agents import Agent, OpenAIResponsesModel, Runner, function_tool, set_trace_processors
from openinference.instrumentation.openai_agents import OpenAIAgentsInstrumentor

from tests.emitters.apps import agents
from tests.emitters.apps.telemetry import exporting
from tests.emitters.asked import QUESTION, SYSTEM


async def main(scenario: str) -> None:
    """Run it."""
    set_trace_processors([])  # else it sends traces to OpenAI too
    OpenAIAgentsInstrumentor().instrument()
    model = OpenAIResponsesModel("gpt-4o-mini", openai.AsyncOpenAI(max_retries=0))
    tools = [function_tool(agents.get_weather)] if scenario == "tools" else []
    agent = Agent(name="forecaster", instructions=SYSTEM, model=model, tools=tools)

    async def stream() -> None:
        async for _ in Runner.run_streamed(agent, QUESTION).stream_events():
            pass

    await agents.run(scenario, lambda: Runner.run(agent, QUESTION), stream, openai.APIStatusError)


if __name__ == "__main__":
    with exporting():
        asyncio.run(main(sys.argv[1]))
