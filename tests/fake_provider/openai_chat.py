"""OpenAI's words: chat completions, and what its endpoints share."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Final

from tests.fake_provider.reply import Call, Dialect, Failure, Json, Reply, Usage

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["CHAT_COMPLETIONS", "CREATED", "error"]

CREATED: Final = 1_790_000_000
"""Seconds since 1970 at which everything was made."""


def error(failure: Failure) -> Json:
    """Return the body of a refusal."""
    kind = "rate_limit_exceeded" if failure.status == 429 else "server_error"
    return {"error": {"message": failure.message, "type": kind, "param": None, "code": kind}}


def _completion(reply: Reply, call: Call) -> Json:
    tool_calls = [_tool_call(reply, call, index) for index in range(len(reply.tool_calls))]
    message = {
        "role": "assistant",
        "content": reply.text or None,
        "refusal": None,
        **({"tool_calls": tool_calls} if tool_calls else {}),
    }
    return _envelope(reply, call, "chat.completion") | {
        "choices": [
            {"index": index, "message": message, "logprobs": None, "finish_reason": reply.finish_reason}
            for index in range(_choice_count(call))
        ],
        "usage": _usage(reply.usage),
    }


def _chunks(reply: Reply, call: Call) -> Iterator[Json]:
    def chunk(index: int, delta: Json, finish_reason: str | None = None) -> Json:
        choice = {"index": index, "delta": delta, "logprobs": None, "finish_reason": finish_reason}
        return _envelope(reply, call, "chat.completion.chunk") | {"choices": [choice]}

    for index in range(_choice_count(call)):
        yield chunk(index, {"role": "assistant", "content": "", "refusal": None})
        for piece in reply.pieces:
            yield chunk(index, {"content": piece})
        for position in range(len(reply.tool_calls)):
            whole = _tool_call(reply, call, position)
            arguments = whole["function"]["arguments"]
            whole["function"]["arguments"] = ""
            yield chunk(index, {"tool_calls": [{"index": position, **whole}]})
            for part in (arguments[: len(arguments) // 2], arguments[len(arguments) // 2 :]):
                yield chunk(index, {"tool_calls": [{"index": position, "function": {"arguments": part}}]})
        yield chunk(index, {}, reply.finish_reason)
    if (call.body.get("stream_options") or {}).get("include_usage"):
        yield _envelope(reply, call, "chat.completion.chunk") | {"choices": [], "usage": _usage(reply.usage)}


def _envelope(reply: Reply, call: Call, kind: str) -> Json:
    return {
        "id": f"chatcmpl-{call.number}",
        "object": kind,
        "created": CREATED,
        "model": call.model(reply),
        "service_tier": reply.service_tier,
        "system_fingerprint": reply.system_fingerprint,
    }


def _choice_count(call: Call) -> int:
    return int(call.body.get("n") or 1)


def _tool_call(reply: Reply, call: Call, position: int) -> Json:
    wanted = reply.tool_calls[position]
    return {
        "id": f"call_{call.number}_{position}",
        "type": "function",
        "function": {"name": wanted.name, "arguments": json.dumps(wanted.arguments)},
    }


def _usage(usage: Usage) -> Json:
    return {
        "prompt_tokens": usage.input,
        "completion_tokens": usage.output,
        "total_tokens": usage.input + usage.output,
        "prompt_tokens_details": {"cached_tokens": usage.cache_read, "audio_tokens": usage.audio_input},
        "completion_tokens_details": {
            "reasoning_tokens": usage.reasoning,
            "audio_tokens": usage.audio_output,
            "accepted_prediction_tokens": 0,
            "rejected_prediction_tokens": 0,
        },
    }


CHAT_COMPLETIONS: Final = Dialect("/v1/chat/completions", _completion, _chunks, error, b"data: [DONE]\n\n")
