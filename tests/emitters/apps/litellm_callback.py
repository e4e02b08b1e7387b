"""LiteLLM with its callback for OpenTelemetry."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any, Final

import litellm
from litellm.litellm_core_utils.thread_pool_executor import executor

from tests.emitters.apps.openai_calls import MESSAGES, TOOLS
from tests.emitters.apps.refusal import expect_refused
from tests.emitters.apps.telemetry import exporting
from tests.emitters.asked import EMBEDDED, WEATHER

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

MODEL: Final = "openai/gpt-4o-mini"


def _plain() -> None:
    litellm.completion(model=MODEL, messages=MESSAGES, max_retries=0)


def _streamed() -> None:
    options = {"include_usage": True}
    stream = litellm.completion(model=MODEL, messages=MESSAGES, max_retries=0, stream=True, stream_options=options)
    for _chunk in stream:
        pass


def _tools() -> None:
    first = litellm.completion(model=MODEL, messages=MESSAGES, tools=TOOLS)
    wanted = first.choices[0].message
    [call] = wanted.tool_calls
    told: list[Any] = [wanted.model_dump(), {"role": "tool", "tool_call_id": call.id, "content": WEATHER}]
    litellm.completion(model=MODEL, messages=MESSAGES + told, tools=TOOLS)


def _failing() -> None:
    for _ in range(2):
        with expect_refused(litellm.RateLimitError, litellm.InternalServerError):
            _plain()


def _embedded() -> None:
    litellm.embedding(model="openai/text-embedding-3-small", input=[EMBEDDED])


_CALLS: Final[Mapping[str, Callable[[], None]]] = {
    "plain": _plain,
    "streamed": _streamed,
    "tools": _tools,
    "cached": _plain,
    "cached_streamed": _streamed,
    "failing": _failing,
    "embedded": _embedded,
}

if __name__ == "__main__":
    with exporting():
        litellm.callbacks = ["otel"]
        _CALLS[sys.argv[1]]()
        executor.shutdown()  # callbacks run there
