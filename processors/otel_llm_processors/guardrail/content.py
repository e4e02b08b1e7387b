"""What a call says, part by part: what was asked, what was answered, what tools were given and gave."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import orjson

from otel_llm import semconv
from otel_llm.detectors import Target

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from otel_llm.item import Item
    from otel_llm.text import Text
    from otel_llm_processors.guardrail.finding import Finding

__all__ = ["CONTENT", "Call", "Part"]

CONTENT: Final[dict[str, Target]] = {
    semconv.GEN_AI_SYSTEM_INSTRUCTIONS: "system",
    semconv.GEN_AI_INPUT_MESSAGES: "input",
    semconv.GEN_AI_OUTPUT_MESSAGES: "output",
    semconv.GEN_AI_TOOL_CALL_ARGUMENTS: "tool_call",
    semconv.GEN_AI_TOOL_CALL_RESULT: "tool_result",
}
"""The attributes with content, and what they hold unless a message's role says more."""
_ROLES: Final[dict[Any, Target]] = {
    "system": "system",
    "developer": "system",
    "assistant": "history",
    "model": "history",
    "tool": "tool_result",
    "function": "tool_result",
}


class Part(NamedTuple):
    """One part of a message, or a whole attribute that is no message."""

    target: Target
    place: str
    """Its position in the attribute: of the message and in it, such as `2.0`."""
    text: str
    tool: str = ""
    """The tool that is called."""


class Call:
    """A gen_ai span or log record, read."""

    __slots__ = ("documents", "found", "item", "parts", "texts", "too_long")

    def __init__(self, item: Item, *, max_length: int) -> None:
        """Read it. A part of more characters is none of its parts, and found to be too long."""
        self.item = item
        values = dict(zip(CONTENT, item.get_all(CONTENT), strict=True))
        parts = [part for key, target in CONTENT.items() for part in _parts(values[key], target)]
        if tool := item.get_str(semconv.GEN_AI_TOOL_NAME):
            arguments = values[semconv.GEN_AI_TOOL_CALL_ARGUMENTS]
            parts = [part for part in parts if part.target != "tool_call"]
            parts.append(Part("tool_call", "0", _text(arguments), tool))
        self.parts = [part for part in parts if len(part.text) <= max_length]
        """All that it says, as text; structured values as JSON."""
        self.too_long = [part for part in parts if len(part.text) > max_length]
        """What is not looked at."""
        self.texts: Sequence[Text] = ()
        """Where its content stands, for what looks at it as it stands."""
        self.found: Sequence[Finding] = ()
        """What detectors say of its parts."""
        self.documents: frozenset[str] = frozenset()
        """The ids of what was retrieved for it."""

    @property
    def answers(self) -> Mapping[str, str]:
        """What the model says, by the number of the message: of several choices each."""
        answers: defaultdict[str, str] = defaultdict(str)
        for part in self.parts:
            if part.target == "output":
                answers[part.place.partition(".")[0]] += part.text
        return answers


def _parts(value: Any, target: Target) -> Iterator[Part]:
    """Yield the parts of an attribute: messages in the conventions' schema, or whatever else it holds, as one."""
    if value is None or value == "":
        return
    if target in ("tool_call", "tool_result"):
        yield Part(target, "0", _text(value))
        return
    messages = _structure(value)
    for number, message in enumerate(messages if isinstance(messages, list) else [messages]):
        if not isinstance(message, dict):
            yield Part(target, str(number), _text(message))
        elif isinstance(parts := message.get("parts"), list):
            role = _ROLES.get(message.get("role"), target) if target == "input" else target
            for position, part in enumerate(parts):
                yield from _part(part, role, f"{number}.{position}")
        else:
            yield from _part(message, target, str(number))


def _part(part: Any, target: Target, place: str) -> Iterator[Part]:
    if not isinstance(part, dict):
        yield Part(target, place, _text(part))
        return
    match part.get("type"):
        case "text":
            yield Part(target, place, _text(part.get("content")))
        case "reasoning":
            yield Part("reasoning", place, _text(part.get("content")))
        case "tool_call":
            name = part.get("name")
            tool = name if isinstance(name, str) else ""
            yield Part("tool_call", place, _text(part.get("arguments")), tool)
        case "tool_call_response":
            yield Part("tool_result", place, _text(part.get("response", part.get("result"))))
        case "blob" | "file" | "uri":
            return  # bytes, or where they are
        case _:
            yield Part(target, place, _text(part))


def _structure(value: Any) -> Any:
    if not isinstance(value, str):
        return value
    try:
        return orjson.loads(value)
    except ValueError:  # no JSON: a text
        return value


def _text(value: Any) -> str:
    if isinstance(value, str):
        return value
    if value is None:
        return ""
    return orjson.dumps(value, default=lambda _: None, option=orjson.OPT_NON_STR_KEYS).decode()
