"""Where something listens: how a config says it, and what is said when it is not possible."""

from __future__ import annotations

import re
from dataclasses import dataclass
from ipaddress import IPv6Address, ip_address
from typing import TYPE_CHECKING, Annotated, Final, Self

from pydantic import AfterValidator

from otel_llm.errors import StartError

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["Endpoint", "ListenEndpoint", "Worker", "cannot_listen", "is_loopback", "parse_listen_endpoint"]

_FORM: Final = re.compile(r"(?:\[(?P<ipv6>[^\]]*)\]|(?P<host>[A-Za-z0-9._-]*)):(?P<port>[0-9]{1,5})")
_HIGHEST_PORT: Final = 65535


@dataclass(frozen=True, slots=True)
class Worker:
    """One of several processes that share the work of a gateway."""

    number: int
    """From 1."""
    count: int
    """How many of them there are."""
    ports: Mapping[str, int]
    """The ports that all of them listen on, by the names of endpoints."""


@dataclass(frozen=True, slots=True)
class Endpoint:
    """A TCP address that something listens on."""

    name: str
    """Where it is configured, such as `receivers.otlp.protocols.grpc.endpoint`."""
    host: str
    port: int
    """0 until a free port has been taken."""
    protected: bool = False
    """Whether it lets in only those who show a token or a certificate."""
    shared: bool = False
    """Whether every worker of the gateway listens there: each binds the port with `SO_REUSEPORT`."""

    @classmethod
    def at(cls, name: str, endpoint: str, *, protected: bool = False, worker: Worker | None = None) -> Self:
        """Return where something listens that is configured to listen at *endpoint*, a `ListenEndpoint`."""
        host, port = parse_listen_endpoint(endpoint)
        shared = {} if worker is None else worker.ports
        return cls(name, host, shared.get(name, port), protected, shared=name in shared)

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


def parse_listen_endpoint(value: str) -> tuple[str, int]:
    """Return host and port of `host:port` or `[IPv6 address]:port`.

    Raises:
        ValueError: it is neither. Unlike in the Collector a host must be named: `:4317` would open the port to
            everybody without saying so.
    """
    match = _FORM.fullmatch(value)
    if match is None:
        raise ValueError("must be host:port, such as 127.0.0.1:4317 or [::1]:4317, with nothing before or after it")
    port = int(match["port"])
    if port > _HIGHEST_PORT:
        raise ValueError(f"must have a port of at most {_HIGHEST_PORT}")
    if match["ipv6"] is not None:
        try:
            return str(IPv6Address(match["ipv6"])), port
        except ValueError:
            raise ValueError("must have an IPv6 address between [ and ]") from None
    if not match["host"]:
        raise ValueError(f"names no host: write 127.0.0.1:{port}, or 0.0.0.0:{port} for every interface of the machine")
    return match["host"], port


def _checked(value: str) -> str:
    parse_listen_endpoint(value)
    return value


ListenEndpoint = Annotated[str, AfterValidator(_checked)]
"""The type of a config's `endpoint` at which something listens. Port 0 takes any that is free."""


def is_loopback(host: str) -> bool:
    """Tell whether only this machine reaches *host*. A name other than `localhost` is not looked up: it may change."""
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def cannot_listen(endpoint: Endpoint) -> StartError:
    """Return the error for an endpoint that cannot be bound. Not every server tells which of the reasons it was."""
    return StartError(
        f"{endpoint.name}: cannot listen on {endpoint}: the port is in use or needs more rights, "
        "or the host is none of this machine's"
    )
