"""OTLP/HTTP over real sockets: what is taken, what it is answered, and how it ends."""

from __future__ import annotations

import asyncio
import gzip
import re
from typing import TYPE_CHECKING

import orjson
import pytest
from aiohttp import ClientConnectionError, ClientSession
from google.rpc.error_details_pb2 import RetryInfo  # type: ignore[import-untyped]  # has no stubs
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceResponse

from otel_llm.errors import STATUS, OtelLlmError, Refused, Retryable, StartError
from otel_llm.request import Answer, Request
from otel_llm.signals import Signal
from tests.receivers.http_client import HTTP, JSON, PROTOBUF, exchange, post, status_in, url_of

if TYPE_CHECKING:
    from tests.receivers.conftest import Door, Start


class TestRequests:
    @pytest.mark.parametrize("signal", Signal)
    async def test_path_tells_the_signal(self, start: Start, door: Door, client: ClientSession, signal: Signal) -> None:
        """What is posted to a signal's path goes on as a request of that signal."""
        url = await url_of(start)
        async with client.post(url + signal.http_path, data=b"body", headers=PROTOBUF) as response:
            assert 200 == response.status

        assert [Request(signal, b"body", "protobuf", "http", "context")] == door.requests

    async def test_paths_can_be_chosen(self, start: Start, door: Door, client: ClientSession) -> None:
        """Another path may be given to a signal; the usual one is not served then."""
        url = await url_of(start, "protocols: {http: {endpoint: 127.0.0.1:0, logs_url_path: /otlp/logs}}")
        async with client.post(f"{url}/otlp/logs", data=b"body", headers=PROTOBUF) as response:
            assert 200 == response.status
        async with client.post(f"{url}/v1/logs", data=b"body", headers=PROTOBUF) as response:
            assert 404 == response.status

        assert [Signal.LOGS] == [request.signal for request in door.requests]

    async def test_trust_goes_with_every_request(self, start: Start, door: Door, client: ClientSession) -> None:
        """What the config says about trust is said of each request."""
        url = await url_of(start, HTTP + "\ntrust: all")
        async with client.post(f"{url}/v1/traces", data=b"", headers=PROTOBUF):
            pass

        assert ["all"] == [request.trust for request in door.requests]

    @pytest.mark.parametrize("value", ["application/json", "application/json; charset=utf-8", "Application/JSON"])
    async def test_json_goes_on_as_json(self, start: Start, door: Door, client: ClientSession, value: str) -> None:
        """The media type decides, without its parameters and in any case; the answer has the same one."""
        url = await url_of(start)
        async with client.post(f"{url}/v1/traces", data=b"{}", headers={"Content-Type": value}) as response:
            assert b"{}" == await response.read()
            assert "application/json" == response.headers["Content-Type"]

        assert [Request(Signal.TRACES, b"{}", "json", "http", "context")] == door.requests

    async def test_empty_protobuf_is_an_empty_request(self, start: Start, door: Door, client: ClientSession) -> None:
        """Zero bytes are a valid message: it is taken, and answered with the empty message."""
        url = await url_of(start)
        async with client.post(f"{url}/v1/traces", data=b"", headers=PROTOBUF) as response:
            assert 200 == response.status
            assert b"" == await response.read()
            assert "application/x-protobuf" == response.headers["Content-Type"]

        assert [b""] == door.bodies

    @pytest.mark.parametrize("coding", ["gzip", "GZIP", "identity"])
    async def test_body_is_decompressed(self, start: Start, door: Door, client: ClientSession, coding: str) -> None:
        """The Content-Encoding is undone before the request goes on."""
        url = await url_of(start)
        body = b"spans" * 1000
        data = gzip.compress(body) if coding.lower() == "gzip" else body
        async with client.post(
            f"{url}/v1/traces", data=data, headers=PROTOBUF | {"Content-Encoding": coding}
        ) as response:
            assert 200 == response.status

        assert [body] == door.bodies

    async def test_chunked_body_is_put_together(self, start: Start, door: Door) -> None:
        """A body without a stated length is read to its end."""
        url = await url_of(start)
        head = post(PROTOBUF | {"Transfer-Encoding": "chunked"})

        assert (await exchange(url, head, b"5\r\nhello\r\n", b"6\r\n world\r\n0\r\n\r\n")).startswith(
            b"HTTP/1.1 200 OK"
        )
        assert [b"hello world"] == door.bodies

    async def test_client_that_waits_is_asked_for_its_body(self, start: Start, door: Door) -> None:
        """`Expect: 100-continue` is answered before the body has come."""
        url = await url_of(start)
        request = post(PROTOBUF | {"Expect": "100-continue", "Content-Length": "5"}, b"hello")

        assert (await exchange(url, request)).startswith(b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\n")
        assert [b"hello"] == door.bodies


class TestAnswers:
    async def test_partial_success_is_said_in_the_body(self, start: Start, door: Door, client: ClientSession) -> None:
        """Rejected items are counted in a response of status 200."""
        door.answer = Answer(message="two ids were invalid", rejected=2)
        url = await url_of(start)
        async with client.post(f"{url}/v1/traces", data=b"", headers=PROTOBUF) as response:
            assert 200 == response.status
            said = ExportTraceServiceResponse.FromString(await response.read())

        assert (2, "two ids were invalid") == (
            said.partial_success.rejected_spans,
            said.partial_success.error_message,
        )

    @pytest.mark.parametrize("kind", STATUS)
    async def test_error_has_its_status_and_says_why(
        self, start: Start, door: Door, client: ClientSession, kind: type[OtelLlmError]
    ) -> None:
        """Each kind of error has its HTTP status, and a `google.rpc.Status` that carries its sentence."""
        door.answer = Answer.of(kind("why it was"))
        url = await url_of(start)
        async with client.post(f"{url}/v1/traces", data=b"", headers=PROTOBUF) as response:
            assert STATUS[kind].http == response.status
            status = await status_in(response)

        assert (STATUS[kind].grpc, "why it was") == (status.code, status.message)

    async def test_error_of_a_json_request_is_json(self, start: Start, door: Door, client: ClientSession) -> None:
        """A Status is written in the encoding of the request."""
        door.answer = Answer.of(Refused("not good"))
        url = await url_of(start)
        async with client.post(f"{url}/v1/traces", data=b"", headers=JSON) as response:
            assert "application/json" == response.headers["Content-Type"]
            assert {"code": 3, "message": "not good"} == orjson.loads(await response.read())

    @pytest.mark.parametrize(("after_s", "header"), [(0.2, "1"), (1.0, "1"), (1.5, "2")])
    async def test_retryable_says_when(
        self, start: Start, door: Door, client: ClientSession, after_s: float, header: str
    ) -> None:
        """Retry-After is in whole seconds, never too few; RetryInfo in the body is exact."""
        door.answer = Answer.of(Retryable("busy", after_s=after_s))
        url = await url_of(start)
        async with client.post(f"{url}/v1/traces", data=b"", headers=PROTOBUF) as response:
            assert (503, header) == (response.status, response.headers["Retry-After"])
            (detail,) = (await status_in(response)).details
        info = RetryInfo()

        assert detail.Unpack(info)
        assert after_s == info.retry_delay.ToMicroseconds() / 1e6

    async def test_exception_reaches_neither_sender_nor_log(
        self, start: Start, door: Door, client: ClientSession, caplog: pytest.LogCaptureFixture
    ) -> None:
        """Should `consume` raise, the sender is told to retry, and an id that stands in the log beside the type."""
        door.error = RuntimeError("canary")
        url = await url_of(start)
        async with client.post(f"{url}/v1/traces", data=b"canary", headers=PROTOBUF) as response:
            assert 503 == response.status
            message = (await status_in(response)).message

        assert re.fullmatch("internal error [0-9a-f]{8}", message)
        assert "RuntimeError" in caplog.text
        assert message.split()[-1] in caplog.text
        assert "canary" not in message + caplog.text


class TestLifecycle:
    async def test_shutdown_lets_a_request_finish(self, start: Start, door: Door, client: ClientSession) -> None:
        """What is under way is answered, and then nobody listens any more."""
        receiver = await start(HTTP)
        url = f"http://{receiver.endpoints[0]}/v1/traces"
        door.open.clear()
        under_way = asyncio.ensure_future(client.post(url, data=b"", headers=PROTOBUF))
        await door.entered.wait()
        asyncio.get_running_loop().call_later(0.1, door.open.set)
        await receiver.shutdown(60)

        assert 200 == (await under_way).status
        with pytest.raises(ClientConnectionError):
            await client.post(url, data=b"", headers=PROTOBUF)

    async def test_shutdown_ends_what_takes_longer_than_its_grace(
        self, start: Start, door: Door, client: ClientSession
    ) -> None:
        """A request that is not answered in time loses its connection, and its sender may try again."""
        receiver = await start(HTTP)
        door.open.clear()
        url = f"http://{receiver.endpoints[0]}/v1/traces"
        under_way = asyncio.ensure_future(client.post(url, data=b"", headers=PROTOBUF))
        await door.entered.wait()
        await receiver.shutdown(0.01)
        with pytest.raises(ClientConnectionError):
            await under_way

    async def test_port_in_use_is_named(self, start: Start) -> None:
        """A second receiver on the same port does not start; it says where that is configured."""
        first = await start(HTTP)
        with pytest.raises(StartError, match=r"receivers\.otlp\.protocols\.http\.endpoint: .*the port is in use"):
            await start(f"protocols: {{http: {{endpoint: '{first.endpoints[0]}'}}}}")
