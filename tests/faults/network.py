"""What lies between the gateway and others: ports that stay theirs, and a way that can be cut."""

from __future__ import annotations

import asyncio
import socket
import ssl
import struct
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Final, Self

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import TracebackType

    from tests.certificates import Pair

__all__ = ["Door", "reserved_port"]

_CHUNK_BYTES: Final = 64 * 1024
_AT_ONCE: Final = struct.pack("ii", 1, 0)
"""`SO_LINGER` with which closing sends RST."""


@contextmanager
def reserved_port() -> Iterator[int]:
    """Keep a port for somebody who listens there now and then. While nobody does, connections are refused.

    A bound socket that does not listen keeps the kernel from giving the port away, not its owner from listening.
    """
    with socket.socket() as holder:
        holder.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        holder.bind(("127.0.0.1", 0))
        port: int = holder.getsockname()[1]
        yield port


class Door:
    """A proxy of TCP before a server: what becomes of connections, whatever is spoken over them."""

    def __init__(self) -> None:
        self.target_port = 0
        """Where connections lead. May change; those that are open stay where they are."""
        self.silent = False
        """Whether new connections are accepted and lead nowhere: a host that is there and never answers."""
        self._reservation = reserved_port()
        self.port = self._reservation.__enter__()
        self._server: asyncio.Server | None = None
        self._passing: set[asyncio.Task[None]] = set()
        self._clients: set[asyncio.StreamWriter] = set()

    async def open(self, certificate: Pair | None = None) -> None:
        """Let connections in; over TLS, with a certificate."""
        if self._server is None:
            tls = None if certificate is None else _tls(certificate)
            self._server = await asyncio.start_server(self._enter, "127.0.0.1", self.port, ssl=tls)

    async def close(self) -> None:
        """Refuse connections, and reset those that are open."""
        server, self._server = self._server, None
        if server is not None:
            server.close()
        self.reset()
        await asyncio.gather(*self._passing, return_exceptions=True)

    def reset(self) -> None:
        """Break off all connections, as a machine does that loses its power."""
        for client in self._clients:
            connection = client.get_extra_info("socket")
            with suppress(OSError, AttributeError):  # it has ended by itself
                connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _AT_ONCE)
            client.transport.abort()
        for task in self._passing:
            task.cancel()

    def inject(self, data: bytes) -> None:
        """Send every client something that the server never said."""
        for client in self._clients:
            client.write(data)

    async def __aenter__(self) -> Self:
        await self.open()
        return self

    async def __aexit__(
        self, _type: type[BaseException] | None, _error: BaseException | None, _at: TracebackType | None
    ) -> None:
        await self.close()
        self._reservation.__exit__(None, None, None)

    async def _enter(self, reader: asyncio.StreamReader, client: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._passing.add(task)
        self._clients.add(client)
        try:
            with suppress(OSError, asyncio.CancelledError):
                await (asyncio.Event().wait() if self.silent else self._pass(reader, client))
        finally:
            client.close()
            self._clients.discard(client)
            self._passing.discard(task)

    async def _pass(self, reader: asyncio.StreamReader, client: asyncio.StreamWriter) -> None:
        answers, server = await asyncio.open_connection("127.0.0.1", self.target_port)
        try:
            async with asyncio.TaskGroup() as both_ways:
                both_ways.create_task(_copy(reader, server))
                both_ways.create_task(_copy(answers, client))
        except* OSError:
            pass
        finally:
            server.close()


def _tls(certificate: Pair) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*certificate)
    context.set_alpn_protocols(["h2", "http/1.1"])
    return context


async def _copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while data := await reader.read(_CHUNK_BYTES):
        writer.write(data)
        await writer.drain()
    raise ConnectionResetError  # one side has ended: so does the other
