"""Anthropic's words: the Messages API. Its `input_tokens` leave out what was read from or written to the cache."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Final

from tests.fake_provider.reply import Call, Dialect, Failure, Json, Reply

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["MESSAGES"]

_STOP_REASON: Final = {
    "stop": "end_turn",
    "length": "max_tokens",
    "tool_calls": "tool_use",
    "content_filter": "refusal",
}


def _error(failure: Failure) -> Json:
    kind = {429: "rate_limit_error", 529: "overloaded_error"}.get(failure.status, "api_error")
    return {"type": "error", "error": {"type": kind, "message": failure.message}}


def _message(reply: Reply, call: Call) -> Json:
    return _envelope(reply, call) | {
        "content": _blocks(reply, call),
        "stop_reason": _STOP_REASON[reply.finish_reason],
        "usage": _usage(reply, reply.usage.output),
    }


def _events(reply: Reply, call: Call) -> Iterator[Json]:
    begun = _envelope(reply, call) | {"content": [], "stop_reason": None, "usage": _usage(reply, 1)}
    yield {"type": "message_start", "message": begun}
    yield {"type": "ping"}
    for index, block in enumerate(_blocks(reply, call)):
        empty: Json
        if block["type"] == "text":
            empty = {"text": ""}
            deltas = [{"type": "text_delta", "text": piece} for piece in reply.pieces]
        else:
            empty = {"input": {}}
            deltas = [{"type": "input_json_delta", "partial_json": json.dumps(block["input"])}]
        yield {"type": "content_block_start", "index": index, "content_block": block | empty}
        for delta in deltas:
            yield {"type": "content_block_delta", "index": index, "delta": delta}
        yield {"type": "content_block_stop", "index": index}
    ended = {"stop_reason": _STOP_REASON[reply.finish_reason], "stop_sequence": None}
    yield {"type": "message_delta", "delta": ended, "usage": {"output_tokens": reply.usage.output}}
    yield {"type": "message_stop"}


def _envelope(reply: Reply, call: Call) -> Json:
    return {
        "id": f"msg_{call.number}",
        "type": "message",
        "role": "assistant",
        "model": call.model(reply),
        "stop_sequence": None,
    }


def _blocks(reply: Reply, call: Call) -> list[Json]:
    text = [{"type": "text", "text": reply.text}] if reply.text else []
    return text + [
        {"type": "tool_use", "id": f"toolu_{call.number}_{position}", "name": wanted.name, "input": wanted.arguments}
        for position, wanted in enumerate(reply.tool_calls)
    ]


def _usage(reply: Reply, output_tokens: int) -> Json:
    usage = reply.usage
    return {
        "input_tokens": usage.input - usage.cache_read - usage.cache_write,
        "cache_read_input_tokens": usage.cache_read,
        "cache_creation_input_tokens": usage.cache_write,
        "cache_creation": {"ephemeral_5m_input_tokens": usage.cache_write, "ephemeral_1h_input_tokens": 0},
        "output_tokens": output_tokens,
        "service_tier": reply.service_tier or "standard",
    }


MESSAGES: Final = Dialect("/v1/messages", _message, _events, _error)
