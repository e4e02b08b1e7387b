"""What OTLP/HTTP does not take: each refusal, the limit on bodies, and what is not HTTP at all."""

from __future__ import annotations

import asyncio
import gzip
import zlib
from io import BytesIO
from typing import TYPE_CHECKING

import orjson
import pytest
from google.rpc.status_pb2 import Status  # type: ignore[import-untyped]  # has no stubs

from otel_llm.errors import STATUS, TooLarge
from tests.receivers.http_client import GZIP, JSON, PROTOBUF, exchange, post, status_in, url_of

if TYPE_CHECKING:
    from aiohttp import ClientSession

    from otel_llm.telemetry import Meter
    from tests.receivers.conftest import Door, Start

MIB = 1024 * 1024
LIMITED = "protocols: {http: {endpoint: 127.0.0.1:0, max_request_body_size: 1000}}"


class TestRefusals:
    @pytest.mark.parametrize(
        ("method", "path", "headers", "status", "hint"),
        [
            pytest.param("POST", "/", PROTOBUF, 404, {}, id="unknown path"),
            pytest.param("POST", "/v1/traces/", PROTOBUF, 404, {}, id="path with a slash too many"),
            pytest.param("GET", "/v1/profiles", {}, 404, {}, id="unknown path, another method"),
            pytest.param("GET", "/v1/traces", {}, 405, {"Allow": "POST"}, id="GET"),
            pytest.param("PUT", "/v1/traces", PROTOBUF, 405, {"Allow": "POST"}, id="PUT"),
            pytest.param("OPTIONS", "/v1/traces", {}, 405, {"Allow": "POST"}, id="OPTIONS"),
            pytest.param(
                "POST", "/v1/traces", {}, 415, {"Accept": "application/x-protobuf, application/json"}, id="no type"
            ),
            pytest.param("POST", "/v1/traces", {"Content-Type": "text/plain"}, 415, {}, id="text"),
            *(
                pytest.param(
                    "POST",
                    "/v1/traces",
                    PROTOBUF | {"Content-Encoding": coding},
                    415,
                    {"Accept-Encoding": "gzip"},
                    id=coding,
                )
                for coding in ("br", "deflate", "zstd", "foo", "gzip, gzip", "gzip, identity")
            ),
        ],
    )
    async def test_request_is_refused_before_its_body_is_read(  # noqa: PLR0917 - one argument per column of the table
        self,
        start: Start,
        door: Door,
        meter: Meter,
        client: ClientSession,
        method: str,
        path: str,
        headers: dict[str, str],
        status: int,
        hint: dict[str, str],
    ) -> None:
        """A wrong path, method, media type or coding is named, with a hint where HTTP has one, and counted."""
        url = await url_of(start)
        async with client.request(method, url + path, data=b"secret", headers=headers) as response:
            assert status == response.status
            assert hint.items() <= response.headers.items()
            said = await status_in(response)

        assert said.message
        assert "secret" not in said.message
        assert [] == door.requests
        assert 1 == meter.value("receiver_requests_total", receiver="otlp", transport="http", code=str(said.code))

    async def test_refusal_of_a_json_request_is_json(self, start: Start, client: ClientSession) -> None:
        """Wherever the content type is known, the Status is written in it."""
        url = await url_of(start)
        async with client.post(f"{url}/v1/traces", data=b"{}", headers=JSON | {"Content-Encoding": "br"}) as response:
            assert "application/json" == response.headers["Content-Type"]
            assert 3 == orjson.loads(await response.read())["code"]

    async def test_two_coding_headers_are_two_codings(self, start: Start, door: Door) -> None:
        """A repeated Content-Encoding is not taken for one."""
        url = await url_of(start)
        request = post(PROTOBUF | GZIP | {"content-encoding": "gzip", "Content-Length": "0"})

        assert (await exchange(url, request)).startswith(b"HTTP/1.1 415 ")
        assert [] == door.requests

    @pytest.mark.parametrize(
        "body",
        [gzip.compress(b"spans")[:-1], gzip.compress(b"spans") + b"x", gzip.compress(b"") * 100_000, b"plain"],
        ids=["cut off", "followed by a byte", "of many members", "plain"],
    )
    async def test_broken_gzip_is_a_bad_request(
        self, start: Start, door: Door, client: ClientSession, body: bytes
    ) -> None:
        """A body that is not one whole gzip member is refused for good."""
        url = await url_of(start)
        async with client.post(f"{url}/v1/traces", data=BytesIO(body), headers=PROTOBUF | GZIP) as response:
            assert 400 == response.status
            assert 3 == (await status_in(response)).code

        assert [] == door.requests


