"""OpenAI's words: chat completions and embeddings; what its endpoints share."""

from __future__ import annotations

import base64
import json
import struct
from collections.abc import Iterator
from typing import Final

from tests.fake_provider.reply import Call, Dialect, Failure, Json, Reply, Usage

__all__ = ["CHAT_COMPLETIONS", "CREATED", "EMBEDDINGS", "error"]

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


def _embeddings(reply: Reply, call: Call) -> Json:
    """Answer each input with a vector of ones, in base64 where asked for, as the `openai` package does by itself."""
    given = call.body["input"]
    texts = given if isinstance(given, list) else [given]
    vector = [1.0] * int(call.body.get("dimensions") or 8)
    packed = base64.b64encode(struct.pack(f"<{len(vector)}f", *vector)).decode()
    value = packed if call.body.get("encoding_format") == "base64" else vector
    return {
        "object": "list",
        "model": call.model(reply),
        "data": [{"object": "embedding", "index": index, "embedding": value} for index in range(len(texts))],
        "usage": {"prompt_tokens": reply.usage.input, "total_tokens": reply.usage.input},
    }


def _no_events(_reply: Reply, _call: Call) -> Iterator[Json]:
    return iter(())


CHAT_COMPLETIONS: Final = Dialect("/v1/chat/completions", _completion, _chunks, error, b"data: [DONE]\n\n")
EMBEDDINGS: Final = Dialect("/v1/embeddings", _embeddings, _no_events, error)
