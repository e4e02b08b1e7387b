"""A question to OpenAI, by its own client, answered as it comes."""

from __future__ import annotations

import openai


def main() -> None:
    """Ask."""
    stream = openai.OpenAI().chat.completions.create(
        model="gpt-4o-mini",
        messages=[{"role": "user", "content": "What is the capital of Brandenburg?"}],
        stream=True,
        stream_options={"include_usage": True},
    )
    for chunk in stream:
        for choice in chunk.choices:
            print(choice.delta.content or "", end="")
    print()


if __name__ == "__main__":
    main()
