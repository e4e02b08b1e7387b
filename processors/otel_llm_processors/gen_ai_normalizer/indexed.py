"""Messages and tools that were spread over attributes with numbers in their keys.

Every attribute is looked at once, however many there are, and their order plays no part.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Final, TypeAlias

from otel_llm.by_keys import ByKeys
from otel_llm_processors.gen_ai_normalizer.messages import message, to_json
from otel_llm_processors.gen_ai_normalizer.structures import decoded

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from otel_llm.attributes import Value

__all__ = [
    "function_calls",
    "openinference_documents",
    "openinference_messages",
    "openinference_tools",
    "traceloop_finish_reasons",
    "traceloop_functions",
    "traceloop_messages",
]

_DEPTH: Final = 10
"""No key that is known has more dots: those that have are left out."""
_LONGEST_NUMBER: Final = 9
_FLAT: Final = frozenset({"role", "content", "finish_reason"})
"""Members of a message that are passed on by themselves."""
_OF_DOCUMENTS: Final = ("id", "score")
"""What the conventions have of a document. What it says stays where it is."""

Tree = dict[str, Any]


def openinference_messages(role: str, value: Value) -> str | None:
    """Return OpenInference's messages: `N.message.role` and so on."""
    bodies: Iterable[Tree] | None = _flat(value, _OPENINFERENCE)
    if bodies is None:
        bodies = map(_openinference_body, _numbered(value, "message"))
    return to_json([message(body, role) for body in bodies])


def openinference_tools(value: Value) -> str | None:
    """Return OpenInference's tools: `N.tool.json_schema`."""
    return to_json([decoded(tool["json_schema"]) for tool in _numbered(value, "tool") if tool.get("json_schema")])


def openinference_documents(value: Value) -> str | None:
    """Return which documents were found, by OpenInference's `N.document.id` and `N.document.score`."""
    found = [{name: each[name] for name in _OF_DOCUMENTS if name in each} for each in _numbered(value, "document")]
    return to_json([document for document in found if document])


def traceloop_messages(role: str, value: Value) -> str | None:
    """Return OpenLLMetry's messages: `N.role` and so on."""
    bodies: Iterable[Tree] | None = _flat(value, _TRACELOOP)
    if bodies is None:
        bodies = (_with_list(body, "tool_calls") for body in _numbered(value))
    return to_json([message(body, role) for body in bodies])


def function_calls(value: Value) -> str | None:
    """Return LiteLLM's answers that call a function: `N.function_call.name` and so on. None where none does."""
    calls = [body["function_call"] for body in _numbered(value) if type(body.get("function_call")) is dict]
    return to_json([message({"tool_calls": [call]}, "assistant") for call in calls])


def traceloop_finish_reasons(value: Value) -> list[Value] | None:
    """Return the reasons in OpenLLMetry's completions: `N.finish_reason`. None where one of them has none."""
    if type(value) is not dict:
        return None
    reasons = [value.get(key) for key in _FINISH_REASONS[tuple(value)]]
    return reasons if all(reasons) else None


def _finish_reasons(keys: tuple[str, ...]) -> Sequence[str]:
    """Return where the reasons stand, the completions' attributes having these keys."""
    return [f"{number}.finish_reason" for number in sorted({key.partition(".")[0] for key in keys}, key=_order_of_any)]


_FINISH_REASONS: Final = ByKeys(_finish_reasons)


def traceloop_functions(value: Value) -> str | None:
    """Return OpenLLMetry's tools: `N.name`, `N.description` and `N.parameters`."""
    return to_json(
        [
            {"type": "function", **{key: decoded(held) for key, held in function.items() if held is not None}}
            for function in _numbered(value)
            if function.get("name")
        ]
    )


