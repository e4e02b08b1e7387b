"""The program's log: one line an event, on standard error, as text or as JSON."""

from __future__ import annotations

import logging
import sys
import traceback
from datetime import UTC, datetime
from typing import Final, Literal

import orjson

__all__ = ["LogFormat", "LogLevel", "configure"]

LogFormat = Literal["text", "json"]
LogLevel = Literal["debug", "info", "warn", "error"]

_LONGEST: Final = 1024
_LEVELS: Final = {"debug": logging.DEBUG, "info": logging.INFO, "warn": logging.WARNING, "error": logging.ERROR}


def configure(level: LogLevel = "info", log_format: LogFormat = "text", worker: int = 0) -> None:
    """Send the log of this program to standard error; other libraries' from warnings up.

    Each line names the *worker*, where that is not 0.
    """
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(_Json(worker) if log_format == "json" else _Text(worker))
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(logging.WARNING)
    logging.getLogger("otel_llm").setLevel(_LEVELS[level])


class _Text(logging.Formatter):
    """`2026-01-02T03:04:05.678Z WARNING otel_llm.destination: message`; before the name, `[worker 2]`."""

    def __init__(self, worker: int) -> None:
        super().__init__()
        self._who = f"[worker {worker}] " if worker else ""

    def format(self, record: logging.LogRecord) -> str:
        return f"{_time(record)} {record.levelname:<7} {self._who}{record.name}: {_message(record)}"


class _Json(logging.Formatter):
    """One JSON object a line: `time`, `level`, `logger`, `message`, and `worker`."""

    def __init__(self, worker: int) -> None:
        super().__init__()
        self._who = {"worker": worker} if worker else {}

    def format(self, record: logging.LogRecord) -> str:
        return orjson.dumps(
            {
                "time": _time(record),
                "level": record.levelname.lower(),
                "logger": record.name,
                "message": _message(record),
                **self._who,
            }
        ).decode()


def _time(record: logging.LogRecord) -> str:
    return datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _message(record: logging.LogRecord) -> str:
    """Return the message as one printable line: nothing that a client named may begin a line or colour a terminal."""
    message = record.getMessage()
    if record.exc_info:
        # The traceback shows where; the exception's own text is left out, since it may quote what was received.
        kind = record.exc_info[0]
        frames = "".join(traceback.format_tb(record.exc_info[2])).strip().replace("\n", " | ")
        message = f"{message} [{kind.__name__ if kind else 'unknown'} | {frames}]"
    line = "".join(c if c.isprintable() else c.encode("unicode_escape").decode("ascii") for c in message)
    return line if len(line) <= _LONGEST else f"{line[:_LONGEST]}..."
