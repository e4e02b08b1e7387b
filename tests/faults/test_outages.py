"""Backends that are away, slow, or break off (B1 to B3, B11 to B15): nothing is lost, little comes twice."""

from __future__ import annotations

import asyncio
import math
import struct
from functools import partial
from typing import TYPE_CHECKING

import pytest

from tests.certificates import EXPIRED, Authority
from tests.e2e.program import eventually
from tests.faults.sink import TAKE, Reply, first

if TYPE_CHECKING:
    from pathlib import Path

    from tests.faults.oracle import OracleWith

pytestmark = pytest.mark.faults

EITHER = pytest.mark.parametrize("exporter", ["otlp", "otlphttp"])


@EITHER
async def test_b1_refused(exporter: str, oracle_with: OracleWith) -> None:
    """While a backend refuses connections senders are told OK, and all that they sent arrives when it is back."""
    oracle = await oracle_with(exporter)
    await oracle.sink.door.close()
    await oracle.gateway.start()

    await oracle.sender.load(seconds=3)
    assert oracle.sender.ledger.acked == oracle.sender.ledger.spans.keys()
    assert not oracle.sink.arrivals
    await oracle.sink.door.open()

    await oracle.check()


@EITHER
async def test_b1_black_hole(exporter: str, oracle_with: OracleWith) -> None:
    """A backend that accepts connections and never says a word is left for a new connection when that helps."""
    oracle = await oracle_with(exporter)
    oracle.gateway.exporter["timeout"] = "1s"
    oracle.sink.door.silent = True
    await oracle.gateway.start()

    await oracle.sender.load(seconds=3)
    assert not oracle.sink.arrivals
    oracle.sink.door.silent = False  # for new connections: those that lead nowhere stay open

    await oracle.gateway.drained(timeout_s=15)  # gRPC by itself waits 20 s for a connection
    await oracle.check()


async def test_b2(oracle_with: OracleWith) -> None:
    """A full queue refuses new spans for now, counts them, and drops none that it has acknowledged."""
    oracle = await oracle_with("otlp")
    oracle.gateway.config["extensions"]["storage"]["max_size_mib"] = 1
    oracle.sender.patience_s = 1.5
    await oracle.sink.door.close()
    await oracle.gateway.start()

    await oracle.sender.load(seconds=2, requests_per_s=10, spans=10, padding=10_000)
    ledger = oracle.sender.ledger
    assert ledger.acked
    assert ledger.given_up
    assert {("grpc", 0), ("grpc", 14), ("http", 200), ("http", 503)} == ledger.codes().keys()
    assert {1.0} == {answer.after_s for answer in ledger.answers if not answer.taken}
    await oracle.sink.door.open()

    await oracle.check()


async def test_b3(oracle_with: OracleWith) -> None:
    """A backend that answers too late is asked again, by no more requests at a time than configured."""
    oracle = await oracle_with("otlp")
    oracle.gateway.exporter["timeout"] = "500ms"
    oracle.gateway.exporter["sending_queue"] = {"num_consumers": 3}
    await oracle.gateway.start()
    oracle.sink.behave = lambda _: Reply(delay_s=30)

    await oracle.sender.load(seconds=4)
    oracle.sink.behave = TAKE

    await oracle.check(duplicates=math.inf, rss_limit_mib=oracle.gateway.base_mib + 50)
    assert 3 == oracle.sink.most_under_way
    assert oracle.sink.duplicates


@EITHER
async def test_b11(exporter: str, oracle_with: OracleWith) -> None:
    """A connection that breaks off once the whole request is there costs a duplicate of that request, and no span."""
    oracle = await oracle_with(exporter)
    await oracle.gateway.start()
    oracle.sink.behave = first(3, Reply(reset=True))

    await oracle.sender.load(seconds=2)

    await oracle.check(duplicates=math.inf)
    again = [arrival for arrival in oracle.sink.arrivals if any(oracle.sink.times[key] > 1 for key in arrival.ids)]
    assert oracle.sink.duplicates
    assert len(again) <= 3 * 2 * 4  # thrice, what was under way in four requests, and came again


@EITHER
async def test_b12(exporter: str, oracle_with: OracleWith, tmp_path: Path) -> None:
    """A backend whose certificate is not good gets nothing, and none of it in plain text; when it is, all arrives."""
    ours, others = Authority(tmp_path), Authority(tmp_path)
    oracle = await oracle_with(exporter)
    door = oracle.sink.door
    oracle.gateway.exporter["endpoint"] = f"https://127.0.0.1:{door.port}"
    oracle.gateway.exporter["tls"] = {"ca_file": str(ours.file)}
    bad = {
        "has expired": ours.issue(**EXPIRED),
        "is for another name": ours.issue("elsewhere.example"),
        "is signed by nobody who is trusted here": others.issue(),
        "trying again": None,  # it does not speak TLS at all
    }
    await oracle.gateway.start()

    async def said(words: str) -> bool | None:
        return True if words in oracle.gateway.log else None

    for words, certificate in bad.items():
        await door.close()
        await door.open(certificate)
        await oracle.sender.load(seconds=0.5)
        await eventually(partial(said, words), f"it said {words}", oracle.gateway.program)
    assert not oracle.sink.arrivals
    assert oracle.sender.ledger.acked == oracle.sender.ledger.spans.keys()
    await door.close()
    await door.open(ours.issue())

    await oracle.check()


