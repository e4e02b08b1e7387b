"""A question to Gemini, by Google's own client, answered as it comes."""

from __future__ import annotations

from google import genai


def main() -> None:
    """Ask."""
    client = genai.Client()
    stream = client.models.generate_content_stream(
        model="gemini-2.5-flash", contents="What is the capital of Brandenburg?"
    )
    for chunk in stream:
        print(chunk.text or "", end="")
    print()


if __name__ == "__main__":
    main()
