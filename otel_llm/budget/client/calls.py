"""What requests to providers ask for, and what their answers have used: OpenAI's and Anthropic's forms."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    import httpx2

__all__ = ["ProviderCall", "UsageReader", "read_call"]

_PATHS: Final = ("/chat/completions", "/completions", "/responses", "/embeddings", "/messages")
_PROVIDERS: Final = {"api.openai.com": "openai", "api.anthropic.com": "anthropic"}
_MOST: Final = ("max_tokens", "max_completion_tokens", "max_output_tokens")
_TEXTS: Final = ("messages", "input", "prompt", "system", "instructions", "tools")
_LONGEST_LINE: Final = 1024 * 1024


@dataclass(frozen=True, slots=True)
class ProviderCall:
    """A request to a provider."""

    model: str
    provider: str | None
    input_text: str
    """All that the model will read, as JSON: rather too long than too short."""
    max_output_tokens: int | None
    body: dict[str, Any]

    def with_model(self, model: str) -> bytes:
        """Return the body of the same request to another model."""
        return json.dumps({**self.body, "model": model}).encode()


def read_call(request: httpx2.Request, content: bytes) -> ProviderCall | None:
    """Return the call that a request makes; None if it makes none that costs by the token."""
    if request.method != "POST" or not request.url.path.endswith(_PATHS):
        return None
    try:
        body = json.loads(content)
    except ValueError:
        return None
    if not isinstance(body, dict) or not isinstance(body.get("model"), str):
        return None
    most = next((body[key] for key in _MOST if type(body.get(key)) is int), None)
    if request.url.path.endswith("/embeddings"):
        most = 0
    text = "".join(json.dumps(body[key], ensure_ascii=False) for key in _TEXTS if key in body)
    return ProviderCall(body["model"], _PROVIDERS.get(request.url.host), text, most, body)


@dataclass
class UsageReader:
    """Reads an answer as it passes, whole or event by event."""

    found: dict[str, Any] = field(default_factory=dict)
    """What `settle` takes; empty until some usage has been seen."""
    _line: bytes = b""

    def feed_event_stream(self, chunk: bytes) -> None:
        """Take a part of a stream of server-sent events."""
        *lines, self._line = (self._line + chunk).split(b"\n")
        for line in lines:
            if line.startswith(b"data:"):
                self.feed_json(line.removeprefix(b"data:"))
        self._line = self._line[-_LONGEST_LINE:]

    def feed_json(self, content: bytes) -> None:
        """Take a whole answer, or the data of one event."""
        try:
            body = json.loads(content)
        except ValueError:
            return  # such as OpenAI's [DONE]
        if not isinstance(body, dict):
            return
        for part in (body, body.get("response"), body.get("message")):  # of events that carry the answer in them
            if isinstance(part, dict):
                self._take(part)

    def _take(self, part: dict[str, Any]) -> None:
        usage = part.get("usage")
        if isinstance(usage, dict):
            self._take_usage(usage)
        if isinstance(part.get("id"), str) and isinstance(part.get("model"), str):
            self.found |= {"response_id": part["id"], "response_model": part["model"]}

    def _take_usage(self, usage: dict[str, Any]) -> None:
        def count(*names: str) -> int | None:
            numbers = [usage[name] for name in names if type(usage.get(name)) is int and usage[name] >= 0]
            return sum(numbers) if numbers else None

        read = count("prompt_tokens")
        if read is None:  # Anthropic counts what was cached beside the input, OpenAI within it
            read = count("input_tokens", "cache_creation_input_tokens", "cache_read_input_tokens")
        written = count("completion_tokens")
        if written is None:
            written = count("output_tokens")
        if read is not None:
            self.found["input_tokens"] = max(read, self.found.get("input_tokens", 0))
        if written is not None:
            self.found["output_tokens"] = written

    @property
    def usage(self) -> dict[str, Any] | None:
        """What to settle; None if the answer did not say."""
        return self.found if "input_tokens" in self.found else None
