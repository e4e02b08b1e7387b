"""A question to Anthropic, by its own client."""

from __future__ import annotations

import anthropic


def main() -> None:
    """Ask."""
    message = anthropic.Anthropic().messages.create(
        model="claude-sonnet-4-5",
        max_tokens=100,
        messages=[{"role": "user", "content": "What is the capital of Brandenburg?"}],
    )
    print("".join(block.text for block in message.content if block.type == "text"))


if __name__ == "__main__":
    main()
