"""Apps under `opentelemetry-instrument` export through the processors, however they run and end."""

from __future__ import annotations

import asyncio
import signal
import sys
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import aiohttp
import pytest

from otel_llm.signals import Signal
from tests.e2e.in_app import INSTRUMENT, PROGRAMS, configure
from tests.e2e.otlp import attributes_of
from tests.e2e.program import Program, eventually, free_port, run
from tests.model_call import COST_USD

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence
    from pathlib import Path

    from tests.e2e.backends import Jaeger
    from tests.e2e.sink import Sink

pytestmark = pytest.mark.backend


@pytest.fixture(params=["grpc", "http/protobuf"])
def protocol(request: pytest.FixtureRequest, sink: Sink, monkeypatch: pytest.MonkeyPatch) -> str:
    """Configure apps as their operators do, by the environment: to export to the sink, by either protocol."""
    protocol: str = request.param
    configure(monkeypatch, f"http://{sink.grpc_endpoint}" if protocol == "grpc" else sink.http_endpoint)
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_PROTOCOL", protocol)
    return protocol


@pytest.mark.parametrize(
    ("end", "status"), [("normal", 0), ("exception", 1), ("exit", 3), ("sigterm", -signal.SIGTERM)]
)
async def test_a_script_loses_nothing_at_its_end(
    protocol: str, end: str, status: int, sink: Sink, tmp_path: Path
) -> None:
    """Whether it returns, fails, exits or is told to end: its spans arrive priced, and it ends as it would without."""
    async with run([INSTRUMENT, sys.executable, "-m", "tests.apps.script", end], tmp_path / "log") as program:
        assert status == await program.wait(), program.output

    spans = [(span.name, attributes_of(span)) for span in await sink.spans(2)]
    assert ["first", "second"] == [name for name, _ in spans]
    for _, attributes in spans:
        assert COST_USD == attributes["otel_llm.cost.total_usd"]
        assert ("script", "u1") == (attributes["otel_llm.route"], attributes["user.id"])
    assert {protocol.partition("/")[0]} == {each.transport for each in sink.received}


@pytest.mark.usefixtures("protocol")
async def test_log_records_are_exported_too(sink: Sink, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """`OTEL_LOGS_EXPORTER=otel_llm` beside it."""
    monkeypatch.setenv("OTEL_LOGS_EXPORTER", "otel_llm")
    monkeypatch.setenv("OTEL_PYTHON_LOGGING_AUTO_INSTRUMENTATION_ENABLED", "true")
    async with run([INSTRUMENT, sys.executable, "-m", "tests.apps.script", "normal"], tmp_path / "log") as program:
        assert 0 == await program.wait(), program.output

    assert [b"done" in each.body for each in sink.received if each.signal is Signal.LOGS] == [True]


@pytest.mark.usefixtures("protocol")
async def test_workers_forked_from_a_connected_process(sink: Sink, tmp_path: Path) -> None:
    """Each worker connects anew, and what it has is sent before it leaves."""
    async with run([INSTRUMENT, sys.executable, "-m", "tests.apps.workers"], tmp_path / "log") as program:
        assert 0 == await program.wait(), program.output

    spans = {span.name: attributes_of(span) for span in await sink.spans(4)}
    assert {"parent", "worker 0", "worker 1", "parent again"} == set(spans)
    assert {COST_USD} == {attributes["otel_llm.cost.total_usd"] for attributes in spans.values()}


@pytest.mark.usefixtures("protocol")
async def test_fastapi_under_uvicorn(sink: Sink, tmp_path: Path) -> None:
    """A call within a request belongs to its trace, and knows the route and user that the middleware found."""
    command = [INSTRUMENT, str(PROGRAMS / "uvicorn"), "--port", str(port := free_port()), "tests.apps.fastapi_app:app"]
    async with serving(command, tmp_path / "log", port) as (program, session):
        for number in range(5):
            async with session.get(f"/chat/call-{number}", headers={"x-user": f"u{number}"}) as response:
                assert 200 == response.status
        await program.stop()

    spans = await sink.spans(10)
    servers = {span.trace_id for span in spans if span.name.startswith("GET")}
    calls = {span.name: attributes_of(span) for span in spans if span.name.startswith("call-")}
    assert {span.trace_id for span in spans if span.name in calls} <= servers
    assert [(f"u{n}", "chat", COST_USD) for n in range(5)] == [
        (each["user.id"], each["otel_llm.route"], each["otel_llm.cost.total_usd"])
        for each in (calls[f"call-{n}"] for n in range(5))
    ]


@pytest.mark.usefixtures("protocol")
async def test_gunicorn_with_two_workers(sink: Sink, tmp_path: Path) -> None:
    """Spans of every worker that was forked arrive, once each."""
    address = f"127.0.0.1:{(port := free_port())}"
    command = [INSTRUMENT, str(PROGRAMS / "gunicorn"), "--workers", "2", "--bind", address, "tests.apps.wsgi_app:app"]
    async with serving(command, tmp_path / "log", port) as (program, session):
        workers: set[str] = set()
        count = 0
        while len(workers) < 2 or count < 20:  # the kernel picks the worker for every connection
            async with session.get(f"/call-{count}", headers={"x-user": "u1", "connection": "close"}) as response:
                workers.add(await response.text())
            count += 1
        await program.stop()

    spans = [(span.name, attributes_of(span)) for span in await sink.spans(count) if span.name.startswith("/call-")]
    assert sorted(f"/call-{n}" for n in range(count)) == sorted(name for name, _ in spans)
    assert {("u1", COST_USD)} == {(each["user.id"], each["otel_llm.cost.total_usd"]) for _, each in spans}


async def test_an_app_does_not_notice_that_its_backend_is_away(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It ends with its own status; what could not be sent is said once."""
    configure(monkeypatch, f"http://127.0.0.1:{free_port()}")
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_TIMEOUT", "1")
    async with run([INSTRUMENT, sys.executable, "-m", "tests.apps.script", "exit"], tmp_path / "log") as program:
        assert 3 == await program.wait(), program.output
        assert 1 == program.output.count("could not send; the exporter's own log says why")


async def test_jaeger_gets_what_the_gateway_would_send(
    jaeger: Jaeger, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The same app, without a gateway in between."""
    configure(monkeypatch, f"http://{jaeger.grpc_endpoint}")
    monkeypatch.setenv("OTEL_SERVICE_NAME", "script")
    async with run([INSTRUMENT, sys.executable, "-m", "tests.apps.script", "normal"], tmp_path / "log") as program:
        assert 0 == await program.wait(), program.output

    spans = await jaeger.service("script", 2)
    tags = {tag["key"]: tag["value"] for tag in spans["first"]["tags"]}
    assert (COST_USD, "openai") == (tags["otel_llm.cost.total_usd"], tags["gen_ai.provider.name"])


@asynccontextmanager
async def serving(command: Sequence[str], log: Path, port: int) -> AsyncIterator[tuple[Program, aiohttp.ClientSession]]:
    """Start a server and wait until it listens."""
    async with run(command, log) as program, aiohttp.ClientSession(f"http://127.0.0.1:{port}") as session:

        async def listening() -> bool | None:
            try:
                _, writer = await asyncio.open_connection("127.0.0.1", port)
            except OSError:
                return None
            writer.close()
            await writer.wait_closed()
            return True

        await eventually(listening, "its port", program)
        yield program, session
