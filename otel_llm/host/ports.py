"""Whether ports can be listened on, asked before anything is started, so that all that cannot are named at once."""

from __future__ import annotations

import errno
import os
import socket
from typing import TYPE_CHECKING

from otel_llm.errors import StartError

if TYPE_CHECKING:
    from collections.abc import Iterable

    from otel_llm.component import Endpoint

__all__ = ["check_ports"]


def check_ports(endpoints: Iterable[Endpoint], besides: Iterable[Endpoint] = ()) -> None:
    """Check that all *endpoints* can be listened on, but for the ports of those where we listen already.

    Raises:
        StartError: it names all that cannot.
    """
    ours = {endpoint.port for endpoint in besides}
    asked = [endpoint for endpoint in endpoints if endpoint.port not in ours]
    refused = [problem for endpoint in asked if (problem := _why_not(endpoint))]
    if refused:
        raise StartError(*refused)


def _why_not(endpoint: Endpoint) -> str | None:
    """Return why nothing can listen there, None if it can."""
    try:
        found = socket.getaddrinfo(endpoint.host, endpoint.port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    except socket.gaierror:
        return f"{endpoint.name}: the host name of {endpoint} is not known"
    family, kind, protocol, _, address = found[0]
    with socket.socket(family, kind, protocol) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # as servers do: a port in TIME_WAIT is free
        try:
            probe.bind(address)
        except OSError as error:
            why = "is in use" if error.errno == errno.EADDRINUSE else f"cannot be used: {os.strerror(error.errno or 0)}"
            return f"{endpoint.name}: {endpoint} {why}"
    return None
