"""Speaking HTTP to a receiver in the tests: as a client does, and byte by byte."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Final

from google.rpc.status_pb2 import Status  # type: ignore[import-untyped]  # has no stubs

if TYPE_CHECKING:
    from collections.abc import Mapping

    from aiohttp import ClientResponse

    from tests.receivers.conftest import Start

HTTP: Final = "protocols: {http: {endpoint: 127.0.0.1:0}}"
PROTOBUF: Final = {"Content-Type": "application/x-protobuf"}
JSON: Final = {"Content-Type": "application/json"}
GZIP: Final = {"Content-Encoding": "gzip"}


async def url_of(start: Start, text: str = HTTP) -> str:
    """Start a receiver; return the root of its URLs."""
    receiver = await start(text)
    return f"http://{receiver.endpoints[0]}"


async def exchange(url: str, *sent: bytes) -> bytes:
    """Send raw bytes on a connection of their own; return all that comes until the server closes it."""
    host, _, port = url.removeprefix("http://").rpartition(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    writer.writelines(sent)
    answer = await reader.read()
    writer.close()
    await writer.wait_closed()
    return answer


def post(headers: Mapping[str, str], body: bytes = b"", path: str = "/v1/traces") -> bytes:
    """Return a request as it stands on the wire, on a connection that is closed after it."""
    lines = [f"POST {path} HTTP/1.1", "Host: test", "Connection: close", *(f"{k}: {v}" for k, v in headers.items())]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


async def status_in(response: ClientResponse) -> Status:
    """Return the `google.rpc.Status` that is the body of a protobuf response."""
    assert "application/x-protobuf" == response.headers["Content-Type"]
    return Status.FromString(await response.read())
