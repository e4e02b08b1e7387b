"""OpenAI's words: the Responses API."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Final

from tests.fake_provider.openai_chat import CREATED, error
from tests.fake_provider.reply import Call, Dialect, Json, Reply, Usage

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["RESPONSES"]

_WHY_INCOMPLETE: Final = {"length": "max_output_tokens", "content_filter": "content_filter"}


def _response(reply: Reply, call: Call) -> Json:
    why = _WHY_INCOMPLETE.get(reply.finish_reason)
    return _envelope(reply, call) | {
        "status": "incomplete" if why else "completed",
        "incomplete_details": {"reason": why} if why else None,
        "output": _items(reply, call),
        "usage": _usage(reply.usage),
    }


def _events(reply: Reply, call: Call) -> Iterator[Json]:
    for number, event in enumerate(_unnumbered_events(reply, call)):
        yield event | {"sequence_number": number}


def _unnumbered_events(reply: Reply, call: Call) -> Iterator[Json]:
    begun = _envelope(reply, call)
    yield {"type": "response.created", "response": begun}
    yield {"type": "response.in_progress", "response": begun}
    for index, item in enumerate(_items(reply, call)):
        place = {"output_index": index, "item_id": item["id"]}
        empty: Json = {"content": []} if item["type"] == "message" else {"arguments": ""}
        yield {"type": "response.output_item.added", "output_index": index, "item": item | empty}
        yield from _text_events(reply, place) if item["type"] == "message" else _argument_events(item, place)
        yield {"type": "response.output_item.done", "output_index": index, "item": item}
    whole = _response(reply, call)
    yield {"type": f"response.{whole['status']}", "response": whole}


def _text_events(reply: Reply, place: Json) -> Iterator[Json]:
    place = place | {"content_index": 0}
    yield {"type": "response.content_part.added", "part": _text_part(""), **place}
    for piece in reply.pieces:
        yield {"type": "response.output_text.delta", "delta": piece, "logprobs": [], **place}
    yield {"type": "response.output_text.done", "text": reply.text, "logprobs": [], **place}
    yield {"type": "response.content_part.done", "part": _text_part(reply.text), **place}


def _argument_events(item: Json, place: Json) -> Iterator[Json]:
    arguments = item["arguments"]
    yield {"type": "response.function_call_arguments.delta", "delta": arguments, **place}
    yield {"type": "response.function_call_arguments.done", "name": item["name"], "arguments": arguments, **place}


def _items(reply: Reply, call: Call) -> list[Json]:
    message = {
        "id": f"msg_{call.number}",
        "type": "message",
        "role": "assistant",
        "status": "completed",
        "content": [_text_part(reply.text)],
    }
    tool_calls = [
        {
            "id": f"fc_{call.number}_{position}",
            "type": "function_call",
            "call_id": f"call_{call.number}_{position}",
            "name": wanted.name,
            "arguments": json.dumps(wanted.arguments),
            "status": "completed",
        }
        for position, wanted in enumerate(reply.tool_calls)
    ]
    return ([message] if reply.text else []) + tool_calls


def _text_part(text: str) -> Json:
    return {"type": "output_text", "text": text, "annotations": []}


def _envelope(reply: Reply, call: Call) -> Json:
    """Return a response that has only begun."""
    return {
        "id": f"resp_{call.number}",
        "object": "response",
        "created_at": CREATED,
        "status": "in_progress",
        "model": call.model(reply),
        "output": [],
        "error": None,
        "incomplete_details": None,
        "instructions": call.body.get("instructions"),
        "metadata": {},
        "parallel_tool_calls": True,
        "previous_response_id": call.body.get("previous_response_id"),
        "service_tier": reply.service_tier,
        "temperature": call.body.get("temperature", 1.0),
        "tool_choice": call.body.get("tool_choice", "auto"),
        "tools": call.body.get("tools", []),
        "top_p": call.body.get("top_p", 1.0),
        "usage": None,
    }


def _usage(usage: Usage) -> Json:
    return {
        "input_tokens": usage.input,
        "input_tokens_details": {"cached_tokens": usage.cache_read, "cache_write_tokens": usage.cache_write},
        "output_tokens": usage.output,
        "output_tokens_details": {"reasoning_tokens": usage.reasoning},
        "total_tokens": usage.input + usage.output,
    }


RESPONSES: Final = Dialect("/v1/responses", _response, _events, error)
