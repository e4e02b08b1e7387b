"""Backends that answer, but not as one would like (B4 to B10, B16, B17)."""

from __future__ import annotations

import gzip
import time
from email.utils import formatdate
from typing import TYPE_CHECKING

import grpc
import pytest
from google.protobuf.duration_pb2 import Duration
from google.rpc.error_details_pb2 import RetryInfo  # type: ignore[import-untyped]  # has no stubs
from google.rpc.status_pb2 import Status  # type: ignore[import-untyped]  # has no stubs

from otel_llm.signals import Signal
from tests.faults.sink import TAKE, Arrival, Behaviour, Reply, at_random, first

if TYPE_CHECKING:
    from tests.faults.metrics import Metrics
    from tests.faults.oracle import OracleWith
    from tests.faults.wire import Request

pytestmark = pytest.mark.faults

EITHER = pytest.mark.parametrize("exporter", ["otlp", "otlphttp"])
MIB = 1024 * 1024


@pytest.mark.parametrize(("exporter", "unavailable"), [("otlp", grpc.StatusCode.UNAVAILABLE), ("otlphttp", 503)])
async def test_b4(exporter: str, unavailable: grpc.StatusCode | int, oracle_with: OracleWith) -> None:
    """Seven of ten requests are refused for now, at 10,000 spans/s if the machine allows: all arrive, each once."""
    oracle = await oracle_with(exporter)
    await oracle.gateway.start()
    oracle.sink.behave = at_random(0.7, Reply(unavailable))

    await oracle.sender.load(seconds=4, requests_per_s=100, spans=100)
    oracle.sink.behave = TAKE

    await oracle.check()
    assert 5_000 < len(oracle.sink.spans)


async def test_b5(oracle_with: OracleWith) -> None:
    """RESOURCE_EXHAUSTED is obeyed where it says when to come back, and is a refusal for good where it does not."""
    oracle = await oracle_with("otlp")
    await oracle.gateway.start()

    oracle.sink.behave = first(1, Reply(grpc.StatusCode.RESOURCE_EXHAUSTED, after_s=2))
    await oracle.sender.send()
    await oracle.gateway.drained()
    oracle.sink.behave = first(1, Reply(grpc.StatusCode.RESOURCE_EXHAUSTED))
    await oracle.sender.send()
    metrics = await oracle.gateway.drained()

    asked, again, _ = oracle.sink.arrivals
    assert 2 <= again.at - asked.at + 0.01  # timers tick in milliseconds
    assert 10 == metrics.total("exporter_dropped_spans_total", reason="resource_exhausted")
    await oracle.check()


async def test_b6(oracle_with: OracleWith) -> None:
    """Retry-After is obeyed in both of its forms, and passed over where it is nonsense or asks for a day."""
    oracle = await oracle_with("otlphttp")
    await oracle.gateway.start()
    date = int(time.time()) + 3

    async def gap(retry_after: str) -> float:
        oracle.sink.behave = first(1, Reply(503, headers={"retry-after": retry_after}))
        await oracle.sender.send()
        await oracle.gateway.drained()
        asked, again = oracle.sink.arrivals[-2:]
        return again.at - asked.at + 0.01  # timers tick in milliseconds

    await gap(formatdate(date, usegmt=True))
    assert date <= time.time()
    assert 2 <= await gap("2")
    for nonsense in ("-1", "abc", "86400"):
        await gap(nonsense)

    assert 10 == len(oracle.sink.arrivals)
    await oracle.check()


async def test_b7(oracle_with: OracleWith) -> None:
    """Statuses that mean never are not tried again and counted one by one, and redirects are not followed."""
    oracle = await oracle_with("otlphttp")
    await oracle.gateway.start()
    elsewhere = {"location": f"{oracle.sink.endpoint}/elsewhere"}

    for status in (500, 501, 400, 401, 403, 404, 408, 422, 301, 302, 307, 308):
        oracle.sink.behave = first(1, Reply(status, headers=elsewhere if status < 400 else {}))
        await oracle.sender.send()
        metrics = await oracle.gateway.drained()
        assert 10 == metrics.total("exporter_dropped_spans_total", reason=f"http_{status}")

    assert 12 == len(oracle.sink.arrivals)
    assert {Signal.TRACES.http_path} == {arrival.path for arrival in oracle.sink.arrivals}
    await oracle.check()


