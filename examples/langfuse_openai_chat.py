"""A question to OpenAI, by its own client as Langfuse wraps it."""

from __future__ import annotations

from langfuse.openai import openai


def main() -> None:
    """Ask."""
    answer = openai.OpenAI().chat.completions.create(
        model="gpt-4o-mini",
        messages=[{"role": "user", "content": "What is the capital of Brandenburg?"}],
    )
    print(answer.choices[0].message.content)


if __name__ == "__main__":
    main()
