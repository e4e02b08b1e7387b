"""What supervisor and workers say to each other, and the line on which they say it."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final, Literal, Self

import orjson

from otel_llm.telemetry import Family

if TYPE_CHECKING:
    import socket
    from collections.abc import Mapping, Sequence

__all__ = ["Assignment", "Channel", "Message", "Refusal", "Report", "Running", "Status", "Stop"]

_LONGEST: Final = 64 * 1024 * 1024
"""Of a line: far more than any config or page of metrics."""


@dataclass(frozen=True, slots=True)
class Assignment:
    """To a worker: run this. The first message; a later one is a reload."""

    number: int
    count: int
    text: str = field(repr=False)  # it may hold secrets
    """The config's YAML."""
    source: str
    ports: Mapping[str, int]
    """By the names of endpoints, all that workers share."""


@dataclass(frozen=True, slots=True)
class Report:
    """To a worker: send a `Status` now."""

    number: int
    """Grows."""


@dataclass(frozen=True, slots=True)
class Stop:
    """To a worker: end in order."""


@dataclass(frozen=True, slots=True)
class Running:
    """From a worker: what it was assigned last runs."""


@dataclass(frozen=True, slots=True)
class Refusal:
    """From a worker: what it was assigned last cannot be run."""

    kind: Literal["config", "start"]
    """Which error it is: `ConfigError` or `StartError`."""
    problems: Sequence[str]


@dataclass(frozen=True, slots=True)
class Status:
    """From a worker, every second and when it is asked: that its event loop goes round, and how it is."""

    ready: bool
    report: int
    """The last report that it had been asked for."""
    metrics: Sequence[Family]


Message = Assignment | Report | Stop | Running | Refusal | Status
_TYPES: Final[dict[str, type[Message]]] = {
    kind.__name__: kind for kind in (Assignment, Report, Stop, Running, Refusal, Status)
}


class Channel:
    """One end of the line."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer

    @classmethod
    async def over(cls, end: socket.socket) -> Self:
        """Take one end of a socket pair over."""
        return cls(*await asyncio.open_unix_connection(sock=end, limit=_LONGEST))

    def send(self, message: Message) -> None:
        """Send, or do nothing where nobody listens any more: `receive` tells."""
        if not self._writer.is_closing():
            self._writer.write(orjson.dumps({type(message).__name__: message}) + b"\n")

    async def receive(self) -> Message | None:
        """Return the next message, None when there will be none. Cancelled, it takes none."""
        try:
            line = await self._reader.readline()
        except OSError:
            return None
        if not line.endswith(b"\n"):
            return None
        [(kind, fields)] = orjson.loads(line).items()
        return _TYPES[kind](**_decoded(fields))

    async def close(self) -> None:
        """Close, with everything sent that the other side still takes."""
        self._writer.close()
        try:
            await self._writer.wait_closed()
        except OSError:  # the other side has gone first
            return


def _decoded(fields: dict[str, Any]) -> dict[str, Any]:
    if "metrics" in fields:
        fields["metrics"] = [Family(**family) for family in fields["metrics"]]
    return fields