class TestLimit:
    @pytest.mark.parametrize(
        ("headers", "body"),
        [
            pytest.param({"Content-Length": "1001"}, b"x" * 1001, id="plain"),
            pytest.param({"Transfer-Encoding": "chunked"}, b"3e9\r\n" + b"x" * 1001 + b"\r\n0\r\n\r\n", id="chunked"),
            pytest.param(GZIP | {"Content-Length": "29"}, gzip.compress(bytes(1001)), id="gzip"),
        ],
    )
    async def test_a_byte_more_is_too_large(
        self, start: Start, door: Door, headers: dict[str, str], body: bytes
    ) -> None:
        """However it comes, a body over the limit gets 413 with a Status, on a connection that ends with it."""
        url = await url_of(start, LIMITED)
        keep_alive = post(PROTOBUF | headers).replace(b"Connection: close\r\n", b"")
        answer = await exchange(url, keep_alive, body)
        head, _, content = answer.partition(b"\r\n\r\n")

        assert head.startswith(b"HTTP/1.1 413 ")
        assert b"\r\nConnection: close" in head
        assert STATUS[TooLarge].grpc == Status.FromString(content).code
        assert [] == door.requests

    async def test_stated_length_is_enough_to_refuse(self, start: Start) -> None:
        """A client that says how much it is going to send is answered before it has sent any of it."""
        receiver = await start(LIMITED)
        reader, writer = await asyncio.open_connection(receiver.endpoints[0].host, receiver.endpoints[0].port)
        writer.write(post(PROTOBUF | {"Content-Length": "1001", "Expect": "100-continue"}))

        assert b"HTTP/1.1 413 Request Entity Too Large\r\n" == await reader.readline()
        writer.close()
        await writer.wait_closed()

    async def test_limit_itself_is_taken(self, start: Start, door: Door, client: ClientSession) -> None:
        """A body may be exactly as long as the limit, compressed or not."""
        url = await url_of(start, LIMITED)
        for data, coding in ((b"x" * 1000, {}), (gzip.compress(b"x" * 1000), GZIP)):
            async with client.post(f"{url}/v1/traces", data=data, headers=PROTOBUF | coding) as response:
                assert 200 == response.status

        assert [b"x" * 1000] * 2 == door.bodies

    async def test_bomb_is_too_large(self, start: Start, door: Door, client: ClientSession) -> None:
        """A megabyte that would become a gigabyte is refused at the default limit."""
        member = zlib.compressobj(level=9, wbits=31)
        begin = member.compress(b"") + member.flush(zlib.Z_FULL_FLUSH)
        bomb = begin + (member.compress(bytes(MIB)) + member.flush(zlib.Z_FULL_FLUSH)) * 1024
        url = await url_of(start)
        async with client.post(f"{url}/v1/traces", data=BytesIO(bomb), headers=PROTOBUF | GZIP) as response:
            assert 413 == response.status

        assert [] == door.requests


class TestMalformed:
    @pytest.mark.parametrize(
        "request_",
        [
            pytest.param(post(PROTOBUF | {"Content-Length": "-5"}, b"hello"), id="negative length"),
            pytest.param(post(PROTOBUF | {"Content-Length": "five"}, b"hello"), id="length that is no number"),
            pytest.param(
                post(PROTOBUF | {"Content-Length": "5", "Transfer-Encoding": "chunked"}, b"0\r\n\r\n"),
                id="length and chunks",
            ),
            pytest.param(post({f"X-{i}": "a" for i in range(200)}), id="200 headers"),
            pytest.param(post({"X": "a" * 10_000}), id="header of 10 kB"),
            pytest.param(b"canary is not HTTP\r\n\r\n", id="not HTTP"),
        ],
    )
    async def test_what_is_not_http_gets_400_from_aiohttp(
        self, start: Start, door: Door, request_: bytes, caplog: pytest.LogCaptureFixture
    ) -> None:
        """Our code never sees it: the answer is aiohttp's own, plain text, and nothing is logged."""
        url = await url_of(start)
        answer = await exchange(url, request_)

        assert answer.startswith(b"HTTP/1.0 400 Bad Request\r\n")
        assert b"Content-Type: text/plain" in answer
        assert [] == door.requests
        assert "" == caplog.text

    async def test_client_that_leaves_is_forgotten(
        self, start: Start, door: Door, client: ClientSession, caplog: pytest.LogCaptureFixture
    ) -> None:
        """A body that breaks off is no request and no error; the next one is served."""
        url = await url_of(start)
        host, _, port = url.removeprefix("http://").rpartition(":")
        _, writer = await asyncio.open_connection(host, int(port))
        writer.write(post(PROTOBUF | {"Content-Length": "50"}, b"hello"))
        writer.close()
        await writer.wait_closed()
        async with client.post(f"{url}/v1/traces", data=b"whole", headers=PROTOBUF) as response:
            assert 200 == response.status

        assert [b"whole"] == door.bodies
        assert "" == caplog.text