def _openinference_body(body: Tree) -> Tree:
    if type(body.get("contents")) is dict:
        contents = _listed(body.pop("contents"))
        bodies = (each["message_content"] for each in contents if type(each.get("message_content")) is dict)
        parts = [_openinference_part(part) for part in bodies if part.keys() != {"type"}]  # some say only what it is
        if calls := {str(n): each for n, each in enumerate(contents) if "tool_call" in each}:
            body.setdefault("tool_calls", calls)
        said = body.get("content")
        if type(said) is str and said and said != "".join(_texts(parts)):  # the Agents SDK's text stands in both
            parts.insert(0, {"type": "text", "text": said})
        body["content"] = parts
    if type(body.get("tool_calls")) is dict:
        body["tool_calls"] = _listed(body["tool_calls"], "tool_call")
    if "function_call_name" in body:
        name = body.pop("function_call_name")
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


def _texts(parts: list[Tree]) -> Iterable[str]:
    return (part["text"] for part in parts if type(part.get("text")) is str and part.get("type") != "reasoning")


def _with_list(body: Tree, key: str) -> Tree:
    if type(body.get(key)) is dict:
        body[key] = _listed(body[key])
    return body


def _flat(value: Value, layouts: _Flat) -> list[Tree] | None:
    """Return the bodies that `_numbered` does, for a fifth of the time, where there is nothing in them but text.

    None where there is something else.
    """
    if type(value) is not dict:
        return None
    layout = layouts[tuple(value)]
    return None if layout is None else [{name: value[key] for name, key in body} for body in layout]


_Flat: TypeAlias = ByKeys[Sequence[Sequence[tuple[str, str]]] | None]
"""For each body the names of what is in it, each with the key that it stands under."""


def _flat_by(separator: str) -> _Flat:
    """Return how attributes with certain keys are read, which have *separator* between a number and a name."""

    def lay_out(keys: tuple[str, ...]) -> Sequence[Sequence[tuple[str, str]]] | None:
        bodies: dict[str, list[tuple[str, str]]] = {}
        for key in keys:
            number, _, name = key.partition(separator)
            if name not in _FLAT or not _is_number(number):
                return None
            bodies.setdefault(number, []).append((name, key))
        return [bodies[number] for number in sorted(bodies, key=_order)]

    return ByKeys(lay_out)


_OPENINFERENCE: Final = _flat_by(".message.")
_TRACELOOP: Final = _flat_by(".")


def _is_number(key: str) -> bool:
    return key.isascii() and key.isdigit() and len(key) <= _LONGEST_NUMBER


def _order_of_any(number: str) -> tuple[int, str]:
    return len(number), number


def _order(number: str) -> tuple[int, str]:
    return int(number), number


def _numbered(value: Value, name: str = "") -> list[Tree]:
    """Return the trees that stand under the numbers, as `_listed` does, in attributes by what follows their family."""
    return _listed(_tree(value), name) if type(value) is dict else []


def _listed(tree: Tree, name: str = "") -> list[Tree]:
    """Return the trees that stand under the numbers, under *name* there where one is given. Gaps are closed."""
    found = (tree[number] for number in sorted(filter(_is_number, tree), key=_order))
    if name:
        found = (item.get(name) for item in found if type(item) is dict)
    return [item for item in found if type(item) is dict]


def _tree(flat: Mapping[str, Value]) -> Tree:
    """Return nested dictionaries. Where a key holds a value and others go on below it, those others count."""
    root: Tree = {}
    nodes = {"": root}
    for key, value in flat.items():
        path, _, leaf = key.rpartition(".")
        node = nodes.get(path)
        if node is None:
            if path.count(".") > _DEPTH:
                continue
            node = _node(nodes, path)
        if key not in nodes:
            node[leaf] = value
    return root


def _node(nodes: dict[str, Tree], path: str) -> Tree:
    """Return the dictionary at *path*, which is made where there is none, with those above it."""
    above, _, name = path.rpartition(".")
    parent = nodes[above] if above in nodes else _node(nodes, above)
    node = nodes[path] = parent[name] = {}
    return node
