"""What an operation is called now, whoever named it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from otel_llm.attributes import Value

__all__ = ["operation"]

_OPERATIONS: Final = {
    "agent.run": "invoke_agent",
    "agent_call": "invoke_agent",
    "chat.completion": "chat",
    "chat.completions": "chat",
    "chat_completion": "chat",
    "chat_completions": "chat",
    "completions": "text_completion",
    "embed": "embeddings",
    "embed_content": "embeddings",
    "embedcontent": "embeddings",
    "embedding": "embeddings",
    "generate": "chat",
    "generate_text": "chat",
    "generatecontent": "generate_content",
    "generatetext": "chat",
    "llm_call": "chat",
    "messages": "chat",
    "realtime": "chat",
    "request": "chat",
    "responses": "chat",
    "stream_text": "chat",
    "streamgeneratecontent": "generate_content",
    "streamtext": "chat",
    "tool.execute": "execute_tool",
    "tool_call": "execute_tool",
    "tool_selection": "chat",
    "workflow.run": "invoke_workflow",
} | {
    name: name
    for name in (
        "chat",
        "embeddings",
        "execute_tool",
        "generate_content",
        "invoke_agent",
        "invoke_workflow",
        "rerank",
        "retrieval",
        "text_completion",
    )
}
"""What SDKs, APIs and those who name spans by hand call them, in lower case."""


def operation(value: Value) -> str | None:
    """Return an operation, under its current name where it is known by another."""
    if type(value) is not str or not value:
        return None
    return _OPERATIONS.get(value) or _OPERATIONS.get(value.lower(), value)
