"""Ports that the workers of one gateway share, and nobody else has."""

from __future__ import annotations

import socket
from typing import TYPE_CHECKING

from otel_llm.errors import StartError
from otel_llm.host.ports import bind

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from otel_llm.component import Endpoint

__all__ = ["SharedPorts"]

_Key = tuple[str, str, int]


class SharedPorts:
    """Holds ports without listening, so that they stay ours whatever becomes of the workers.

    A port is bound as only one process can, and opened for others after that. With `SO_REUSEPORT` from the beginning
    the kernel would let us have a port on which another program of the same user listens so, and give it half of our
    connections.
    """

    def __init__(self) -> None:
        self._held: dict[_Key, socket.socket] = {}

    def hold(self, endpoints: Sequence[Endpoint]) -> Mapping[str, int]:
        """Hold what these endpoints need beside what is held already; return the ports by their names.

        Raises:
            StartError: it names all that cannot be had. No more is held than before.
        """
        if not hasattr(socket, "SO_REUSEPORT"):
            raise StartError("service.workers: this system does not let several processes share a port")
        before = self._held.keys() | ()
        wanted: dict[_Key, Endpoint] = {}
        problems: list[str] = []
        for endpoint in endpoints:
            key = _key(endpoint)
            if key in wanted:
                problems.append(f"{endpoint.name}: {endpoint} is in use by {wanted[key].name}")
            wanted[key] = endpoint
            try:
                if key not in self._held:
                    self._held[key] = _opened(bind(endpoint))
            except StartError as error:
                problems += error.problems
        if problems:
            self._release(self._held.keys() - before)
            raise StartError(*problems)
        return {endpoint.name: self._held[key].getsockname()[1] for key, endpoint in wanted.items()}

    def keep(self, endpoints: Iterable[Endpoint]) -> None:
        """Let go of all that these do not need."""
        self._release(self._held.keys() - {_key(endpoint) for endpoint in endpoints})

    def _release(self, keys: Iterable[_Key]) -> None:
        for key in tuple(keys):
            self._held.pop(key).close()


def _key(endpoint: Endpoint) -> _Key:
    """Return what tells ports apart: any that is free is its endpoint's own, others may go from one to another."""
    return ("" if endpoint.port else endpoint.name), endpoint.host, endpoint.port


def _opened(holder: socket.socket) -> socket.socket:
    """Let others have a port, too, if they ask for it with `SO_REUSEPORT`; those who only reuse addresses may not."""
    holder.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 0)
    holder.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
    return holder
