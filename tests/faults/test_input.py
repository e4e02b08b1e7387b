"""Input that is odd and must arrive all the same, and input that is wrong, over the wire (I7, I8, I16, I31)."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Final

import pytest
from aiohttp import ClientSession

from otel_llm.batch import Batch
from otel_llm.errors import Refused
from otel_llm.signals import Signal
from tests.faults.wire import Request, new_request

if TYPE_CHECKING:
    from opentelemetry.proto.trace.v1.trace_pb2 import Span

    from tests.faults.oracle import OracleWith

PROCESS: Final = pytest.mark.faults

DEEPEST_ARRAY, DEEPEST_KVLIST = 47, 31
"""Levels under an attribute that protobuf's parser still follows."""
YEAR_2500_NS: Final = 16_725_225_600 * 10**9


def nested(span: Span, arrays: int, kvlists: int) -> None:
    """Give a span two attributes as deep as that."""
    value = span.attributes.add(key="arrays").value
    for _ in range(arrays):
        value = value.array_value.values.add()
    value.string_value = "innermost"
    value = span.attributes.add(key="kvlists").value
    for _ in range(kvlists):
        value = value.kvlist_value.values.add(key="k").value
    value.string_value = "innermost"


def odd(span: Span, times: tuple[int, int]) -> None:
    """Make a span unlikely, and legal."""
    span.start_time_unix_nano, span.end_time_unix_nano = times
    nested(span, DEEPEST_ARRAY, DEEPEST_KVLIST)
    span.attributes.add(key="").value.bytes_value = b"\xff\x00"
    span.attributes.add(key="twice").value.int_value = 1
    span.attributes.add(key="twice").value.string_value = "again"
    span.attributes.add(key="nothing")


@PROCESS
async def test_i7_i31(oracle_with: OracleWith) -> None:
    """What is taken, however deep and whenever it was, is read again after SIGKILL and arrives as it was sent."""
    oracle = await oracle_with("otlp", "otlphttp")
    for sink in oracle.sinks.values():
        await sink.door.close()
    await oracle.gateway.start()

    for times in ((0, 0), (YEAR_2500_NS, YEAR_2500_NS + 1), (5, 3), (2**64 - 1, 0)):
        await oracle.sender.send(spans=5, transport="grpc", change=partial(odd, times=times))
        await oracle.sender.send(spans=5, transport="http", change=partial(odd, times=times))
    assert 40 == len(oracle.sender.ledger.acked)
    await oracle.gateway.kill()
    await oracle.gateway.start()
    for sink in oracle.sinks.values():
        await sink.door.open()

    await oracle.check()


GOOD: Final = new_request(2).body
BAD: Final = {
    "cut": GOOD[:-1],
    "invalid UTF-8": GOOD.replace(b"GET /", b"GET\xff/"),
    "array too deep": new_request(1, change=lambda span: nested(span, DEEPEST_ARRAY + 1, 0)).body,
    "kvlist too deep": new_request(1, change=lambda span: nested(span, 0, DEEPEST_KVLIST + 2)).body,
    "a group that does not end": GOOD + b"\x0b",
    "a field of number 0": GOOD + b"\x00\x00",
    "text": b"hello",
}


@pytest.mark.parametrize("bad", BAD)
def test_i8_refused(bad: str) -> None:
    """Bytes that no other hop could read, such as text that is no UTF-8, are refused whole."""
    with pytest.raises(Refused):
        Batch(BAD[bad]).item_count  # noqa: B018 - asking is what decodes


@PROCESS
async def test_i8_answers(oracle_with: OracleWith) -> None:
    """Each is answered INVALID_ARGUMENT or 400, counted, kept nowhere, and in nobody's way."""
    oracle = await oracle_with("otlp")
    await oracle.gateway.start()

    for body in BAD.values():
        await oracle.sender.deliver(Request(body, {}), "grpc")
        await oracle.sender.deliver(Request(body, {}), "http")

    assert {("grpc", 3): len(BAD), ("http", 400): len(BAD)} == oracle.sender.ledger.codes()
    assert not oracle.sink.arrivals
    await oracle.check()


@PROCESS
async def test_i16(oracle_with: OracleWith) -> None:
    """A content type that says more than is needed is understood, one that says something else is not."""
    oracle = await oracle_with("otlp")
    await oracle.gateway.start()
    url = f"http://127.0.0.1:{oracle.gateway.ports['http']}{Signal.TRACES.http_path}"
    skip = {"skip_auto_headers": ["Content-Type"]}

    async def status(content_type: str | None) -> int:
        headers = {} if content_type is None else {"Content-Type": content_type}
        async with (
            ClientSession(**skip) as session,  # type: ignore[arg-type]  # one option, by its name
            session.post(url, data=b"{}", headers=headers) as answer,
        ):
            return answer.status

    types = ["application/json", "application/json; charset=utf-8", "Application/JSON", "text/plain", None]
    assert [200, 200, 200, 415, 415] == [await status(content_type) for content_type in types]