@pytest.mark.parametrize(("exporter", "too_large"), [("otlp", grpc.StatusCode.RESOURCE_EXHAUSTED), ("otlphttp", 413)])
async def test_b8(exporter: str, too_large: grpc.StatusCode | int, oracle_with: OracleWith) -> None:
    """What is too large is sent in halves until it fits; a span that is too large alone is given up, and counted."""
    oracle = await oracle_with(exporter)
    refusal = Reply(too_large, details="Received message larger than max (70000 vs. 60000)")
    oracle.sink.behave = lambda arrival: refusal if len(arrival.body) > 60_000 else Reply()
    await oracle.gateway.start()

    for _ in range(3):
        await oracle.sender.send(spans=100, padding=2000)
    alone = await oracle.sender.send(spans=1, padding=70_000)
    metrics = await oracle.gateway.drained()

    assert 300 == len(oracle.sink.spans)
    assert 1 == sum(_dropped(metrics).values())
    assert not oracle.sink.duplicates
    assert alone.spans.keys().isdisjoint(oracle.sink.spans)
    oracle.sink.behave = TAKE
    await oracle.check()


@EITHER
async def test_b9(exporter: str, oracle_with: OracleWith) -> None:
    """Spans that a backend rejects of a request that it takes are counted, said once in the log, and not sent again."""
    oracle = await oracle_with(exporter)
    await oracle.gateway.start()

    oracle.sink.behave = lambda _: Reply(rejected=3)
    for sent in range(1, 6):
        await oracle.sender.send()
        await oracle.gateway.counted("exporter_dropped_spans_total", 3 * sent, reason="rejected_by_backend")
    oracle.sink.behave = TAKE

    assert 5 == len(oracle.sink.arrivals)
    assert 1 == oracle.gateway.log.count("rejected items")
    await oracle.check()


@EITHER
async def test_b10(exporter: str, oracle_with: OracleWith) -> None:
    """A success is one whatever comes with it: it is neither tried again nor read to its end."""
    oracle = await oracle_with(exporter)
    await oracle.gateway.start()
    gzipped = {"content-encoding": "gzip"}
    replies = [
        Reply(body=b"<html>welcome</html>"),
        Reply(body=b"<html>welcome</html>", headers={"content-type": "text/html"}),
        Reply(),
        Reply(body=b"\x0a\x7f"),
        Reply(body=bytes(100 * MIB)),
        Reply(body=gzip.compress(bytes(200 * MIB)), headers=gzipped),
    ]

    for reply in replies:
        oracle.sink.behave = first(1, reply)
        await oracle.sender.send()
        await oracle.gateway.drained()

    assert len(replies) == len(oracle.sink.arrivals)
    await oracle.check(rss_limit_mib=oracle.gateway.base_mib + 40)


async def test_b16(oracle_with: OracleWith) -> None:
    """Details that cannot be read say nothing: the status alone decides."""
    oracle = await oracle_with("otlp")
    await oracle.gateway.start()
    codes = [grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.INVALID_ARGUMENT, grpc.StatusCode.RESOURCE_EXHAUSTED]

    for details in (b"\xff\xff\xff\xff\xff", b"\x1a\x7f", bytes(4096), _negative_delay()):
        for code in codes:
            oracle.sink.behave = first(1, Reply(code, headers={"grpc-status-details-bin": details}))
            await oracle.sender.send()
            await oracle.gateway.drained()

    metrics = await oracle.gateway.metrics()
    assert {"invalid_argument": 40, "resource_exhausted": 40} == _dropped(metrics)
    await oracle.check()


@pytest.mark.parametrize(("exporter", "code"), [("otlp", grpc.StatusCode.INTERNAL), ("otlphttp", 500)])
async def test_b17(exporter: str, code: grpc.StatusCode | int, oracle_with: OracleWith) -> None:
    """One poisonous request costs itself and nobody else, however it was merged, and holds nothing up."""
    oracle = await oracle_with(exporter)
    await oracle.sink.door.close()
    await oracle.gateway.start()

    await oracle.sender.load(seconds=0.5)
    poison = await oracle.sender.send()
    await oracle.sender.load(seconds=0.5)
    oracle.sink.behave = _refusing(poison, Reply(code))
    await oracle.sink.door.open()
    metrics = await oracle.gateway.drained()

    assert {10} == set(_dropped(metrics).values())
    alone = [arrival for arrival in oracle.sink.arrivals if set(arrival.ids) == poison.spans.keys()]
    assert 1 == len(alone)
    oracle.sink.behave = TAKE
    await oracle.check()
    assert oracle.sender.ledger.acked - oracle.sink.spans.keys() == poison.spans.keys()


def _refusing(poison: Request, reply: Reply) -> Behaviour:
    def behave(arrival: Arrival) -> Reply:
        return Reply() if poison.spans.keys().isdisjoint(arrival.ids) else reply

    return behave


def _dropped(metrics: Metrics) -> dict[str, float]:
    return metrics.by("exporter_dropped_spans_total", "reason")


def _negative_delay() -> bytes:
    """Return a Status that asks to come back before now."""
    status = Status()
    status.details.add().Pack(RetryInfo(retry_delay=Duration(seconds=-5)))
    details: bytes = status.SerializeToString()
    return details
