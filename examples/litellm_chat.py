"""A question by LiteLLM, which speaks to any provider."""

from __future__ import annotations

import litellm


def main() -> None:
    """Ask."""
    answer = litellm.completion(
        model="openai/gpt-4o-mini", messages=[{"role": "user", "content": "What is the capital of Brandenburg?"}]
    )
    print(answer.choices[0].message.content)


if __name__ == "__main__":
    main()
