"""A question by LlamaIndex."""

from __future__ import annotations

from llama_index.core.llms import ChatMessage
from llama_index.llms.openai import OpenAI


def main() -> None:
    """Ask."""
    messages = [
        ChatMessage(role="system", content="Answer briefly."),
        ChatMessage(role="user", content="What is the capital of Brandenburg?"),
    ]
    print(OpenAI(model="gpt-4o-mini").chat(messages).message.content)


if __name__ == "__main__":
    main()
