"""Messages and tools that were spread over attributes with numbers in their keys.

Every attribute is looked at once, however many there are, and their order plays no part.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from otel_llm_processors.gen_ai_normalizer.messages import decoded, messages, to_json

if TYPE_CHECKING:
    from collections.abc import Mapping

    from otel_llm.attributes import Value

__all__ = ["openinference_messages", "openinference_tools", "traceloop_functions", "traceloop_messages"]

_DEPTH: Final = 10
"""No key that is known has more dots; what comes after is left in one piece."""
_LONGEST_NUMBER: Final = 9

Tree = dict[str, Any]


def _numbered(value: Value) -> list[Any]:
    """Return what stands under the numbers, in their order, each as a tree. Gaps are closed."""
    return _listed(_tree(value)) if type(value) is dict else []


def openinference_messages(role: str, value: Value) -> str | None:
    """Return OpenInference's messages: `N.message.role` and so on."""
    bodies = (item["message"] for item in _numbered(value) if type(item) is dict and type(item.get("message")) is dict)
    return _messages([_openinference_body(body) for body in bodies], role)


def openinference_tools(value: Value) -> str | None:
    """Return OpenInference's tools: `N.tool.json_schema`."""
    tools = (item["tool"] for item in _numbered(value) if type(item) is dict and type(item.get("tool")) is dict)
    return to_json([decoded(tool["json_schema"]) for tool in tools if tool.get("json_schema")])


def traceloop_messages(role: str, value: Value) -> str | None:
    """Return OpenLLMetry's messages: `N.role` and so on."""
    bodies = (item for item in _numbered(value) if type(item) is dict)
    return _messages([_with_list(body, "tool_calls") for body in bodies], role)


def traceloop_functions(value: Value) -> str | None:
    """Return OpenLLMetry's tools: `N.name`, `N.description` and `N.parameters`."""
    functions = (item for item in _numbered(value) if type(item) is dict and item.get("name"))
    return to_json(
        [
            {"type": "function", **{key: decoded(held) for key, held in function.items() if held is not None}}
            for function in functions
        ]
    )


def _messages(bodies: list[Tree], role: str) -> str | None:
    return to_json(messages([{"role": role, **body} for body in bodies if body], role))


def _openinference_body(body: Tree) -> Tree:
    contents = body.get("contents")
    if type(contents) is dict:
        inner = (part.get("message_content") for part in _listed(contents) if type(part) is dict)
        further = [_openinference_part(part) for part in inner if type(part) is dict]
        said = body.get("content")
        body = {
            **body,
            "content": [{"type": "text", "text": said}, *further] if type(said) is str and said else further,
        }
        del body["contents"]
    body = _with_list(body, "tool_calls")
    if type(body.get("tool_calls")) is list:
        calls = (call.get("tool_call") for call in body["tool_calls"] if type(call) is dict)
        body["tool_calls"] = [call for call in calls if type(call) is dict]
    name = body.pop("function_call_name", None)
    arguments = body.pop("function_call_arguments_json", None)
    if type(name) is str:
        body.setdefault("tool_calls", [{"function": {"name": name, "arguments": arguments}}])
    return body


def _openinference_part(part: Tree) -> Tree:
    image = part.get("image")
    if type(image) is dict and type(image.get("image")) is dict and type(image["image"].get("url")) is str:
        return {"type": "image_url", "image_url": {"url": image["image"]["url"]}}
    if part.get("type") == "reasoning" and type(part.get("text")) is str:
        return {"type": "reasoning", "content": part["text"]}
    if type(part.get("type")) is str:
        return part
    return {**part, "type": "text" if type(part.get("text")) is str else "generic"}


def _with_list(body: Tree, key: str) -> Tree:
    return {**body, key: _listed(body[key])} if type(body.get(key)) is dict else dict(body)


def _listed(tree: Tree) -> list[Any]:
    numbers = [key for key in tree if key.isascii() and key.isdigit() and len(key) <= _LONGEST_NUMBER]
    return [tree[key] for key in sorted(numbers, key=lambda key: (int(key), key))]


def _tree(flat: Mapping[str, Value]) -> Tree:
    """Return nested dictionaries. Where a key holds a value and others go on below it, those others count."""
    root: Tree = {}
    for key, value in flat.items():
        *path, leaf = key.split(".", _DEPTH)
        node = root
        for step in path:
            below = node.get(step)
            if type(below) is not _Node:
                below = node[step] = _Node()
            node = below
        if type(node.get(leaf)) is not _Node:
            node[leaf] = value
    return _plain(root)


class _Node(dict[str, Any]):
    """A branch, which a value that is itself a dictionary is not."""


def _plain(node: Tree) -> Tree:
    return {key: _plain(below) if type(below) is _Node else below for key, below in node.items()}
