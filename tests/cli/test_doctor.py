"""Examined from the outside: a real gateway as a process, and backends that are well, away, or do not know us."""

from __future__ import annotations

import re
import sys
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Final

import pytest
from aiohttp import web

from otel_llm.config import load_config
from otel_llm.doctor import Finding, examine
from tests.e2e.gateway import run_gateway
from tests.e2e.program import free_port, run
from tests.e2e.sink import Sink

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

CONFIG: Final = """
receivers:
  otlp: {{protocols: {{grpc: {{endpoint: "127.0.0.1:{grpc}"}}, http: {{endpoint: "127.0.0.1:{http}"{auth}}}}}}}
processors: {{gen_ai_normalizer: {{}}, redaction: {{}}}}
exporters:
  otlphttp: {{endpoint: "{backend}", retry_on_failure: {{max_elapsed_time: 1s}}}}
extensions:
  health: {{endpoint: "127.0.0.1:{health}"}}
  storage: {{directory: "{directory}", max_size_mib: 1}}
service:
  extensions: [health, storage]
  telemetry: {{metrics: {{endpoint: "127.0.0.1:{metrics}"}}}}
  pipelines: {{traces: {{receivers: [otlp], processors: [gen_ai_normalizer, redaction], exporters: [otlphttp]}}}}
"""


@pytest.fixture
async def sink() -> AsyncIterator[Sink]:
    """Have a backend that takes everything."""
    async with Sink() as sink:
        yield sink


def config(tmp_path: Path, backend: str, auth: str = "") -> str:
    """Return a config on ports of its own."""
    ports = {name: free_port() for name in ("grpc", "http", "health", "metrics")}
    return CONFIG.format(**ports, backend=backend, auth=auth, directory=tmp_path / "state")


async def examined(tmp_path: Path, text: str, *arguments: str) -> tuple[int, dict[str, str]]:
    """Run the command; return its status, and the state of each thing that it looked at."""
    path = tmp_path / "examined.yaml"
    path.write_text(text)
    command = [sys.executable, "-m", "otel_llm", "doctor", "--config", str(path), *arguments]
    async with run(command, tmp_path / "doctor.log") as program:
        status = await program.wait(60)
        found = re.findall(r"^(ok|warning|problem) +(.*)$", program.output, re.MULTILINE)
    return status, {what: state for state, what in found}


@pytest.mark.parametrize("auth", ["", ', auth: {tokens: [{name: a, token: "t0ken"}]}'])
async def test_a_set_up_that_is_well(tmp_path: Path, sink: Sink, auth: str) -> None:
    """Everything is ok, and the test span is at the backend."""
    text = config(tmp_path, sink.http_endpoint, auth)
    async with run_gateway(tmp_path, text):
        status, found = await examined(tmp_path, text)

    assert {"ok"} == set(found.values()), found
    assert 0 == status
    assert "otel-llm doctor" in [span.name for span in await sink.spans(1)]
    for word in ("protocols.grpc", "protocols.http", "is ready", "takes traces", "went through", "MiB are free"):
        assert any(word in what for what in found), word


async def test_nothing_is_sent_where_that_is_not_wanted(tmp_path: Path, sink: Sink) -> None:
    """`--no-send` looks only."""
    text = config(tmp_path, sink.http_endpoint)
    async with run_gateway(tmp_path, text):
        status, _ = await examined(tmp_path, text, "--no-send")

    assert 0 == status
    assert [] == sink.resource_spans


async def test_a_gateway_that_does_not_run(tmp_path: Path, sink: Sink) -> None:
    """Its ports and its health are problems; its backend is not."""
    status, found = await examined(tmp_path, config(tmp_path, sink.http_endpoint))

    assert 1 == status
    problems = [what for what, state in found.items() if state == "problem"]
    assert [True, True, True] == [
        "nothing listens" in problems[0], "nothing listens" in problems[1], "no answer" in problems[2]
    ]  # fmt: skip
    assert 3 == len(problems)


async def findings(text: str) -> list[Finding]:
    """Return what is found without a gateway, in this process."""
    return [finding async for finding in examine(load_config(text), send=False)]


@asynccontextmanager
async def backend(answer: web.Response) -> AsyncIterator[str]:
    """Give every request the same answer."""

    async def handle(_request: web.Request) -> web.Response:
        return web.Response(status=answer.status, headers=answer.headers)

    application = web.Application()
    application.router.add_route("*", "/{path:.*}", handle)
    runner = web.AppRunner(application, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    try:
        yield f"http://127.0.0.1:{runner.addresses[0][1]}"
    finally:
        await runner.cleanup()


async def test_a_backend_that_is_away(tmp_path: Path) -> None:
    """It is named with where it was looked for."""
    address = f"127.0.0.1:{free_port()}"

    found = await findings(config(tmp_path, f"http://{address}"))

    [finding] = [each for each in found if each.what.startswith("exporters.otlphttp: ")]
    assert "problem" == finding.state
    assert address in finding.advice


@pytest.mark.parametrize(
    ("status", "state", "advice"),
    [
        (401, "problem", "credentials"),
        (403, "problem", "credentials"),
        (404, "problem", "not that of OTLP"),
        (400, "warning", "is empty"),
    ],
)
async def test_a_backend_that_refuses(tmp_path: Path, status: int, state: str, advice: str) -> None:
    """What its status means is said in words."""
    async with backend(web.Response(status=status)) as url:
        found = await findings(config(tmp_path, url))

    [finding] = [each for each in found if each.what.startswith("exporters.otlphttp: ")]
    assert state == finding.state
    assert advice in finding.advice


async def test_a_clock_that_is_off(tmp_path: Path) -> None:
    """By the date of what the backend answers."""
    async with backend(web.Response(headers={"Date": "Wed, 21 Oct 2015 07:28:00 GMT"})) as url:
        found = await findings(config(tmp_path, url))

    assert ["problem"] == [each.state for each in found if "the clocks of this machine" in each.what]


async def test_a_disk_without_room(tmp_path: Path, sink: Sink) -> None:
    """Found before senders are refused."""
    text = config(tmp_path, sink.http_endpoint).replace("max_size_mib: 1}", "max_size_mib: 100000000}")

    found = await findings(text)

    assert ["warning"] == [each.state for each in found if "that may have to wait there" in each.what]
