"""What gRPC's servers here have in common: how they listen, and what they read of a call before its message."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final

import grpc

from otel_llm.endpoint import cannot_listen

if TYPE_CHECKING:
    from otel_llm.endpoint import Endpoint
    from otel_llm.tls import ServerTls

__all__ = ["STATUS_CODES", "authorization", "listen"]

STATUS_CODES: Final[dict[int, grpc.StatusCode]] = {code.value[0]: code for code in grpc.StatusCode}
"""By their numbers."""


async def listen(server: grpc.aio.Server, endpoint: Endpoint, tls: ServerTls | None) -> Endpoint:
    """Start a server; return its endpoint with the real port.

    Raises:
        StartError: that cannot be done there.
    """
    address = str(endpoint)
    try:
        if tls is None:
            port = server.add_insecure_port(address)
        else:
            port = server.add_secure_port(address, tls.grpc_credentials())
    except RuntimeError as error:
        raise cannot_listen(endpoint) from error
    await server.start()
    return replace(endpoint, port=port)


def authorization(call: grpc.HandlerCallDetails) -> list[str]:
    """Return the values of all Authorization headers of a call."""
    metadata = call.invocation_metadata or ()
    return [value for key, value in metadata if key == "authorization" and isinstance(value, str)]
