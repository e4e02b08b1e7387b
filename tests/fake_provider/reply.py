"""What a call is answered, said once for every API: each speaks it in its own words."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

__all__ = ["Answer", "Call", "Dialect", "Failure", "Json", "Malformed", "Reply", "ToolCall", "Usage"]

Json = dict[str, Any]
FinishReason = Literal["stop", "length", "tool_calls", "content_filter"]


@dataclass(frozen=True, slots=True)
class Usage:
    """Tokens, counted as OpenAI does: input includes what was cached and audio, output includes reasoning and audio."""

    input: int = 12
    output: int = 6
    cache_read: int = 0
    cache_write: int = 0
    reasoning: int = 0
    audio_input: int = 0
    audio_output: int = 0


@dataclass(frozen=True, slots=True)
class ToolCall:
    """A tool that the model asks for."""

    name: str
    arguments: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Reply:
    """A call that succeeds, or whose answer breaks off."""

    text: str = "Six words make a fine answer."
    tool_calls: tuple[ToolCall, ...] = ()
    usage: Usage = Usage()
    finish: FinishReason | None = None
    """In OpenAI's words; None: `tool_calls` where there are some, else `stop`."""
    model: str | None = None
    """The model that the answer names; None: the one that was asked for."""
    service_tier: str | None = None
    system_fingerprint: str | None = None
    time_to_first_token_s: float = 0.0
    cut_after: int | None = None
    """Close the connection after so many events of a stream, or bytes of a plain body."""

    @property
    def finish_reason(self) -> FinishReason:
        """Why it ended."""
        return self.finish or ("tool_calls" if self.tool_calls else "stop")

    @property
    def pieces(self) -> list[str]:
        """The text as it is streamed: word by word."""
        return re.findall(r"\S+\s*", self.text)


@dataclass(frozen=True, slots=True)
class Failure:
    """A call that is refused."""

    status: int
    retry_after_s: int | None = None
    message: str = "The fake provider was told to fail."


@dataclass(frozen=True, slots=True)
class Malformed:
    """A call answered 200 with a body that is no JSON."""


Answer = Reply | Failure | Malformed


@dataclass(frozen=True, slots=True)
class Call:
    """One request as it came."""

    number: int
    """Counts from 1; ids in the answer end in it."""
    path: str
    headers: Mapping[str, str]
    """Their names in any case."""
    body: Json

    @property
    def streamed(self) -> bool:
        """Whether the answer is asked for as server-sent events."""
        return bool(self.body.get("stream")) or self.path.endswith(":streamGenerateContent")

    def model(self, reply: Reply) -> str:
        """Return the model that the answer names."""
        return reply.model or self.asked_model

    @property
    def asked_model(self) -> str:
        """The model of the request. Gemini's stands in the path."""
        return str(self.body["model"]) if "model" in self.body else self.path.rpartition("/")[2].partition(":")[0]


@dataclass(frozen=True, slots=True)
class Dialect:
    """How one endpoint says an answer."""

    path: str
    plain: Callable[[Reply, Call], Json]
    """The body of a plain answer."""
    events: Callable[[Reply, Call], Iterator[Json]]
    """The data of each server-sent event. A `type` in it is the event's name as well."""
    error: Callable[[Failure], Json]
    """The body of a refusal."""
    end_of_stream: bytes = b""
    """What follows the last event."""
