"""Three calls to OpenAI under OpenTelemetry's own instrumentation: one plain, one streamed, one that is refused."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import openai
from opentelemetry.instrumentation.genai.openai import OpenAIInstrumentor

from tests.clients.python.export import tracer_provider

if TYPE_CHECKING:
    from openai.types.chat import ChatCompletionMessageParam

QUESTION: list[ChatCompletionMessageParam] = [{"role": "user", "content": "What is the capital of Brandenburg?"}]


def main() -> None:
    """Call, and send what the instrumentation recorded."""
    provider = tracer_provider("client-openai")
    OpenAIInstrumentor().instrument(tracer_provider=provider)

    with openai.OpenAI(max_retries=0) as client:
        client.chat.completions.create(model="gpt-4o-mini", messages=QUESTION)

        stream = client.chat.completions.create(
            model="gpt-4o-mini", messages=QUESTION, stream=True, stream_options={"include_usage": True}
        )
        for _chunk in stream:
            pass

        try:
            client.chat.completions.create(model="gpt-4o-mini", messages=QUESTION)
        except openai.RateLimitError:
            pass
        else:
            sys.exit("the third call was expected to be refused")

    provider.shutdown()


if __name__ == "__main__":
    main()
