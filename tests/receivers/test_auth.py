"""Bearer tokens at the receivers: who gets in, as whom, and what it costs to refuse the others."""

from __future__ import annotations

import asyncio
import gzip
import json
import logging
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import grpc
import pytest
from google.rpc.status_pb2 import Status  # type: ignore[import-untyped]  # has no stubs

from otel_llm.signals import Signal
from tests.receivers.http_client import GZIP, JSON, PROTOBUF, exchange, post, status_in

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence

    from aiohttp import ClientSession

    from otel_llm.component import Receiver
    from otel_llm.telemetry import Meter
    from tests.receivers.conftest import Door, Start

CANARY = "s3cr3t-Canary-0123456789"
AUTH = {
    "tokens": [{"name": "team-a", "token": CANARY, "tenant": "acme"}, {"name": "b", "token": "other"}],
}
MESSAGE = "a bearer token that is known here is needed"
WRONG = {
    "none": None,
    "empty": "",
    "another scheme": f"Basic {CANARY}",
    "a beginning": f"Bearer {CANARY[:-1]}",
    "another case": f"Bearer {CANARY.swapcase()}",
    "unknown": f"Bearer {CANARY}{CANARY}",
    "4,000 characters": "Bearer " + "x" * 4000,  # from 8 kB on gRPC may refuse metadata itself
}


def config(protocol: str, **settings: Any) -> str:
    """Return a receiver's config with tokens."""
    return json.dumps({"protocols": {protocol: {"endpoint": "127.0.0.1:0", "auth": AUTH, **settings}}})


async def url_of(start: Start) -> str:
    """Start a receiver of OTLP/HTTP; return the root of its URLs."""
    return f"http://{(await start(config('http'))).endpoints[0]}"


def bearer(token: str = CANARY) -> dict[str, str]:
    """Return the header that shows a token."""
    return {"Authorization": f"Bearer {token}"}


async def export(
    receiver: Receiver, *authorization: str, body: bytes = b"", method: str = Signal.TRACES.grpc_method
) -> bytes:
    """Send one request over gRPC; return what is answered."""
    options = [("grpc.max_send_message_length", -1)]
    async with grpc.aio.insecure_channel(str(receiver.endpoints[0]), options) as channel:
        call: grpc.aio.UnaryUnaryMultiCallable[bytes, bytes] = channel.unary_unary(method)
        return await call(body, metadata=tuple(("authorization", value) for value in authorization))


async def refusal(receiver: Receiver, *authorization: str, **request: Any) -> tuple[grpc.StatusCode, str]:
    """Send one request over gRPC that is refused; return its status and message."""
    with pytest.raises(grpc.aio.AioRpcError) as raised:
        await export(receiver, *authorization, **request)
    return raised.value.code(), raised.value.details() or ""


