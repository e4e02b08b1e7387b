"""An agent of Google's Agent Development Kit, which writes spans by itself."""

from __future__ import annotations

import asyncio
import sys

from google.adk.agents import Agent
from google.adk.agents.run_config import RunConfig, StreamingMode
from google.adk.runners import InMemoryRunner
from google.genai import types
from google.genai.errors import APIError

from tests.emitters.apps import agents
from tests.emitters.apps.telemetry import exporting
from tests.emitters.asked import QUESTION, SYSTEM

__all__ = ["run"]


async def _run(scenario: str) -> None:
    agent = Agent(
        name="forecaster",
        model="gemini-2.5-flash",
        instruction=SYSTEM,
        tools=[agents.get_weather] if scenario == "tools" else [],
    )
    question = types.Content(role="user", parts=[types.Part(text=QUESTION)])

    async def ask(mode: StreamingMode = StreamingMode.NONE) -> None:
        runner = InMemoryRunner(agent=agent, app_name="weather")
        session = await runner.session_service.create_session(app_name="weather", user_id="ada")
        async for _event in runner.run_async(
            user_id="ada", session_id=session.id, new_message=question, run_config=RunConfig(streaming_mode=mode)
        ):
            pass

    await agents.run(scenario, ask, lambda: ask(StreamingMode.SSE), APIError)


def run(scenario: str) -> None:
    """Run it."""
    with exporting():
        asyncio.run(_run(scenario))


if __name__ == "__main__":
    run(sys.argv[1])