async def test_b13_connection_age(oracle_with: OracleWith) -> None:
    """A backend that closes connections after their time (GOAWAY) loses nothing and gets next to nothing twice."""
    age = [("grpc.max_connection_age_ms", 300), ("grpc.max_connection_age_grace_ms", 1000)]
    oracle = await oracle_with("otlp", grpc_options=age)
    await oracle.gateway.start()

    await oracle.sender.load(seconds=5)

    await oracle.check(duplicates=len(oracle.sender.ledger.acked) // 100)


@EITHER
async def test_b13_rolling_restart(exporter: str, oracle_with: OracleWith) -> None:
    """Backends that are replaced one after the other while requests come lose nothing and get next to nothing twice."""
    oracle = await oracle_with(exporter)
    await oracle.gateway.start()

    async with asyncio.TaskGroup() as group:
        group.create_task(oracle.sender.load(seconds=5))
        for _ in range(4):
            await asyncio.sleep(1)
            await oracle.sink.restart()

    await oracle.check(duplicates=len(oracle.sender.ledger.acked) // 100)


async def test_b14(oracle_with: OracleWith) -> None:
    """What one destination does is nothing to another: the one that is up gets everything meanwhile."""
    oracle = await oracle_with("otlp/down", "otlphttp/up")
    down, up = oracle.sinks.values()
    await down.door.close()
    await oracle.gateway.start()

    await oracle.sender.load(seconds=2)
    await oracle.gateway.counted("exporter_sent_spans_total", len(oracle.sender.ledger.acked), exporter="otlphttp/up")
    assert oracle.sender.ledger.acked == up.spans.keys()
    assert not down.arrivals
    await down.door.open()

    await oracle.check()


async def test_b14_a_name_that_nobody_knows(oracle_with: OracleWith) -> None:
    """A destination whose host name is not known holds up no other, and what waits for it is kept."""
    oracle = await oracle_with("otlp")
    exporters = oracle.gateway.config["exporters"]
    exporters["otlp/lost"] = {**exporters["otlp"], "endpoint": "backend.invalid:4317"}
    oracle.gateway.config["service"]["pipelines"]["traces"]["exporters"].append("otlp/lost")
    await oracle.gateway.start()

    await oracle.sender.load(seconds=1)
    metrics = await oracle.gateway.counted(
        "exporter_sent_spans_total", len(oracle.sender.ledger.acked), exporter="otlp"
    )

    assert len(oracle.sender.ledger.acked) == metrics.total("exporter_queue_size", exporter="otlp/lost")
    assert not oracle.violations()


async def test_b15_the_backend_complains_of_pings(oracle_with: OracleWith) -> None:
    """A backend that says GOAWAY for too many pings is connected to anew, and misses nothing."""
    oracle = await oracle_with("otlp")
    await oracle.gateway.start()
    last_stream, enhance_your_calm = 2**31 - 1, 0xB
    payload = struct.pack("!II", last_stream, enhance_your_calm) + b"too_many_pings"
    goaway = struct.pack("!I", len(payload))[1:] + b"\x07" + bytes(5) + payload  # RFC 9113, sections 4.1 and 6.8

    async with asyncio.TaskGroup() as group:
        group.create_task(oracle.sender.load(seconds=3))
        for _ in range(4):
            await asyncio.sleep(0.5)
            oracle.sink.door.inject(goaway)

    await oracle.check(duplicates=len(oracle.sender.ledger.acked) // 10)


async def test_b15_a_client_that_pings(oracle_with: OracleWith) -> None:
    """A client may ping every ten seconds without sending anything, as those behind NAT do."""
    oracle = await oracle_with("otlp")
    await oracle.gateway.start()
    reader, writer = await asyncio.open_connection("127.0.0.1", oracle.gateway.ports["grpc"])
    settings, ping = b"\0\0\0\x04\0\0\0\0\0", b"\0\0\x08\x06\0\0\0\0\0oracle42"
    writer.write(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + settings)

    # gRPC forgives two pings that come too early (its `max_ping_strikes`). The fourth would be the third such, if ten
    # seconds were too early.
    writer.write(ping * 3)
    await asyncio.sleep(10.5)
    writer.write(ping)
    answered = b""
    while answered.count(b"oracle42") < 4:
        answered += await asyncio.wait_for(reader.read(4096), 10)
        assert b"too_many_pings" not in answered

    writer.close()
    await writer.wait_closed()
    await oracle.check()
