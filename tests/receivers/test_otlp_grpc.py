"""OTLP/gRPC over real sockets, with raw-bytes stubs, and with bare HTTP/2 frames where no stub would send the like."""

from __future__ import annotations

import asyncio
import re
import struct
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any, Final

import grpc
import pytest
from google.rpc.error_details_pb2 import RetryInfo  # type: ignore[import-untyped]  # has no stubs
from google.rpc.status_pb2 import Status  # type: ignore[import-untyped]  # has no stubs
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceResponse
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceResponse
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceResponse

from otel_llm.errors import STATUS, OtelLlmError, Retryable, StartError, TooLarge
from otel_llm.request import Answer, Request
from otel_llm.signals import Signal

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from otel_llm.component import Receiver
    from tests.receivers.conftest import Door, Start

MIB: Final = 1024 * 1024
GRPC: Final = "protocols: {grpc: {endpoint: 127.0.0.1:0}}"
LIMITED: Final = "protocols: {grpc: {endpoint: 127.0.0.1:0, max_recv_msg_size_mib: 1}}"


@asynccontextmanager
async def channel_to(receiver: Receiver) -> AsyncIterator[grpc.aio.Channel]:
    """Connect a client that may send any size."""
    options = (("grpc.max_send_message_length", -1),)
    async with grpc.aio.insecure_channel(str(receiver.endpoints[0]), options=options) as channel:
        yield channel


async def export(receiver: Receiver, body: bytes, method: str = Signal.TRACES.grpc_method, **options: Any) -> bytes:
    """Send one request on a connection of its own; return the response message."""
    async with channel_to(receiver) as channel:
        call: grpc.aio.UnaryUnaryMultiCallable[bytes, bytes] = channel.unary_unary(method)
        return await call(body, **options)


async def refusal(receiver: Receiver, body: bytes, **options: Any) -> tuple[grpc.StatusCode, str, dict[str, Any]]:
    """Send one request that fails; return its status, the message and the trailers."""
    with pytest.raises(grpc.aio.AioRpcError) as raised:
        await export(receiver, body, **options)
    return raised.value.code(), raised.value.details() or "", dict(raised.value.trailing_metadata())


class TestRequests:
    @pytest.mark.parametrize("signal", Signal)
    async def test_method_tells_the_signal(self, start: Start, door: Door, signal: Signal) -> None:
        """What a signal's Export method is called with goes on as a request of that signal."""
        await export(await start(GRPC), b"body", signal.grpc_method)

        assert [Request(signal, b"body", "protobuf", "grpc", "context")] == door.requests

    async def test_trust_goes_with_every_request(self, start: Start, door: Door) -> None:
        """What the config says about trust is said of each request."""
        await export(await start(GRPC + "\ntrust: none"), b"")

        assert ["none"] == [request.trust for request in door.requests]

    async def test_empty_message_is_an_empty_request(self, start: Start, door: Door) -> None:
        """Zero bytes are a valid message: it is taken, and answered with the empty message."""
        assert b"" == await export(await start(GRPC), b"")
        assert [b""] == door.bodies

    async def test_gzip_is_undone(self, start: Start, door: Door) -> None:
        """A compressed message goes on decompressed."""
        await export(await start(GRPC), b"spans" * 1000, compression=grpc.Compression.Gzip)

        assert [b"spans" * 1000] == door.bodies

    async def test_other_methods_are_unimplemented(self, start: Start, door: Door) -> None:
        """Nothing but the three Export methods is served."""
        receiver = await start(GRPC)
        for method in ("/opentelemetry.proto.collector.trace.v1.TraceService/Import", "/grpc.health.v1.Health/Check"):
            code, _, trailers = await refusal(receiver, b"", method=method)
            assert (grpc.StatusCode.UNIMPLEMENTED, {}) == (code, trailers)

        assert [] == door.requests


