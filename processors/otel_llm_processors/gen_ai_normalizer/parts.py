"""Parts of a message, from what the APIs and SDKs of models call them to the current schema.

A part that is known by none of their names is passed on as it is: the schema allows it.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final

import orjson

from otel_llm_processors.gen_ai_normalizer.structures import decoded

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from otel_llm.attributes import Value

__all__ = ["part", "parts", "tool_call", "tool_response"]

Part = dict[str, Any]

_DATA_URL: Final = re.compile(r"data:([\w.+-]+/[\w.+-]+);base64,")


def parts(content: Value) -> list[Any]:
    """Return the parts of a message's content: a text, one part, or a list of them, as such or as JSON."""
    if type(content) is str and not content.startswith(("[", "{")):
        return [{"type": "text", "content": content}] if content else []
    held = decoded(content)
    if held is not content and not (type(held) is list and held and all(map(_is_part, held))):
        held = content  # JSON, but JSON that somebody said
    if held is None:
        return []
    return [part(item) for item in held] if type(held) is list else [part(held)]


def tool_call(call: Any) -> Any:
    """Return a tool call, whose function stands in it or below it, as a part."""
    if type(call) is not dict:
        return part(call)
    function = call["function"] if type(call.get("function")) is dict else call
    call_id = _first(call, "call_id", "toolCallId", "toolUseId", "ref", "id")
    name = _first(function, "name", "toolName")
    arguments = _first(function, "arguments", "input", "args")
    if type(arguments) is str and decoded(arguments) is not arguments:
        arguments = orjson.Fragment(arguments)  # spliced in as it stands: encoded anew, its numbers could be rounded
    return _without_none(type="tool_call", id=call_id, name=name, arguments=arguments)


def tool_response(body: Mapping[str, Any]) -> list[Part]:
    """Return what a tool returned as a part; none where it is not there."""
    call_id = _first(body, "tool_call_id", "toolCallId", "tool_use_id", "toolUseId", "call_id", "ref", "id")
    response = _without_none(id=call_id, response=_first(body, "content", "output", "result", "response"))
    return [{"type": "tool_call_response", **response}] if response else []


def part(item: Any) -> Any:
    """Return one part."""
    if type(item) is str:
        return {"type": "text", "content": item}
    if not _is_part(item):
        return {"type": "generic", "content": item}
    kind = item.get("type")
    if kind is None:
        kind = next(name for name in _UNTYPED if name in item)
    return _KINDS[kind](item) if kind in _KINDS else item


def _is_part(item: Any) -> bool:
    return type(item) is dict and (
        type(item.get("type")) is str
        or ("type" not in item and any(type(item.get(name)) is held for name, held in _UNTYPED.items()))
    )


def _text(item: Part) -> Part:
    if type(item.get("text")) is not str:
        return item
    return {"type": "reasoning" if item.get("thought") is True else "text", "content": item["text"]}


def _reasoning(item: Part) -> Part:
    said = _first(item, "content", "text", "thinking")
    if said is None and type(item.get("summary")) is list:  # the Responses API's
        said = "\n".join(
            each["text"] for each in item["summary"] if type(each) is dict and type(each.get("text")) is str
        )
    return {"type": "reasoning", "content": said} if type(said) is str and said else item


def _image(item: Part) -> Part:
    link = item.get("image_url")
    url = link.get("url") if type(link) is dict else link
    if type(url) is not str:
        return item
    return _at(url, None)


def _at(url: str, mime_type: str | None) -> Part:
    """Return what stands at an address, or in it."""
    if data := _DATA_URL.match(url):
        return {"type": "blob", "modality": _modality(data[1]), "mime_type": data[1], "content": url[data.end() :]}
    known = {} if mime_type is None else {"mime_type": mime_type}
    return {"type": "uri", "modality": _modality(mime_type or "image/"), **known, "uri": url}


def _audio(item: Part) -> Part:
    audio = item.get("input_audio")
    if type(audio) is not dict or type(audio.get("data")) is not str or type(audio.get("format")) is not str:
        return item
    return {"type": "blob", "modality": "audio", "mime_type": f"audio/{audio['format']}", "content": audio["data"]}


