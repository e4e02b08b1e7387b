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

__all__ = ["bind", "check_ports"]


def check_ports(endpoints: Iterable[Endpoint], besides: Iterable[Endpoint] = ()) -> None:
    """Check that all *endpoints* can be listened on, but for the ports of those where we listen already.

    Shared ones have been checked for all workers, whose ports they are: others of them may listen there.

    Raises:
        StartError: it names all that cannot.
    """
    ours = {endpoint.port for endpoint in besides}
    problems: list[str] = []
    for endpoint in endpoints:
        if not endpoint.shared and endpoint.port not in ours:
            try:
                bind(endpoint).close()
            except StartError as error:
                problems += error.problems
    if problems:
        raise StartError(*problems)


def bind(endpoint: Endpoint) -> socket.socket:
    """Return a socket that has the port, and does not listen.

    Raises:
        StartError: it cannot be had; it says why.
    """
    try:
        found = socket.getaddrinfo(endpoint.host, endpoint.port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    except socket.gaierror:
        raise StartError(f"{endpoint.name}: the host name of {endpoint} is not known") from None
    family, kind, protocol, _, address = found[0]
    bound = socket.socket(family, kind, protocol)
    bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # as servers do: a port in TIME_WAIT is free
    try:
        bound.bind(address)
    except OSError as error:
        bound.close()
        why = "is in use" if error.errno == errno.EADDRINUSE else f"cannot be used: {os.strerror(error.errno or 0)}"
        raise StartError(f"{endpoint.name}: {endpoint} {why}") from None
    return bound
