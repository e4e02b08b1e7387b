"""Reading a request's body against a limit, as it arrives: memory is bounded by the limit, whatever the sender does.

The limit holds for what arrives and for what it decompresses to (OTLP specification, "OTLP/HTTP Request"). A whole
body is never held twice: `BytesIO.getvalue` hands out its own buffer.
"""

from __future__ import annotations

import asyncio
import zlib
from io import BytesIO
from typing import TYPE_CHECKING, Final

from otel_llm.errors import Refused, TooLarge

if TYPE_CHECKING:
    from collections.abc import AsyncIterable

__all__ = ["read_gzip", "read_plain", "too_large"]

_GZIP: Final = 16 + zlib.MAX_WBITS
"""Makes zlib expect gzip's header and check its trailer (RFC 1952)."""

_STEP_BYTES: Final = 256 * 1024
"""What is decompressed at once, and on the event loop: a millisecond's work."""


async def read_plain(chunks: AsyncIterable[bytes], limit: int) -> bytes:
    """Return a body that is not compressed.

    Raises:
        TooLarge: it is longer than *limit* bytes.
    """
    body = BytesIO()
    async for chunk in chunks:
        if body.tell() + len(chunk) > limit:
            raise too_large(limit)
        body.write(chunk)
    return body.getvalue()


async def read_gzip(chunks: AsyncIterable[bytes], limit: int) -> bytes:
    """Return a gzip body, decompressed. Small ones on the event loop, what is more in a thread: zlib frees the GIL.

    Raises:
        TooLarge: it is longer than *limit* bytes, compressed or decompressed.
        Refused: it is not one whole gzip member.
    """
    member = _Member(limit)
    async for chunk in chunks:
        rest = member.feed(chunk)
        if rest:
            await asyncio.to_thread(member.feed_all, rest)
    return member.body()


def too_large(limit: int) -> TooLarge:
    """Return the error for a body over *limit* bytes."""
    return TooLarge(f"the request body is larger than {limit} bytes, or would be when decompressed")


class _Member:
    """One gzip member on its way in.

    RFC 1952 allows several in a row. Nobody sends telemetry so, gRPC does not take it either, and starting anew a
    hundred thousand times for nothing is an attack.
    """

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._arrived = 0
        self._inflater = zlib.decompressobj(_GZIP)
        self._body = BytesIO()

    def feed(self, chunk: bytes) -> bytes:
        """Take the next bytes; return those that are still to be decompressed."""
        # What arrives is limited too: deflate has blocks that decompress to nothing, and they may go on for ever.
        self._arrived += len(chunk)
        if self._arrived > self._limit:
            raise too_large(self._limit)
        return self._inflate(chunk)

    def feed_all(self, rest: bytes) -> None:
        """Decompress what `feed` has left over."""
        while rest:
            rest = self._inflate(rest)

    def body(self) -> bytes:
        """Return the whole, when all has been fed."""
        if not self._inflater.eof:
            raise _broken()
        return self._body.getvalue()

    def _inflate(self, data: bytes) -> bytes:
        try:
            self._body.write(self._inflater.decompress(data, _STEP_BYTES))
        except zlib.error:
            raise _broken() from None
        if self._body.tell() > self._limit:
            raise too_large(self._limit)
        if self._inflater.unused_data:
            raise _broken()
        return self._inflater.unconsumed_tail


def _broken() -> Refused:
    return Refused("the request body is not one whole gzip member")
