"""What can happen to the process (P1 to P3, P14 to P17)."""

from __future__ import annotations

import asyncio
import re
import socket
from pathlib import Path
from signal import SIGINT, SIGTERM, Signals
from typing import TYPE_CHECKING, Final

import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

import otel_llm
from tests.e2e.otlp import attributes_of
from tests.e2e.program import eventually
from tests.faults.plugin import install
from tests.faults.sink import Reply

if TYPE_CHECKING:
    from tests.faults.oracle import OracleWith

PROCESS: Final = pytest.mark.faults


@PROCESS
async def test_p1(oracle_with: OracleWith) -> None:
    """On SIGTERM under load it says at once that it is not ready, delivers what it has taken, and exits with 0."""
    oracle = await oracle_with("otlp")
    oracle.sender.patience_s = 0.5
    oracle.sink.behave = lambda _: Reply(delay_s=0.3)
    await oracle.gateway.start()

    async def not_ready() -> bool | None:
        return True if (await oracle.gateway.get("health", "/ready"))[0] == 503 else None

    async with asyncio.TaskGroup() as group:
        group.create_task(oracle.sender.load(seconds=2, requests_per_s=100, spans=20))
        await asyncio.sleep(1)
        oracle.gateway.program.signal(SIGTERM)
        await eventually(not_ready, "it said that it was not ready")
        assert oracle.gateway.program.running

    assert 0 == await oracle.gateway.program.wait()
    assert oracle.sender.ledger.acked
    assert [] == oracle.violations()


@PROCESS
@pytest.mark.parametrize("second", [SIGTERM, SIGINT], ids=["SIGTERM", "SIGINT"])
async def test_p2(second: Signals, oracle_with: OracleWith) -> None:
    """A second signal ends it at once, with status 1, whatever it was waiting for."""
    oracle = await oracle_with("otlp")
    oracle.gateway.config["service"]["shutdown"] = {"drain": "1h"}
    await oracle.sink.door.close()
    await oracle.gateway.start()
    await oracle.sender.send()
    program = oracle.gateway.program

    async def stopping() -> bool | None:
        return True if "stopping" in program.output.splitlines() else None

    program.signal(SIGTERM)
    await eventually(stopping, "it was stopping", program)
    program.signal(second)

    assert 1 == await program.wait()
    await oracle.sink.door.open()
    await oracle.gateway.start()
    await oracle.check()


@PROCESS
@pytest.mark.parametrize("signal", [SIGTERM, SIGINT], ids=["SIGTERM", "SIGINT"])
async def test_p3(signal: Signals, oracle_with: OracleWith) -> None:
    """No signal that asks it to end kills it: it stops in order, from the moment at which it is ready."""
    oracle = await oracle_with("otlp")
    await oracle.gateway.start()

    oracle.gateway.program.signal(signal)

    assert 0 == await oracle.gateway.program.wait()
    assert "stopped" in oracle.gateway.log.splitlines()


@PROCESS
async def test_p15(oracle_with: OracleWith, tmp_path: Path) -> None:
    """A second one at the same ports does not start, names them all, and takes nothing from the first."""
    oracle = await oracle_with("otlp")
    await oracle.gateway.start()
    oracle.gateway.config["extensions"]["storage"]["directory"] = str(tmp_path / "another")

    second = await oracle.gateway.launch()

    assert 1 == await second.wait()
    for port in oracle.gateway.ports.values():
        assert f"127.0.0.1:{port} is in use" in second.output
        assert not can_share(port)
    await oracle.sender.load(seconds=1)
    await oracle.check()


def can_share(port: int) -> bool:
    """Tell whether somebody could listen on a port too, and take half of its connections."""
    with socket.socket() as thief:
        thief.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        thief.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        try:
            thief.bind(("127.0.0.1", port))
        except OSError:
            return False
        return True


@PROCESS
async def test_p16(oracle_with: OracleWith) -> None:
    """Without a file descriptor to spare it serves whom it serves, and everybody when there are some again."""
    oracle = await oracle_with("otlp")
    await oracle.gateway.start("sh", "-c", 'ulimit -n 64; exec "$@"', "sh")
    await oracle.sender.send(transport="grpc")
    await oracle.sender.send(transport="http")

    connections = [
        await asyncio.open_connection("127.0.0.1", oracle.gateway.ports[port])
        for _ in range(60)
        for port in ("grpc", "http")
    ]
    await oracle.sender.load(seconds=2)
    for _, writer in connections:
        writer.close()
    await asyncio.gather(*(writer.wait_closed() for _, writer in connections), return_exceptions=True)

    await oracle.check()
    assert not oracle.sender.ledger.refused
    assert len(oracle.gateway.log.splitlines()) < 200


FAULTY: Final = '''
"""A processor that does what no processor may."""

import sys
from typing import Literal

from otel_llm.component import Config, Processor, ProcessorFactory


class FaultyConfig(Config):
    """Settings."""

    how: Literal["raises", "exits", "recurses", "returns", "writes"]
    """What it does to every span."""


class Faulty(Processor):
    """Does it."""

    def __init__(self, config, settings):
        self._how = getattr(self, config.how)

    def process_span(self, span, /):
        return self._how(span)

    def raises(self, span):
        raise ValueError(span.name)

    def exits(self, span):
        sys.exit(3)

    def recurses(self, span):
        self.recurses(span)

    def returns(self, span):
        return object()

    def writes(self, span):
        span.set("acme.junk", object())


factory = ProcessorFactory("faulty", FaultyConfig, Faulty)
'''


@PROCESS
async def test_p17(oracle_with: OracleWith, tmp_path: Path) -> None:
    """A processor that fails costs a span that step and no more, and stands on it by name; no text of it is logged."""
    with_faulty = install(tmp_path / "faulty", "processors", "faulty", FAULTY)
    oracle = await oracle_with("otlp")
    config = oracle.gateway.config
    faulty = {f"faulty/{how}": {"how": how} for how in ("raises", "exits", "recurses", "returns", "writes")}
    config["processors"] |= faulty
    config["service"]["pipelines"]["traces"]["processors"] = ["gen_ai_normalizer", *faulty, "cost"]
    await oracle.gateway.start(*with_faulty)

    await oracle.sender.load(seconds=1)

    await oracle.check()
    requests = [ExportTraceServiceRequest.FromString(arrival.body) for arrival in oracle.sink.arrivals]
    scopes = [scope for request in requests for group in request.resource_spans for scope in group.scope_spans]
    attributes = [attributes_of(span) for scope in scopes for span in scope.spans]
    failed = [each["otel_llm.processor.errors"] for each in attributes if "gen_ai.system" in each]
    assert failed
    assert all(["faulty/exits", "faulty/raises", "faulty/recurses", "faulty/writes"] == errors for errors in failed)


def test_p14() -> None:
    """No process is forked where gRPC may have started: what is started is started anew."""
    code = "\n".join(path.read_text("utf-8") for path in Path(otel_llm.__file__).parent.rglob("*.py"))

    assert not re.search(r"\bos\.(fork|forkpty|posix_spawn)\b|set_start_method|multiprocessing\.(Process|Pool)\b", code)
    assert {"spawn"} >= set(re.findall(r"""get_context\(["']?(\w*)""", code))