class TestAnswers:
    @pytest.mark.parametrize(
        ("signal", "message", "field"),
        [
            (Signal.TRACES, ExportTraceServiceResponse, "rejected_spans"),
            (Signal.LOGS, ExportLogsServiceResponse, "rejected_log_records"),
            (Signal.METRICS, ExportMetricsServiceResponse, "rejected_data_points"),
        ],
    )
    async def test_partial_success_is_said_in_the_message(
        self, start: Start, door: Door, signal: Signal, message: Any, field: str
    ) -> None:
        """Rejected items are counted in a response of status OK."""
        door.answer = Answer(message="two ids were invalid", rejected=2)
        said = message.FromString(await export(await start(GRPC), b"", signal.grpc_method)).partial_success

        assert (2, "two ids were invalid") == (getattr(said, field), said.error_message)

    @pytest.mark.parametrize("kind", STATUS)
    async def test_error_has_its_status_and_says_why(self, start: Start, door: Door, kind: type[OtelLlmError]) -> None:
        """Each kind of error has its gRPC status, with its sentence."""
        door.answer = Answer.of(kind("why it was"))
        code, details, _ = await refusal(await start(GRPC), b"")

        assert (STATUS[kind].grpc, "why it was") == (code.value[0], details)

    async def test_retryable_says_when_in_both_trailers(self, start: Start, door: Door) -> None:
        """RetryInfo stands in the standard trailer, and in the one that the Python SDK reads."""
        door.answer = Answer.of(Retryable("busy", after_s=1.5))
        _, _, trailers = await refusal(await start(GRPC), b"")
        status = Status.FromString(trailers["grpc-status-details-bin"])
        in_status = RetryInfo()

        assert (14, "busy") == (status.code, status.message)
        assert status.details[0].Unpack(in_status)
        assert 1_500 == in_status.retry_delay.ToMilliseconds()
        assert in_status == RetryInfo.FromString(trailers["google.rpc.retryinfo-bin"])

    async def test_too_large_does_not_ask_for_a_retry(self, start: Start, door: Door) -> None:
        """RESOURCE_EXHAUSTED with RetryInfo would be sent again; without, it is not."""
        door.answer = Answer.of(TooLarge("too many spans"))
        _, _, trailers = await refusal(await start(GRPC), b"")

        assert "google.rpc.retryinfo-bin" not in trailers
        assert b"RetryInfo" not in trailers.get("grpc-status-details-bin", b"")

    async def test_exception_reaches_neither_sender_nor_log(
        self, start: Start, door: Door, caplog: pytest.LogCaptureFixture
    ) -> None:
        """Should `consume` raise, the sender is told to retry, and an id that stands in the log beside the type."""
        door.error = RuntimeError("canary")
        code, details, trailers = await refusal(await start(GRPC), b"canary")

        assert grpc.StatusCode.UNAVAILABLE == code
        assert re.fullmatch("internal error [0-9a-f]{8}", details)
        assert "google.rpc.retryinfo-bin" in trailers
        assert "RuntimeError" in caplog.text
        assert details.split()[-1] in caplog.text
        assert "canary" not in f"{details} {trailers} {caplog.text}"


class TestLimits:
    @pytest.mark.parametrize("compression", [grpc.Compression.NoCompression, grpc.Compression.Gzip])
    async def test_a_byte_more_is_too_large(self, start: Start, door: Door, compression: grpc.Compression) -> None:
        """A message over the limit, as it comes or decompressed, is refused for good; one at the limit is taken."""
        receiver = await start(LIMITED)
        await export(receiver, bytes(MIB), compression=compression)
        code, _, trailers = await refusal(receiver, bytes(MIB + 1), compression=compression)

        assert (grpc.StatusCode.RESOURCE_EXHAUSTED, {}) == (code, trailers)
        assert [bytes(MIB)] == door.bodies

    async def test_length_of_4_gib_is_too_large(self, start: Start) -> None:
        """A message that announces more than the limit is refused before it comes."""
        assert grpc.StatusCode.RESOURCE_EXHAUSTED == await status_of_frames(
            await start(GRPC), b"\x00\xff\xff\xff\xffhi"
        )

    async def test_unknown_compression_is_refused_by_grpc(self, start: Start, door: Door) -> None:
        """A coding that gRPC does not know never comes to us: gRPC itself answers INTERNAL."""
        status = await status_of_frames(await start(GRPC), b"\x01\x00\x00\x00\x02hi", (b"grpc-encoding", b"zstd"))

        assert grpc.StatusCode.INTERNAL == status
        assert [] == door.requests

    async def test_broken_gzip_is_refused_by_grpc(self, start: Start, door: Door) -> None:
        """A message that cannot be decompressed never comes to us: gRPC itself answers INTERNAL."""
        status = await status_of_frames(await start(GRPC), b"\x01\x00\x00\x00\x02hi", (b"grpc-encoding", b"gzip"))

        assert grpc.StatusCode.INTERNAL == status
        assert [] == door.requests

    async def test_open_requests_of_a_connection_are_limited(self, start: Start) -> None:
        """HTTP/2's SETTINGS tell clients how many requests they may have open at a time."""
        receiver = await start("protocols: {grpc: {endpoint: 127.0.0.1:0, max_concurrent_streams: 7}}")
        reader, writer = await connect(receiver)
        writer.write(PREFACE)
        settings = await reader.readexactly(int.from_bytes((await reader.readexactly(9))[:3]))
        writer.close()
        await writer.wait_closed()

        assert (MAX_CONCURRENT_STREAMS, 7) in struct.iter_unpack(">HI", settings)

    async def test_http_1_is_closed(
        self, start: Start, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
    ) -> None:
        """A client that speaks HTTP/1.1 to the gRPC port loses its connection, and nothing is logged."""
        receiver = await start(GRPC)
        reader, writer = await connect(receiver)
        writer.write(b"POST /v1/traces HTTP/1.1\r\nHost: test\r\nContent-Length: 0\r\n\r\n")
        answer = await reader.read()
        writer.close()
        await writer.wait_closed()

        assert b"HTTP/1" not in answer
        assert "" == caplog.text + "".join(capfd.readouterr())