def _file(item: Part) -> Part:
    file = item.get("file")
    if type(file) is not dict:
        return _media(item)
    if type(file.get("file_id")) is not str:
        return item
    return {"type": "file", "modality": "document", "file_id": file["file_id"]}


def _media(item: Part) -> Part:
    """Return an image or a file: Anthropic's have a source, the Vercel AI SDK's and Genkit's are one."""
    source = item["source"] if type(item.get("source")) is dict else item
    kind = _first(source, *_MIME_TYPES)
    held = _first(source, "url", "data", "image")
    if type(held) is not str or not (kind is None or type(kind) is str):
        return item
    if held.startswith(("http:", "https:", "data:")):
        return _at(held, kind)
    if kind is None:
        return item
    return {"type": "blob", "modality": _modality(kind), "mime_type": kind, "content": held}


def _call(item: Part) -> Part:
    """Return a call of Gemini's, below the name of its kind, or of the Responses API, where that is its type."""
    below = item.get("function_call")
    called: Part = tool_call(below if type(below) is dict else item)
    return called


def _link(item: Part) -> Part:
    kind, uri = _first(item, *_MIME_TYPES), _first(item, "file_uri", "fileUri")
    if type(kind) is not str or type(uri) is not str:
        return item
    return {"type": "uri", "modality": _modality(kind), "mime_type": kind, "uri": uri}


def _modality(mime_type: str) -> str:
    medium = mime_type.partition("/")[0]
    return medium if medium in _MEDIA else "document"


def _response(item: Part) -> Part:
    return next(iter(tool_response(item)), item)


def _below(name: str, read: Callable[[Part], Part]) -> Callable[[Part], Part]:
    """Return a reader of a part that stands below its kind's name."""

    def reader(item: Part) -> Part:
        return read(item[name]) if type(item.get(name)) is dict else item

    return reader


_MIME_TYPES: Final = ("media_type", "mediaType", "mime_type", "mimeType", "contentType")
_MEDIA: Final = frozenset({"audio", "image", "video"})
_UNTYPED: Final[Mapping[str, type]] = {
    "text": str,
    "toolUse": dict,
    "toolResult": dict,
    "function_call": dict,
    "function_response": dict,
    "functionCall": dict,
    "functionResponse": dict,
    "inline_data": dict,
    "inlineData": dict,
    "file_data": dict,
    "fileData": dict,
    "toolRequest": dict,
    "toolResponse": dict,
    "media": dict,
    "reasoningContent": dict,
}
"""Members by which parts are known that have no type: those of Bedrock's Converse API, of Gemini and of Genkit."""

_KINDS: Final[Mapping[str, Callable[[Part], Part]]] = {
    # OpenAI
    "text": _text,
    "input_text": _text,
    "output_text": _text,
    "image_url": _image,
    "input_audio": _audio,
    "file": _file,
    "input_image": _image,
    "function_call_output": _response,
    # Anthropic
    "thinking": _reasoning,
    "tool_use": tool_call,
    "tool_result": _response,
    "image": _media,
    "document": _media,
    # the Vercel AI SDK
    "reasoning": _reasoning,
    "tool-call": tool_call,
    "tool-result": _response,
    # Bedrock
    "toolUse": _below("toolUse", tool_call),
    "toolResult": _below("toolResult", _response),
    "reasoningContent": _below("reasoningContent", _below("reasoningText", _reasoning)),
    # Gemini
    "function_call": _call,
    "function_response": _below("function_response", _response),
    "functionCall": _below("functionCall", tool_call),
    "functionResponse": _below("functionResponse", _response),
    "inline_data": _below("inline_data", _media),
    "inlineData": _below("inlineData", _media),
    "file_data": _below("file_data", _link),
    "fileData": _below("fileData", _link),
    # Genkit
    "toolRequest": _below("toolRequest", tool_call),
    "toolResponse": _below("toolResponse", _response),
    "media": _below("media", _media),
}


def _first(item: Mapping[str, Any], *names: str) -> Any:
    """Return the first of some members that is there."""
    return next((item[name] for name in names if item.get(name) is not None), None)


def _without_none(**members: Any) -> Part:
    return {key: value for key, value in members.items() if value is not None}
