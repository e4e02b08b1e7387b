"""A chat engine of LlamaIndex, which remembers what was said."""

from __future__ import annotations

from llama_index.core.chat_engine import SimpleChatEngine
from llama_index.llms.openai import OpenAI


def main() -> None:
    """Ask twice."""
    engine = SimpleChatEngine.from_defaults(llm=OpenAI("gpt-4o-mini"), system_prompt="Answer briefly.")
    print(engine.chat("What is the capital of Brandenburg?"))
    print(engine.chat("And of Hesse?"))


if __name__ == "__main__":
    main()