class TestLifecycle:
    async def test_shutdown_lets_a_request_finish(self, start: Start, door: Door) -> None:
        """What is under way is answered, and then nobody listens any more."""
        receiver = await start(GRPC)
        door.open.clear()
        under_way = asyncio.ensure_future(export(receiver, b"under way"))
        await door.entered.wait()
        asyncio.get_running_loop().call_later(0.1, door.open.set)
        await receiver.shutdown(60)

        assert b"" == await under_way
        assert grpc.StatusCode.UNAVAILABLE == (await refusal(receiver, b"late"))[0]
        assert [b"under way"] == door.bodies

    async def test_shutdown_ends_what_takes_longer_than_its_grace(self, start: Start, door: Door) -> None:
        """A request that is not answered in time gets a status after which it may be sent again."""
        receiver = await start(GRPC)
        door.open.clear()
        under_way = asyncio.ensure_future(refusal(receiver, b""))
        await door.entered.wait()
        await receiver.shutdown(0.01)

        assert grpc.StatusCode.UNAVAILABLE == (await under_way)[0]

    async def test_port_in_use_is_named(self, start: Start) -> None:
        """A second receiver on the same port does not start; it says where that is configured."""
        first = await start(GRPC)
        with pytest.raises(StartError, match=r"receivers\.otlp\.protocols\.grpc\.endpoint: .*the port is in use"):
            await start(f"protocols: {{grpc: {{endpoint: '{first.endpoints[0]}'}}}}")


PREFACE: Final = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + b"\x00\x00\x00\x04\x00\x00\x00\x00\x00"
"""What a client begins with: a magic word and empty SETTINGS (RFC 9113, section 3.4)."""
DATA, HEADERS = 0, 1
END_STREAM, END_HEADERS = 1, 4
MAX_CONCURRENT_STREAMS = 3


async def connect(receiver: Receiver) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    """Open a connection of bare bytes."""
    return await asyncio.open_connection(receiver.endpoints[0].host, receiver.endpoints[0].port)


async def status_of_frames(receiver: Receiver, message: bytes, *headers: tuple[bytes, bytes]) -> grpc.StatusCode:
    """Send the bytes of a gRPC message, its five-byte head included; return the status it is answered with."""
    fields = (
        (b":method", b"POST"),
        (b":scheme", b"http"),
        (b":path", Signal.TRACES.grpc_method.encode()),
        (b":authority", b"test"),
        (b"te", b"trailers"),
        (b"content-type", b"application/grpc"),
        *headers,
    )
    reader, writer = await connect(receiver)
    writer.write(PREFACE + frame(HEADERS, END_HEADERS, b"".join(literal(*field) for field in fields)))
    writer.write(frame(DATA, END_STREAM, message))
    answer = await reader.readuntil(b"grpc-message")
    writer.close()
    await writer.wait_closed()
    code = re.findall(rb"grpc-status.(\d+)", answer, re.DOTALL)[-1]
    return next(status for status in grpc.StatusCode if status.value[0] == int(code))


def frame(kind: int, flags: int, payload: bytes) -> bytes:
    """Return a frame of the first stream (RFC 9113, section 4.1)."""
    return len(payload).to_bytes(3) + bytes((kind, flags)) + (1).to_bytes(4) + payload


def literal(name: bytes, value: bytes) -> bytes:
    """Return a header field without indexing or Huffman code (RFC 7541, section 6.2.2)."""
    return b"\x00" + bytes((len(name),)) + name + bytes((len(value),)) + value