class TestHttp:
    async def test_who_shows_a_token_sends_for_its_tenant(
        self, start: Start, door: Door, meter: Meter, client: ClientSession
    ) -> None:
        """The request carries the tenant; the token's name is counted."""
        url = await url_of(start)
        for token in (CANARY, CANARY, "other"):
            async with client.post(f"{url}/v1/traces", data=b"x", headers=PROTOBUF | bearer(token)) as response:
                assert 200 == response.status

        assert ["acme", "acme", None] == [request.tenant for request in door.requests]
        assert [2, 1] == [token_requests(meter, "http", name) for name in ("team-a", "b")]

    @pytest.mark.parametrize("header", WRONG.values(), ids=WRONG)
    async def test_others_are_refused(
        self, start: Start, door: Door, meter: Meter, client: ClientSession, header: str | None
    ) -> None:
        """S2: 401 with a Status and the scheme to use, one for all of them."""
        url = await url_of(start)
        headers = PROTOBUF | ({} if header is None else {"Authorization": header})
        async with client.post(f"{url}/v1/traces", data=b"x", headers=headers) as response:
            assert (401, "Bearer") == (response.status, response.headers["WWW-Authenticate"])
            status = await status_in(response)

        assert (16, MESSAGE) == (status.code, status.message)
        assert [] == door.requests
        assert 1 == meter.value("receiver_requests_total", receiver="otlp", transport="http", code="16")

    async def test_refusal_of_a_json_request_is_json(self, start: Start, client: ClientSession) -> None:
        """As every other."""
        url = await url_of(start)
        async with client.post(f"{url}/v1/traces", data=b"{}", headers=JSON) as response:
            assert {"code": 16, "message": MESSAGE} == await response.json()

    @pytest.mark.parametrize("raw", [b"Bearer \xff\xfe", b"Bearer \xc3\xa9", b"Bearer \xf0\x9f\x98\x80"])
    async def test_bytes_that_are_no_ascii_are_refused(self, start: Start, door: Door, raw: bytes) -> None:
        """S2: an answer, and no bug of ours."""
        request = post(PROTOBUF | {"Content-Length": "0"}).replace(
            b"Host: test\r\n", b"Host: test\r\nAuthorization: " + raw + b"\r\n"
        )

        assert (await exchange(await url_of(start), request)).startswith(b"HTTP/1.1 401 ")
        assert [] == door.requests

    async def test_two_headers_are_refused(self, start: Start, door: Door) -> None:
        """Which of them counts would be a matter of taste."""
        request = post(PROTOBUF | bearer() | {"authorization": f"Bearer {CANARY}", "Content-Length": "0"})

        assert (await exchange(await url_of(start), request)).startswith(b"HTTP/1.1 401 ")
        assert [] == door.requests

    async def test_a_token_of_a_megabyte_never_comes_to_us(self, start: Start, door: Door) -> None:
        """S2: aiohttp refuses the header, as any other of that length; if the client still sends, by a reset."""
        request = post(PROTOBUF | bearer("x" * 1_000_000) | {"Content-Length": "0"})
        answer = b"HTTP/1.0 400 "
        with suppress(ConnectionResetError):
            answer = await exchange(await url_of(start), request)

        assert answer.startswith(b"HTTP/1.0 400 ")
        assert [] == door.requests

    @pytest.mark.parametrize("method", [b"POST", b"GET"])
    @pytest.mark.parametrize("path", [b"/v1/traces", b"/nowhere"])
    async def test_nothing_else_is_told_first(self, start: Start, path: bytes, method: bytes) -> None:
        """Neither which paths there are nor what they want."""
        request = post({"Content-Length": "0"}).replace(b"POST /v1/traces", method + b" " + path)

        assert (await exchange(await url_of(start), request)).startswith(b"HTTP/1.1 401 ")

    async def test_a_body_is_neither_asked_for_nor_waited_for(self, start: Start) -> None:
        """S3: who announces a gigabyte is refused by the headers, and the connection ends with it."""
        url = await url_of(start)
        host, _, port = url.removeprefix("http://").rpartition(":")
        reader, writer = await asyncio.open_connection(host, int(port))
        head = post(PROTOBUF | GZIP | {"Content-Length": str(1 << 30), "Expect": "100-continue"})
        writer.write(head.replace(b"Connection: close\r\n", b""))
        answer = await reader.readuntil(b"\r\n\r\n")
        status = Status.FromString(await reader.readexactly(content_length(answer)))
        writer.close()
        await writer.wait_closed()

        assert answer.startswith(b"HTTP/1.1 401 ")
        assert b"\r\nConnection: close\r\n" in answer
        assert 16 == status.code

    async def test_a_body_that_comes_is_not_decompressed(
        self, start: Start, door: Door, client: ClientSession, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """S3: what is in it makes no difference to who is not known."""
        monkeypatch.setattr("otel_llm.receivers.otlp.body.zlib", None)
        url = await url_of(start)
        headers = PROTOBUF | GZIP
        async with client.post(f"{url}/v1/traces", data=gzip.compress(bytes(100_000)), headers=headers) as response:
            assert 401 == response.status

        assert [] == door.requests


class TestGrpc:
    async def test_who_shows_a_token_sends_for_its_tenant(self, start: Start, door: Door, meter: Meter) -> None:
        """The request carries the tenant; the token's name is counted."""
        receiver = await start(config("grpc"))
        for token, signal in ((CANARY, Signal.TRACES), (CANARY, Signal.LOGS), ("other", Signal.METRICS)):
            await export(receiver, f"Bearer {token}", method=signal.grpc_method)

        assert [(Signal.TRACES, "acme"), (Signal.LOGS, "acme"), (Signal.METRICS, None)] == [
            (request.signal, request.tenant) for request in door.requests
        ]
        assert [2, 1] == [token_requests(meter, "grpc", name) for name in ("team-a", "b")]

    @pytest.mark.parametrize("header", WRONG.values(), ids=WRONG)
    async def test_others_are_refused(self, start: Start, door: Door, meter: Meter, header: str | None) -> None:
        """S2: UNAUTHENTICATED, with one message for all of them."""
        receiver = await start(config("grpc"))
        authorization = () if header is None else (header,)

        assert (grpc.StatusCode.UNAUTHENTICATED, MESSAGE) == await refusal(receiver, *authorization, body=b"x")
        assert [] == door.requests
        assert 1 == meter.value("receiver_requests_total", receiver="otlp", transport="grpc", code="16")

    async def test_two_headers_are_refused(self, start: Start, door: Door) -> None:
        """Which of them counts would be a matter of taste."""
        code, _ = await refusal(await start(config("grpc")), f"Bearer {CANARY}", "Bearer other")

        assert grpc.StatusCode.UNAUTHENTICATED == code
        assert [] == door.requests

    async def test_a_token_of_a_megabyte_never_comes_to_us(self, start: Start, door: Door) -> None:
        """S2: gRPC refuses the metadata, as any other of that length."""
        code, _ = await refusal(await start(config("grpc")), "Bearer " + "x" * 1_000_000)

        assert grpc.StatusCode.RESOURCE_EXHAUSTED == code
        assert [] == door.requests

    async def test_a_message_is_not_waited_for(self, start: Start) -> None:
        """S3: who does not send any is refused by the metadata, so what others send need not be read."""
        receiver = await start(config("grpc"))
        never = asyncio.Event()

        async def no_message() -> AsyncIterator[bytes]:
            await never.wait()
            yield b""

        async with grpc.aio.insecure_channel(str(receiver.endpoints[0])) as channel:
            export: grpc.aio.StreamUnaryMultiCallable[bytes, bytes] = channel.stream_unary(Signal.TRACES.grpc_method)
            with pytest.raises(grpc.aio.AioRpcError) as raised:
                await export(no_message())

        assert grpc.StatusCode.UNAUTHENTICATED == raised.value.code()

    async def test_a_message_over_the_limit_is_refused_for_its_sender(self, start: Start, door: Door) -> None:
        """S3: that it is too large for gRPC would be known only by whoever has read it."""
        receiver = await start(config("grpc", max_recv_msg_size_mib=1))
        code, _ = await refusal(receiver, body=bytes(8 << 20))

        assert grpc.StatusCode.UNAUTHENTICATED == code
        assert [] == door.requests

    async def test_unknown_methods_are_told_to_those_who_are_known(self, start: Start) -> None:
        """Others do not learn which there are."""
        receiver = await start(config("grpc"))
        codes = [(await refusal(receiver, *shown, method="/a/b"))[0] for shown in ((), (f"Bearer {CANARY}",))]

        assert [grpc.StatusCode.UNAUTHENTICATED, grpc.StatusCode.UNIMPLEMENTED] == codes


class TestBoth:
    @pytest.mark.parametrize("protocol", ["grpc", "http"])
    async def test_endpoint_says_that_it_is_protected(self, start: Start, protocol: str) -> None:
        """Before the start and after it."""
        receiver = await start(config(protocol))
        plain = await start(json.dumps({"protocols": {protocol: {"endpoint": "127.0.0.1:0"}}}))

        assert [True, False] == [each.endpoints[0].protected for each in (receiver, plain)]

    async def test_no_token_gets_out(
        self, start: Start, meter: Meter, client: ClientSession, caplog: pytest.LogCaptureFixture
    ) -> None:
        """S5: neither a known one nor what is shown instead, in any answer, log or metric."""
        caplog.set_level(logging.DEBUG)
        said: list[object] = []
        grpc_receiver, url = await start(config("grpc")), await url_of(start)
        for shown in (f"Bearer {CANARY}", f"Bearer x{CANARY}", CANARY):
            async with client.post(f"{url}/v1/traces", data=b"", headers=PROTOBUF | {"Authorization": shown}) as answer:
                said += [await answer.read(), dict(answer.headers)]
            if shown.startswith("Bearer x"):
                said.append(await refusal(grpc_receiver, shown))

        assert CANARY not in f"{said} {caplog.text} {meter.text().decode()}"


def token_requests(meter: Meter, transport: str, token: str) -> float:
    """Return how many requests have shown a token."""
    return meter.value("receiver_token_requests_total", receiver="otlp", transport=transport, token=token)


def content_length(head: bytes) -> int:
    """Return what the headers of an answer say about its body."""
    lines: Sequence[bytes] = head.lower().split(b"\r\n")
    return next(int(line.partition(b":")[2]) for line in lines if line.startswith(b"content-length:"))
