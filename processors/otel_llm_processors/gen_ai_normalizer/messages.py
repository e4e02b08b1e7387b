"""Content as older conventions wrote it, rebuilt in the current schema of messages.

What comes is in OpenAI's chat format, which the conventions up to v1.36 prescribed for `gen_ai.prompt` and for the
bodies of events ("Semantic conventions for generative AI events"), or it is plain text. What goes out follows
`gen-ai-input-messages.json` and `gen-ai-output-messages.json` of open-telemetry/semantic-conventions-genai. Those allow
further members everywhere, so what is not known here is passed on rather than lost.
"""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING, Any, Final

import orjson

from otel_llm_processors.gen_ai_normalizer.langchain import plain
from otel_llm_processors.gen_ai_normalizer.parts import part, parts, tool_call, tool_response
from otel_llm_processors.gen_ai_normalizer.structures import decoded

if TYPE_CHECKING:
    from collections.abc import Mapping

    from otel_llm.attributes import Value

__all__ = ["event_instructions", "event_list", "event_message", "event_messages", "message", "messages", "to_json"]

_BODY_KEYS: Final = ("role", "content", "name", "tool_calls", "id", "finish_reason", "message")
_REBUILT: Final = frozenset({"role", "content", "parts", "tool_calls", "tool_call_id", "id", "index", "message"})
"""Members of a message in the old format that its parts, or its place in the list, stand for in the current one."""


_LISTS: Final = ("messages", "choices", "generations", "output")
"""What the list of messages in a request or an answer of OpenAI's or LangChain's is called."""
_SPEAKERS: Final = {"function_call": "assistant", "reasoning": "assistant", "function_call_output": "tool"}
"""Who says what stands between the messages in lists of OpenAI's Responses API, by its type."""
_ROLES: Final = {
    **{role: role for role in ("assistant", "system", "tool", "user")},
    "ai": "assistant",
    "human": "user",
    "model": "assistant",
}
"""Who speaks, LangChain's and Gemini's words for it among them, in lower case."""


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
    if type(held) is dict:
        held = next((held[name] for name in _LISTS if type(held.get(name)) is list), held)
    items = list(map(_said, plain(held))) if type(held) is list else [held]
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


def event_list(event: Mapping[str, Any], *, key: str) -> list[Any]:
    """Return what is in the current schema already."""
    held = decoded(event.get(key))
    return held if type(held) is list else []


def event_instructions(event: Mapping[str, Any], *, body: str) -> list[dict[str, Any]]:
    """Return the parts of the instructions that an event describes. *body* is as above."""
    return parts(_body(event, body).get("content"))


def _body(event: Mapping[str, Any], attribute: str) -> Mapping[str, Any]:
    whole = decoded(event.get(attribute))
    if whole is None:
        return {key: event[key] for key in _BODY_KEYS if key in event}
    return whole if type(whole) is dict else {"content": whole}


def _said(item: Any) -> Any:
    """Return what is no message, but was said, as a message."""
    speaker = _SPEAKERS.get(item["type"]) if type(item) is dict and type(item.get("type")) is str else None
    return item if speaker is None or "role" in item else {"role": speaker, "content": [item]}


def _is_message(item: Any) -> bool:
    if type(item) is dict:
        return not item.keys().isdisjoint({"role", "content", "parts", "message", "tool_calls"})
    return type(item) is str and item != ""


def message(body: Mapping[str, Any], role: str) -> dict[str, Any]:
    """Return a message in the current schema, said by *role* unless it says by whom.

    Args:
        body: a message as it was, or a choice or candidate, which has its message inside.
        role: who speaks.
    """
    if "message" in body:
        inner = decoded(body["message"])
        if inner is not None:
            body = {**body, **(inner if type(inner) is dict else {"content": inner})}
    elif type(body.get("content")) is dict and "parts" in body["content"]:  # a candidate of Gemini's
        body = {**body, **body["content"], "content": None}
    said_by = body.get("role")
    if type(said_by) is str and said_by:
        role = _ROLES.get(said_by) or _ROLES.get(said_by.lower(), said_by)
    rebuilt = {"role": role, "parts": _message_parts(body, role)}
    if not _REBUILT.issuperset(body):
        rebuilt |= {key: value for key, value in body.items() if key not in _REBUILT and value is not None}
    return rebuilt


def _message_parts(body: Mapping[str, Any], role: str) -> list[Any]:
    content = body.get("content")
    if type(content) is str and role != "tool" and "parts" not in body and "tool_calls" not in body:
        return parts(content)
    held = body.get("parts")
    if role == "tool" and type(held) is not list and type(content) is not list:
        return tool_response(body)
    said = [part(item) for item in held] if type(held) is list else parts(content)
    if role == "tool" and not any(map(_is_response, said)):
        return tool_response({**body, "content": _bare(said)})
    if "tool_calls" in body:
        calls = decoded(body["tool_calls"])
        said += map(tool_call, calls if type(calls) is list else ())
    return said


def _is_response(item: Any) -> bool:
    return type(item) is dict and item.get("type") == "tool_call_response"


def _bare(said: list[Any]) -> Any:
    """Return the text that parts consist of; the parts themselves where they are more, None where there are none."""
    if len(said) == 1 and type(said[0]) is dict and said[0].get("type") == "text":
        return said[0].get("content")
    return said or None


def _base64(value: bytes) -> str:
    return base64.b64encode(value).decode()
