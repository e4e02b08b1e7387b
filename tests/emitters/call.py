"""One model call: as the provider answered it, and as a span tells of it."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Final

from genai_prices import Usage, calc_price

from otel_llm import semconv
from tests.e2e.otlp import attributes_of
from tests.emitters.asked import CITY, QUESTION, SYSTEM, TOOL, WEATHER

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from opentelemetry.proto.trace.v1.trace_pb2 import Span

    from tests.emitters.table import Provider
    from tests.fake_provider import Reply

__all__ = ["TOOL_CALL", "Call", "answered", "told"]

Part = tuple[str, ...]
"""A role and a text; or `tool_call`, a name and the arguments in JSON; or `tool_call_response` and what it returned."""

_PICO_USD: Final = Decimal("1e-12")
_FINISH_REASONS: Final = {
    "end_turn": "stop",
    "STOP": "stop",
    "tool_use": "tool_calls",
    "tool_call": "tool_calls",
    "tool-calls": "tool_calls",
}
"""The words of other APIs, and of the message schema, as OpenAI has them: either is right."""


@dataclass(frozen=True, slots=True)
class Call:
    """What both must agree on. None is what a span does not say."""

    operation: str | None
    provider: str | None
    request_model: str | None
    response_model: str | None
    finish_reasons: list[str] | None
    input_tokens: int | None
    output_tokens: int | None
    cache_read: int | None
    cache_write: int | None
    reasoning: int | None
    asked: list[Part] | None
    answered: list[Part] | None

    def usd(self, prices: str, span: Span) -> Decimal:
        """Return what it costs by the price list's own calculator, in steps of 1e-12, on the day of its span."""
        usage = Usage(
            input_tokens=self.input_tokens,
            output_tokens=self.output_tokens,
            cache_read_tokens=self.cache_read,
            cache_write_tokens=self.cache_write,
        )
        began = datetime.fromtimestamp(span.start_time_unix_nano / 1e9, UTC)
        model = self.response_model or self.request_model
        assert model is not None
        price = calc_price(usage, model_ref=model, provider_id=prices, genai_request_timestamp=began)
        return price.total_price.quantize(_PICO_USD)


def answered(provider: Provider, scenario: str, reply: Reply, turn: int, says: Mapping[str, Any]) -> Call:
    """Return the call that the provider answered with *reply*, but for what its span *says* instead."""
    usage = reply.usage
    embedded = scenario == "embedded"
    call = Call(
        operation="embeddings" if embedded else provider.operation,
        provider=provider.name,
        request_model=reply.model if embedded else provider.asked,
        response_model=reply.model,
        finish_reasons=None if embedded else [reply.finish_reason],
        input_tokens=usage.input,
        output_tokens=usage.output or None,
        cache_read=usage.cache_read or None,
        cache_write=usage.cache_write or None,
        reasoning=usage.reasoning or None,
        asked=None if embedded else _ASKED[: 2 + 2 * turn],
        answered=None if embedded else _said(reply),
    )
    return replace(call, **says)


TOOL_CALL: Final = ("tool_call", TOOL, json.dumps({"city": CITY}))
_ASKED: Final[list[Part]] = [("system", SYSTEM), ("user", QUESTION), TOOL_CALL, ("tool_call_response", WEATHER)]


def _said(reply: Reply) -> list[Part]:
    text: list[Part] = [("assistant", reply.text)] if reply.text else []
    return text + [("tool_call", each.name, json.dumps(each.arguments)) for each in reply.tool_calls]


def told(span: Span) -> Call:
    """Return the call that a normalised span tells of."""
    said = attributes_of(span)
    embedded = said.get(semconv.GEN_AI_OPERATION_NAME) == "embeddings"
    system = [{"role": "system", "parts": _parsed(said.get(semconv.GEN_AI_SYSTEM_INSTRUCTIONS))}]
    messages = _parsed(said.get(semconv.GEN_AI_INPUT_MESSAGES))
    asked = list(dict.fromkeys((*_parts(system), *_parts(messages))))  # some give the instructions in both
    output = [*_parts(_parsed(said.get(semconv.GEN_AI_OUTPUT_MESSAGES)))]
    finish_reasons = said.get(semconv.GEN_AI_RESPONSE_FINISH_REASONS)
    return Call(
        operation=said.get(semconv.GEN_AI_OPERATION_NAME),
        provider=said.get(semconv.GEN_AI_PROVIDER_NAME),
        request_model=said.get(semconv.GEN_AI_REQUEST_MODEL),
        response_model=said.get(semconv.GEN_AI_RESPONSE_MODEL),
        finish_reasons=[_FINISH_REASONS.get(each, each) for each in finish_reasons] if finish_reasons else None,
        input_tokens=said.get(semconv.GEN_AI_USAGE_INPUT_TOKENS) or None,
        output_tokens=said.get(semconv.GEN_AI_USAGE_OUTPUT_TOKENS) or None,
        cache_read=said.get(semconv.GEN_AI_USAGE_CACHE_READ_INPUT_TOKENS) or None,
        cache_write=said.get(semconv.GEN_AI_USAGE_CACHE_WRITE_INPUT_TOKENS) or None,
        reasoning=said.get(semconv.GEN_AI_USAGE_REASONING_OUTPUT_TOKENS) or None,
        asked=None if embedded else asked or None,
        answered=None if embedded else output or None,
    )


def _parsed(content: str | None) -> list[Any]:
    parsed = json.loads(content) if content else []
    assert isinstance(parsed, list)
    return parsed


def _parts(messages: list[Any]) -> Iterator[Part]:
    for message in messages:
        for part in message["parts"]:
            match part:
                case {"type": "text", "content": text}:
                    yield message["role"], text
                case {"type": "tool_call", "name": name, "arguments": arguments}:
                    yield "tool_call", name, arguments if isinstance(arguments, str) else json.dumps(arguments)
                case {"type": "tool_call_response", "response": response} | {
                    "type": "tool_call_response",
                    "result": response,
                }:
                    yield "tool_call_response", WEATHER if WEATHER in json.dumps(response) else json.dumps(response)
                case _:
                    yield (json.dumps(part),)
