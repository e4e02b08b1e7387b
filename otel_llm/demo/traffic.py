"""The applications of the demo, as OTLP/JSON: what their instrumentations would send."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any, Final, TypeAlias

import orjson

if TYPE_CHECKING:
    import random
    from collections.abc import Callable, Iterator, Mapping

__all__ = ["trace"]

Json: TypeAlias = dict[str, Any]

_CLIENT: Final = 3
_INTERNAL: Final = 1
_SERVER: Final = 2
_ERROR: Final = 2


def trace(number: int, rng: random.Random) -> Json:
    """Return one export request with one trace; which application it is from goes round with *number*."""
    service, scenario = _SCENARIOS[number % len(_SCENARIOS)]
    clock = _Clock(rng, rng.randbytes(16).hex())
    return {
        "resourceSpans": [
            {
                "resource": {"attributes": _attributes({"service.name": service})},
                "scopeSpans": [{"scope": {"name": "otel-llm.demo"}, "spans": list(scenario(clock))}],
            }
        ]
    }


class _Clock:
    """Hands out ids and times of one trace."""

    def __init__(self, rng: random.Random, trace_id: str) -> None:
        self.rng = rng
        self._trace_id = trace_id
        self._now = time.time_ns() - 5_000_000_000

    def span(
        self, name: str, kind: int, attributes: Mapping[str, Any], *, parent: Json | None = None, **fields: Any
    ) -> Json:
        """Return one span, up to two seconds long, that begins after the one before."""
        start = self._now
        self._now += self.rng.randrange(20_000_000, 400_000_000)
        return {
            "traceId": self._trace_id,
            "spanId": self.rng.randbytes(8).hex(),
            "parentSpanId": parent["spanId"] if parent else "",
            "name": name,
            "kind": kind,
            "startTimeUnixNano": str(start),
            "endTimeUnixNano": str(start + self.rng.randrange(50_000_000, 2_000_000_000)),
            "attributes": _attributes(attributes),
            **fields,
        }


def _support_bot(clock: _Clock) -> Iterator[Json]:
    """A web request that asks a model, instrumented with today's conventions."""
    request = clock.span("POST /chat", _SERVER, {"http.request.method": "POST", "http.route": "/chat"})
    yield request
    yield clock.span(
        "chat gpt-4o",
        _CLIENT,
        {
            "gen_ai.operation.name": "chat",
            "gen_ai.provider.name": "openai",
            "gen_ai.request.model": "gpt-4o",
            "gen_ai.response.model": "gpt-4o-2024-08-06",
            "gen_ai.response.finish_reasons": ["stop"],
            "gen_ai.usage.input_tokens": clock.rng.randrange(200, 4000),
            "gen_ai.usage.output_tokens": clock.rng.randrange(20, 600),
            "gen_ai.usage.cache_read.input_tokens": 128,
            "gen_ai.input.messages": _messages("user", "Where is my parcel?"),
            "gen_ai.output.messages": _messages("assistant", "It arrives tomorrow."),
        },
        parent=request,
    )


def _old_library(clock: _Clock) -> Iterator[Json]:
    """The same call from a library that still writes the names of 2024."""
    yield clock.span(
        "chat claude-sonnet-4-5",
        _CLIENT,
        {
            "gen_ai.operation.name": "chat",
            "gen_ai.system": "anthropic",
            "gen_ai.request.model": "claude-sonnet-4-5",
            "gen_ai.usage.prompt_tokens": clock.rng.randrange(500, 9000),
            "gen_ai.usage.completion_tokens": clock.rng.randrange(50, 900),
        },
    )


def _research_agent(clock: _Clock) -> Iterator[Json]:
    """An agent that calls a model, a tool and the model again. Its own span repeats the sum of their tokens."""
    first, second = clock.rng.randrange(400, 2000), clock.rng.randrange(800, 5000)
    model = {
        "gen_ai.operation.name": "generate_content",
        "gen_ai.provider.name": "gcp.gemini",
        "gen_ai.request.model": "gemini-2.5-flash",
        "gen_ai.response.model": "gemini-2.5-flash",
    }
    usage = "gen_ai.usage.input_tokens"
    agent = clock.span(
        "invoke_agent researcher",
        _INTERNAL,
        {"gen_ai.operation.name": "invoke_agent", "gen_ai.agent.name": "researcher", usage: first + second},
    )
    yield agent
    output = {"gen_ai.usage.output_tokens": 60}
    yield clock.span("generate_content gemini-2.5-flash", _CLIENT, {**model, **output, usage: first}, parent=agent)
    yield clock.span(
        "execute_tool search",
        _INTERNAL,
        {"gen_ai.operation.name": "execute_tool", "gen_ai.tool.name": "search", "gen_ai.tool.type": "function"},
        parent=agent,
    )
    yield clock.span("generate_content gemini-2.5-flash", _CLIENT, {**model, **output, usage: second}, parent=agent)


def _indexer(clock: _Clock) -> Iterator[Json]:
    """Embeddings: input tokens only."""
    yield clock.span(
        "embeddings text-embedding-3-small",
        _CLIENT,
        {
            "gen_ai.operation.name": "embeddings",
            "gen_ai.provider.name": "openai",
            "gen_ai.request.model": "text-embedding-3-small",
            "gen_ai.usage.input_tokens": clock.rng.randrange(1000, 8000),
        },
    )


def _house_model(clock: _Clock) -> Iterator[Json]:
    """A model that nobody sells: it has no price, which is not the same as being free."""
    yield clock.span(
        "chat house-llm-7b",
        _CLIENT,
        {
            "gen_ai.operation.name": "chat",
            "gen_ai.provider.name": "house",
            "gen_ai.request.model": "house-llm-7b",
            "gen_ai.usage.input_tokens": 900,
            "gen_ai.usage.output_tokens": 120,
        },
    )


def _rate_limited(clock: _Clock) -> Iterator[Json]:
    """A call that the provider refused."""
    yield clock.span(
        "chat gpt-4o-mini",
        _CLIENT,
        {
            "gen_ai.operation.name": "chat",
            "gen_ai.provider.name": "openai",
            "gen_ai.request.model": "gpt-4o-mini",
            "error.type": "429",
        },
        status={"code": _ERROR, "message": "rate limit reached"},
    )


def _web_shop(clock: _Clock) -> Iterator[Json]:
    """Nothing to do with gen_ai: passes through untouched."""
    yield clock.span("GET /items", _SERVER, {"http.request.method": "GET", "http.response.status_code": 200})


_SCENARIOS: Final[tuple[tuple[str, Callable[[_Clock], Iterator[Json]]], ...]] = (
    ("support-bot", _support_bot),
    ("billing-assistant", _old_library),
    ("research-agent", _research_agent),
    ("indexer", _indexer),
    ("house-llm", _house_model),
    ("support-bot", _rate_limited),
    ("web-shop", _web_shop),
)


def _messages(role: str, text: str) -> str:
    return orjson.dumps([{"role": role, "parts": [{"type": "text", "content": text}]}]).decode()


def _attributes(values: Mapping[str, Any]) -> list[Json]:
    return [{"key": key, "value": _value(value)} for key, value in values.items()]


def _value(value: Any) -> Json:
    if isinstance(value, list):
        return {"arrayValue": {"values": [_value(item) for item in value]}}
    return {"intValue": str(value)} if isinstance(value, int) else {"stringValue": value}
