"""Content as older conventions wrote it, rebuilt in the current schema of messages.

What comes is in OpenAI's chat format, which the conventions up to v1.36 prescribed for `gen_ai.prompt` and for the
bodies of events ("Semantic conventions for generative AI events"), or it is plain text. What goes out follows
`gen-ai-input-messages.json` and `gen-ai-output-messages.json` of open-telemetry/semantic-conventions-genai. Those allow
further members everywhere, so what is not known here is passed on rather than lost.
"""

from __future__ import annotations

import base64
import re
from typing import TYPE_CHECKING, Any, Final

import orjson

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from otel_llm.attributes import Value

__all__ = ["decoded", "event_instructions", "event_message", "event_messages", "message", "messages", "to_json"]

_BODY_KEYS: Final = ("role", "content", "name", "tool_calls", "id", "finish_reason", "message")
_REBUILT: Final = frozenset({"role", "content", "parts", "tool_calls", "tool_call_id", "id", "index", "message"})
"""Members of a message in the old format that its parts, or its place in the list, stand for in the current one."""
_DATA_URL: Final = re.compile(r"data:([\w.+-]+/[\w.+-]+);base64,")


def decoded(value: Value) -> Value:
    """Return what a text says if it is a JSON array or object, anything else as it is."""
    if type(value) is str and value.startswith(("[", "{")):
        try:
            return orjson.loads(value)
        except orjson.JSONDecodeError:
            return value
    return value


def to_json(value: list[Any] | dict[str, Any] | None) -> str | None:
    """Return JSON text; None for nothing, and for what is nested deeper than an encoder goes."""
    if not value:
        return None
    try:
        return orjson.dumps(value, default=_base64).decode()
    except orjson.JSONEncodeError:
        return None


def messages(value: Value, role: str) -> list[dict[str, Any]] | None:
    """Return the messages in a whole prompt or completion: a list of them, one, or a text said by *role*.

    None where there is something else.
    """
    held = decoded(value)
    if type(held) is dict and type(held.get("messages")) is list:
        held = held["messages"]
    items = held if type(held) is list else [held]
    if not items or not all(map(_is_message, items)):
        return None
    return [message(item if type(item) is dict else {"content": item}, role) for item in items]


def event_messages(event: Mapping[str, Any], *, key: str, role: str) -> list[dict[str, Any]]:
    """Return the messages in an event that holds them all in one attribute."""
    return messages(event.get(key), role) or []


def event_message(event: Mapping[str, Any], *, body: str, role: str) -> list[dict[str, Any]]:
    """Return the message that an event describes; none where its content was not recorded.

    Args:
        event: its body.
        body: the attribute that holds the whole body as JSON, where there is one.
        role: who speaks, unless the body says.
    """
    rebuilt = message(_body(event, body), role)
    return [rebuilt] if rebuilt["parts"] else []


def event_instructions(event: Mapping[str, Any], *, body: str) -> list[dict[str, Any]]:
    """Return the parts of the instructions that an event describes. *body* is as above."""
    return _parts(_body(event, body).get("content"))


def _body(event: Mapping[str, Any], attribute: str) -> Mapping[str, Any]:
    whole = decoded(event.get(attribute))
    if whole is None:
        return {key: event[key] for key in _BODY_KEYS if key in event}
    return whole if type(whole) is dict else {"content": whole}


def _is_message(item: Any) -> bool:
    if type(item) is dict:
        return not item.keys().isdisjoint({"role", "content", "parts", "message", "tool_calls"})
    return type(item) is str and item != ""


def message(body: Mapping[str, Any], role: str) -> dict[str, Any]:
    """Return a message in the current schema, said by *role* unless it says by whom.

    Args:
        body: a message as it was, or a choice, which has its message inside.
        role: who speaks.
    """
    if "message" in body:
        inner = decoded(body["message"])
        if inner is not None:
            body = {**body, **(inner if type(inner) is dict else {"content": inner})}
    said_by = body.get("role")
    role = said_by if type(said_by) is str and said_by else role
    further = {key: value for key, value in body.items() if key not in _REBUILT and value is not None}
    return {"role": role, "parts": _message_parts(body, role), **further}


def _message_parts(body: Mapping[str, Any], role: str) -> list[Any]:
    content = body.get("content")
    if "parts" in body and type(body["parts"]) is list:
        return body["parts"]
    if role == "tool":
        response = _without_none(id=body.get("tool_call_id", body.get("id")), response=content)
        return [{"type": "tool_call_response", **response}] if response else []
    parts = _parts(content)
    if "tool_calls" in body:
        calls = decoded(body["tool_calls"])
        parts += map(_tool_call, calls if type(calls) is list else ())
    return parts


def _parts(content: Value) -> list[Any]:
    if type(content) is str and not content.startswith(("[", "{")):
        return [{"type": "text", "content": content}] if content else []
    held = decoded(content)
    if held is not content and not (type(held) is list and held and all(map(_is_part, held))):
        held = content  # JSON, but JSON that somebody said
    if held is None:
        return []
    return [_part(item) for item in held] if type(held) is list else [_part(held)]


def _is_part(item: Any) -> bool:
    return type(item) is dict and (type(item.get("type")) is str or type(item.get("text")) is str)


def _part(item: Any) -> Any:
    if type(item) is str:
        return {"type": "text", "content": item}
    if not _is_part(item):
        return {"type": "generic", "content": item}
    kind = item.get("type", "text")
    return _PARTS[kind](item) if kind in _PARTS else item


def _text(item: dict[str, Any]) -> dict[str, Any]:
    return {"type": "text", "content": item["text"]} if type(item.get("text")) is str else item


def _image(item: dict[str, Any]) -> dict[str, Any]:
    link = item.get("image_url")
    url = link.get("url") if type(link) is dict else link
    if type(url) is not str:
        return item
    if data := _DATA_URL.match(url):
        return {"type": "blob", "modality": "image", "mime_type": data[1], "content": url[data.end() :]}
    return {"type": "uri", "modality": "image", "uri": url}


def _audio(item: dict[str, Any]) -> dict[str, Any]:
    audio = item.get("input_audio")
    if type(audio) is not dict or type(audio.get("data")) is not str or type(audio.get("format")) is not str:
        return item
    return {"type": "blob", "modality": "audio", "mime_type": f"audio/{audio['format']}", "content": audio["data"]}


def _file(item: dict[str, Any]) -> dict[str, Any]:
    file = item.get("file")
    if type(file) is not dict or type(file.get("file_id")) is not str:
        return item
    return {"type": "file", "modality": "document", "file_id": file["file_id"]}


_PARTS: Final[Mapping[str, Callable[[dict[str, Any]], dict[str, Any]]]] = {
    "text": _text,
    "input_text": _text,
    "output_text": _text,
    "image_url": _image,
    "input_audio": _audio,
    "file": _file,
}


def _tool_call(call: Any) -> Any:
    if type(call) is not dict:
        return _part(call)
    function = call["function"] if type(call.get("function")) is dict else call
    arguments = function.get("arguments")
    if type(arguments) is str and decoded(arguments) is not arguments:
        arguments = orjson.Fragment(arguments)  # spliced in as it stands: encoded anew, its numbers could be rounded
    return _without_none(type="tool_call", id=call.get("id"), name=function.get("name"), arguments=arguments)


def _without_none(**members: Any) -> dict[str, Any]:
    return {key: value for key, value in members.items() if value is not None}


def _base64(value: bytes) -> str:
    return base64.b64encode(value).decode()
