"""Google's words: the Gemini API. Its `candidatesTokenCount` leaves out what was thought."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from tests.fake_provider.reply import Call, Dialect, Failure, Json, Reply

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["GENERATE_CONTENT", "STREAM_GENERATE_CONTENT"]

_FINISH_REASON: Final = {"stop": "STOP", "length": "MAX_TOKENS", "tool_calls": "STOP", "content_filter": "SAFETY"}
_STATUS: Final = {400: "INVALID_ARGUMENT", 401: "UNAUTHENTICATED", 429: "RESOURCE_EXHAUSTED", 503: "UNAVAILABLE"}


def _error(failure: Failure) -> Json:
    status = _STATUS.get(failure.status, "INTERNAL")
    return {"error": {"code": failure.status, "message": failure.message, "status": status}}


def _content(reply: Reply, call: Call) -> Json:
    text = [{"text": reply.text}] if reply.text else []
    return _last(reply, call, text)


def _chunks(reply: Reply, call: Call) -> Iterator[Json]:
    for piece in reply.pieces:
        yield _chunk(reply, call, {"parts": [{"text": piece}], "role": "model"})
    yield _last(reply, call, [])


def _last(reply: Reply, call: Call, text: list[Json]) -> Json:
    wanted = [{"functionCall": {"name": tool.name, "args": tool.arguments}} for tool in reply.tool_calls]
    chunk = _chunk(reply, call, {"parts": text + wanted, "role": "model"}, _FINISH_REASON[reply.finish_reason])
    return chunk | {"usageMetadata": _usage(reply)}


def _chunk(reply: Reply, call: Call, content: Json, finish_reason: str | None = None) -> Json:
    ended = {} if finish_reason is None else {"finishReason": finish_reason}
    return {
        "candidates": [{"content": content, "index": 0, **ended}],
        "modelVersion": call.model(reply),
        "responseId": f"gemini-{call.number}",
    }


def _usage(reply: Reply) -> Json:
    usage = reply.usage
    return {
        "promptTokenCount": usage.input,
        "cachedContentTokenCount": usage.cache_read,
        "candidatesTokenCount": usage.output - usage.reasoning,
        "thoughtsTokenCount": usage.reasoning,
        "totalTokenCount": usage.input + usage.output,
    }


_MODEL: Final = "/{version:v1|v1beta}/models/{model}"
GENERATE_CONTENT: Final = Dialect(f"{_MODEL}:generateContent", _content, _chunks, _error)
STREAM_GENERATE_CONTENT: Final = Dialect(f"{_MODEL}:streamGenerateContent", _content, _chunks, _error)
