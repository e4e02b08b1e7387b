"""A model provider on loopback that answers what a test tells it to, in OpenAI's and in Anthropic's words."""

from __future__ import annotations

from tests.fake_provider.reply import Call, Failure, Malformed, Reply, ToolCall, Usage
from tests.fake_provider.server import FakeProvider

__all__ = ["Call", "Failure", "FakeProvider", "Malformed", "Reply", "ToolCall", "Usage"]
