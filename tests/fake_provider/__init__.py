"""A model provider on loopback that answers what a test tells it to, in OpenAI's, Anthropic's and Google's words.

with FakeProvider() as provider:
    provider.script(Failure(429, retry_after_s=1), Reply("Yes.", usage=Usage(input=1200, output=1)))
    client = openai.OpenAI(base_url=provider.openai_url, api_key="any")
    ...
    provider.calls[0].body["messages"]
"""

from __future__ import annotations

from tests.fake_provider.reply import Call, Failure, Malformed, Reply, ToolCall, Usage
from tests.fake_provider.server import FakeProvider

__all__ = ["Call", "Failure", "FakeProvider", "Malformed", "Reply", "ToolCall", "Usage"]
