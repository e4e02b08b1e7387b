"""What LangChain writes of a model's prompts and answers: its own objects, serialised, a list of them for each prompt.

Source: `langchain_core/load/serializable.py` and `langchain_core/outputs` of langchain-ai/langchain 1.4.
"""

from __future__ import annotations

from typing import Any, Final

__all__ = ["plain"]

_MEMBERS: Final = ("content", "tool_calls", "tool_call_id", "name")
"""What of a message's arguments belongs to it; the rest is metadata that the span has elsewhere."""


def plain(items: list[Any]) -> list[Any]:
    """Return messages or answers as plain dictionaries; what is something else as it is."""
    if all(type(each) is list for each in items):
        items = [item for each in items for item in each]
    return list(map(_plain, items))


def _plain(item: Any) -> Any:
    if type(item) is not dict:
        return item
    if type(item.get("generation_info")) is dict:
        said = _plain(item.get("message"))
        reason = item["generation_info"].get("finish_reason")
        return {**(said if type(said) is dict else {"content": item.get("text")}), "finish_reason": reason}
    if "lc" in item and type(item.get("kwargs")) is dict:
        said = item["kwargs"]
        speaker = said.get("type")
        role = speaker.removesuffix("MessageChunk").lower() if type(speaker) is str else None
        return {"role": role, **{name: said[name] for name in _MEMBERS if name in said}}
    return item
