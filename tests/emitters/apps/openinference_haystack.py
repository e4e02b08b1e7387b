"""A pipeline of Haystack under OpenInference."""

from __future__ import annotations

import asyncio
import sys

import openai
from haystack import Pipeline
from haystack.components.generators.chat import OpenAIChatGenerator
from haystack.core.errors import PipelineRuntimeError
from haystack.dataclasses import ChatMessage
from openinference.instrumentation.haystack import HaystackInstrumentor

from tests.emitters.apps import agents
from tests.emitters.apps.telemetry import exporting
from tests.emitters.asked import QUESTION, SYSTEM


async def main(scenario: str) -> None:
    """Run it."""
    HaystackInstrumentor().instrument()
    streamed = scenario.endswith("streamed")
    options = {"stream_options": {"include_usage": True}} if streamed else {}
    generator = OpenAIChatGenerator(
        model="gpt-4o-mini",
        max_retries=0,
        generation_kwargs=options,
        streaming_callback=(lambda _chunk: None) if streamed else None,
    )
    pipeline = Pipeline()
    pipeline.add_component("generator", generator)
    asked = {"generator": {"messages": [ChatMessage.from_system(SYSTEM), ChatMessage.from_user(QUESTION)]}}

    async def ask() -> None:
        pipeline.run(asked)

    await agents.run(scenario, ask, ask, PipelineRuntimeError, openai.APIStatusError)


if __name__ == "__main__":
    with exporting():
        asyncio.run(main(sys.argv[1]))
