"""Reading a body against a limit."""

from __future__ import annotations

import gzip
import tracemalloc
import zlib
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from otel_llm.errors import Refused, TooLarge
from otel_llm.receivers.otlp.body import read_gzip, read_plain

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

MIB = 1024 * 1024
SPANS = b"gen_ai.request.model gpt-4o " * 100_000


async def chunked(data: bytes, size: int = 64 * 1024) -> AsyncIterator[bytes]:
    """Let *data* arrive in pieces of *size* bytes."""
    for start in range(0, len(data), size):
        yield data[start : start + size]


async def forever(first: bytes, then: bytes) -> AsyncIterator[bytes]:
    """Let *first* arrive, and *then* without an end."""
    yield first
    while True:
        yield then


class TestPlain:
    @given(st.binary(max_size=200), st.integers(min_value=1, max_value=50))
    async def test_is_returned_as_it_came(self, body: bytes, size: int) -> None:
        """However it was cut on its way, a body is whole again."""
        assert body == await read_plain(chunked(body, size), limit=200)

    async def test_limit_is_the_largest_size_taken(self) -> None:
        """A body may be as long as the limit, and not a byte longer."""
        assert b"x" * 100 == await read_plain(chunked(b"x" * 100, 7), limit=100)

        with pytest.raises(TooLarge):
            await read_plain(chunked(b"x" * 101, 7), limit=100)

    async def test_endless_body_is_refused_at_the_limit(self) -> None:
        """No more is read than the limit allows."""
        with pytest.raises(TooLarge):
            await read_plain(forever(b"", b"x" * 1000), limit=10_000)


class TestGzip:
    @given(st.binary(max_size=2000), st.integers(min_value=1, max_value=50))
    async def test_is_decompressed(self, body: bytes, size: int) -> None:
        """However it was cut on its way, a body comes out as it was before it was compressed."""
        assert body == await read_gzip(chunked(gzip.compress(body), size), limit=2000)

    async def test_large_body_is_decompressed(self) -> None:
        """A body of many steps, most of them in a thread, is the same as one of a single step."""
        assert SPANS == await read_gzip(chunked(gzip.compress(SPANS)), limit=len(SPANS))

    async def test_limit_is_the_largest_size_taken(self) -> None:
        """A body may decompress to the limit, and not to a byte more."""
        with pytest.raises(TooLarge):
            await read_gzip(chunked(gzip.compress(SPANS)), limit=len(SPANS) - 1)

    async def test_bomb_is_refused_within_the_limit(self) -> None:
        """A megabyte that stands for a gigabyte is refused, and never takes more memory than the limit and a step."""
        bomb = gzip_bomb(1024 * MIB)
        tracemalloc.start()
        try:
            with pytest.raises(TooLarge):
                await read_gzip(chunked(bomb), limit=16 * MIB)
            _, peak = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()

        assert 1.2 * MIB > len(bomb)
        assert 20 * MIB > peak

    async def test_bytes_that_decompress_to_nothing_count_too(self) -> None:
        """An endless row of deflate's empty blocks is refused when as many bytes have arrived as a body may have."""
        header = gzip.compress(b"")[:10]
        empty_blocks = b"\x00\x00\x00\xff\xff" * 1000

        with pytest.raises(TooLarge):
            await read_gzip(forever(header, empty_blocks), limit=MIB)

    @pytest.mark.parametrize(
        "body",
        [
            pytest.param(b"", id="nothing"),
            pytest.param(b"\x0a\x00", id="not compressed"),
            pytest.param(zlib.compress(SPANS), id="zlib's own format"),
            pytest.param(gzip.compress(b"a") + b"x", id="a byte behind"),
            pytest.param(gzip.compress(b"a") + gzip.compress(b"b"), id="two members"),
            pytest.param(gzip.compress(b"") * 100_000, id="100 000 empty members"),
            pytest.param(gzip.compress(SPANS)[:-8] + bytes(8), id="wrong checksum"),
            pytest.param(gzip.compress(SPANS)[:-1], id="a byte short"),
        ],
    )
    async def test_anything_but_one_whole_member_is_refused(self, body: bytes) -> None:
        """One gzip member, whole and with nothing behind it, is taken; nothing else."""
        with pytest.raises(Refused) as raised:
            await read_gzip(chunked(body), limit=64 * MIB)

        assert Refused is raised.type

    async def test_second_member_in_a_later_chunk_is_refused(self) -> None:
        """It makes no difference where a body is cut."""
        body = gzip.compress(b"a")
        with pytest.raises(Refused):
            await read_gzip(chunked(body + body, len(body)), limit=100)

    async def test_cut_anywhere_is_refused(self) -> None:
        """No beginning of a gzip body is taken for a whole one."""
        body = gzip.compress(b"a whole request")
        for end in range(len(body)):
            with pytest.raises(Refused):
                await read_gzip(chunked(body[:end]), limit=100)


def gzip_bomb(size: int) -> bytes:
    """Return *size* zeros, compressed as hard as gzip can; without its end, which nobody comes to see."""
    member = zlib.compressobj(level=9, wbits=31)
    header = member.compress(b"") + member.flush(zlib.Z_FULL_FLUSH)
    mebibyte = member.compress(bytes(MIB)) + member.flush(zlib.Z_FULL_FLUSH)
    return header + mebibyte * (size // MIB)
