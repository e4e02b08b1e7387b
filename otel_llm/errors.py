"""Errors, named by what whoever catches them must do next.

    OtelLlmError
    ├── ConfigError          the operator changes the configuration; nothing was started
    ├── StartError           the operator changes the machine (a port is in use); the same configuration may then start
    ├── Refused              the sender must not send the same again: it will be refused again
    │   ├── TooLarge         ... unless it sends less at once
    │   ├── UnsupportedMedia ... unless it sends it in another encoding
    │   ├── NotServed        ... here: no pipeline takes this signal
    │   ├── Unauthenticated  ... without credentials that are valid
    │   └── Forbidden        ... with these credentials
    ├── Retryable            the caller may try the very same again, after `after_s` if it is given
    └── Permanent            the caller gives the batch up: this destination will never take it
        └── Oversize         ... unless it comes in smaller parts

Their messages may be shown to clients and written to logs. So they are sentences of our own: never the text of another
exception, never a part of what was received.
"""

from __future__ import annotations

from typing import Final, NamedTuple

__all__ = [
    "STATUS",
    "ConfigError",
    "Forbidden",
    "NotServed",
    "OtelLlmError",
    "Oversize",
    "Permanent",
    "Refused",
    "Retryable",
    "StartError",
    "Status",
    "TooLarge",
    "Unauthenticated",
    "UnsupportedMedia",
    "status_of",
]


class OtelLlmError(Exception):
    """Root of the tree above."""


class _Problems(OtelLlmError):
    """Carries every problem found, one line each, not only the first."""

    def __init__(self, *problems: str) -> None:
        super().__init__("\n".join(problems))
        self.problems = problems


class ConfigError(_Problems):
    """The configuration cannot be used."""


class StartError(_Problems):
    """The configuration is good, but something it needs cannot be had now."""


class Refused(OtelLlmError):
    """What was sent is wrong and stays wrong."""


class TooLarge(Refused):
    """More than a limit of ours allows."""


class UnsupportedMedia(Refused):
    """An encoding or compression that is not understood here."""


class NotServed(Refused):
    """Nothing here takes what was sent."""


class Unauthenticated(Refused):
    """No credentials, or wrong ones."""


class Forbidden(Refused):
    """Good credentials that do not allow this."""


class Retryable(OtelLlmError):
    """Not now. `after_s` is how long to wait at least, in seconds, when whoever refused said so."""

    def __init__(self, message: str, *, after_s: float | None = None) -> None:
        super().__init__(message)
        self.after_s = after_s


class Permanent(OtelLlmError):
    """Never, here. `reason` is a short word for a metric label, such as the status that was answered."""

    def __init__(self, message: str, *, reason: str = "permanent") -> None:
        super().__init__(message)
        self.reason = reason


class Oversize(Permanent):
    """Too much at once for this destination."""


class Status(NamedTuple):
    """How one kind of refusal is said on the wire."""

    grpc: int
    """Status code of gRPC (github.com/grpc/grpc, doc/statuscodes.md)."""
    http: int
    """Status code of HTTP (RFC 9110, section 15)."""


STATUS: Final[dict[type[OtelLlmError], Status]] = {
    Refused: Status(3, 400),  # INVALID_ARGUMENT
    TooLarge: Status(8, 413),  # RESOURCE_EXHAUSTED; without RetryInfo, so that clients do not retry
    UnsupportedMedia: Status(3, 415),
    NotServed: Status(12, 404),  # UNIMPLEMENTED
    Unauthenticated: Status(16, 401),
    Forbidden: Status(7, 403),  # PERMISSION_DENIED
    Retryable: Status(14, 503),  # UNAVAILABLE
}
"""The one table from error to status (OTLP specification, "Failures" of OTLP/gRPC and OTLP/HTTP)."""


def status_of(error: OtelLlmError) -> Status:
    """Return the status of the nearest class in the table; `Retryable`'s where there is none."""
    return next((STATUS[kind] for kind in type(error).__mro__ if kind in STATUS), STATUS[Retryable])
