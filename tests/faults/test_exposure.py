"""What the program shows to others, and where (S1, S6, S7, S11, S13 to S15)."""

from __future__ import annotations

import ast
import asyncio
import json
import re
import socket
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Final

import aiohttp
import grpc
import pytest

import otel_llm
import otel_llm_processors
from otel_llm.config import load_config
from otel_llm.endpoint import is_loopback
from otel_llm.errors import ConfigError
from otel_llm.host import Host
from tests.faults.plugin import install
from tests.faults.sink import TAKE, Reply, first

if TYPE_CHECKING:
    from tests.faults.oracle import OracleWith

PROCESS: Final = pytest.mark.faults

CODE: Final = [path for package in (otel_llm, otel_llm_processors) for path in Path(package.__path__[0]).rglob("*.py")]

EVIL: Final = "evil-1f8ac10f"
INJECTION: Final = f'{EVIL}\r\n{{"level":"error"}}\n\x1b[2J\x1b]0;x\x07\x00\u202e\u2028\u200b'


def test_s1_default() -> None:
    """Without a config everything listens on this machine only."""
    host = Host(load_config(files("otel_llm").joinpath("default.yaml").read_text("utf-8")))

    assert [4317, 4318, 8888, 13133] == sorted(endpoint.port for endpoint in host.endpoints)
    assert all(is_loopback(endpoint.host) for endpoint in host.endpoints)


@PROCESS
async def test_s1_warning(oracle_with: OracleWith) -> None:
    """Each endpoint that other machines can reach without credentials is a warning at the start."""
    oracle = await oracle_with("otlp")
    config = oracle.gateway.config
    config["receivers"]["otlp"]["protocols"]["grpc"]["endpoint"] = f"0.0.0.0:{oracle.gateway.ports['grpc']}"
    config["extensions"]["health"]["endpoint"] = f"0.0.0.0:{oracle.gateway.ports['health']}"

    await oracle.gateway.start()

    warnings = [line for line in oracle.gateway.log.splitlines() if '"level":"warning"' in line]
    exposed = [line for line in warnings if "open to other machines" in line]
    assert 2 == len(exposed)
    assert any("receivers.otlp.protocols.grpc.endpoint" in line for line in exposed)
    assert any("extensions.health.endpoint" in line for line in exposed)
    await oracle.check()


MALFORMED: Final = [
    f"POST /{EVIL}\x1b[31m HTTP/1.1\r\n\r\n",
    f"GET /%0d%0a{EVIL} HTTP/1.1\r\nHost: x\r\n\r\n",
    f"POST /v1/traces HTTP/1.1\r\nHost: x\r\nX-{EVIL}: \x1b[2J\u202e\x00\r\n\r\n",
    f"POST /v1/traces HTTP/1.1\r\nHost: x\r\nContent-Type: {EVIL}\r\nContent-Length: 0\r\n\r\n",
    f"POST /v1/traces HTTP/1.1\r\nHost: x\r\nContent-Length: {EVIL}\r\n\r\n",
    f"{EVIL} / HTTP/1.1\r\nHost: x\r\n\r\n",
    f"POST /v1/traces HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 17\r\n\r\n{{{EVIL!r}}}",
    f"{EVIL}" * 70_000,
]

LOUD: Final = '''
"""A processor that puts into its error what it was given."""

from otel_llm.component import Config, Processor, ProcessorFactory


class Loud(Processor):
    """Raises."""

    applies_to = "all"

    def process_span(self, span, /):
        raise ValueError(span.get("evil"))


factory = ProcessorFactory("loud", Config, lambda config, settings: Loud())
'''


@PROCESS
async def test_s6(oracle_with: OracleWith, tmp_path: Path) -> None:
    """Nothing that senders, backends or plug-ins say gets into the log, and what they do does not flood it."""
    loud = install(tmp_path / "loud", "processors", "loud", LOUD)
    oracle = await oracle_with("otlp")
    oracle.gateway.config["processors"]["loud"] = {}
    oracle.gateway.config["service"]["pipelines"]["traces"]["processors"] = ["loud"]
    await oracle.gateway.start(*loud)
    before = len(oracle.gateway.log.splitlines())

    for malformed in MALFORMED * 2:
        for port in oracle.gateway.ports.values():
            assert EVIL.encode() not in await exchange(port, malformed.encode())
    for code in (grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.INVALID_ARGUMENT) * 10:
        oracle.sink.behave = first(1, Reply(code, details=INJECTION))
        await oracle.sender.send(attributes={"evil": INJECTION * 1000})
    oracle.sink.behave = TAKE
    await oracle.gateway.drained()

    lines = oracle.gateway.log.splitlines()[before:]
    assert EVIL not in oracle.gateway.log
    assert all({"time", "level", "logger", "message"} == json.loads(line).keys() for line in lines)
    assert len(lines) < 20


async def exchange(port: int, request: bytes) -> bytes:
    """Say something, and no more; return all that is answered."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    answer = b""
    try:
        writer.write(request)
        await writer.drain()
        writer.write_eof()
        answer = await asyncio.wait_for(reader.read(), 20)
    except OSError:
        pass  # closed before all was said
    finally:
        writer.close()
    return answer


@pytest.mark.parametrize("name", ["../../etc", "otlp/../../etc", "otlp/a/b", "otlp/\x00", "otlp/.", "otlp/ü", ""])
def test_s7_refused(name: str) -> None:
    """Names that could mean another place are no names."""
    config = {
        "receivers": {"otlp": {}},
        "exporters": {name: {}},
        "service": {"pipelines": {"traces": {"receivers": ["otlp"], "exporters": [name]}}},
    }

    with pytest.raises(ConfigError, match="must be a type or type/name"):
        load_config(json.dumps(config))


@PROCESS
@pytest.mark.parametrize("name", ["otlp/CON", "otlp/a..", "otlp/" + "a" * 300])
async def test_s7_files(name: str, oracle_with: OracleWith, tmp_path: Path) -> None:
    """What is called by a name stays in the directory for it, however long the name is: journal and dead letters."""
    oracle = await oracle_with(name)
    await oracle.gateway.start()
    outside = files_outside(oracle.gateway.state, tmp_path)

    oracle.sink.behave = first(1, Reply(grpc.StatusCode.INVALID_ARGUMENT))
    await oracle.sender.send()
    await oracle.gateway.drained()

    assert outside == files_outside(oracle.gateway.state, tmp_path)
    assert "kept as dead letters" in oracle.gateway.log
    await oracle.check()


def files_outside(state: Path, directory: Path) -> set[Path]:
    """Return what is in a directory, without what is in the one for state."""
    return {path for path in directory.rglob("*") if state not in path.parents}


BROKEN: Final = '''
"""A journal that fails with what it was given."""

from otel_llm.component import ExtensionFactory
from otel_llm.extensions.storage import Storage, StorageConfig


class Broken(Storage):
    """Brings it."""

    def journal(self):
        journal = super().journal()

        async def append(records):
            raise RuntimeError(records[0].payload.decode(errors="replace"))

        journal.append = append
        return journal


factory = ExtensionFactory("broken", StorageConfig, Broken)
'''


@PROCESS
async def test_s11(oracle_with: OracleWith, tmp_path: Path) -> None:
    """A bug in what serves a request is answered by an id, which the log has too, and by no word of the exception."""
    broken = install(tmp_path / "broken", "extensions", "broken", BROKEN)
    oracle = await oracle_with("otlp")
    oracle.gateway.config["extensions"]["broken"] = {}
    del oracle.gateway.config["extensions"]["storage"]
    oracle.gateway.config["service"]["extensions"] = ["health", "broken"]
    oracle.sender.patience_s = 0.5
    await oracle.gateway.start(*broken)

    await oracle.sender.send(transport="grpc")
    await oracle.sender.send(transport="http")

    answers = [re.fullmatch(r"internal error ([0-9a-f]{8})", words) for words in oracle.sender.ledger.words]
    assert 2 == len(answers)
    assert all(answer is not None and answer[1] in oracle.gateway.log for answer in answers)
    assert not oracle.sender.ledger.refused
    assert [] == oracle.violations(metrics=(await oracle.gateway.metrics()).text)


@PROCESS
async def test_s13(oracle_with: OracleWith) -> None:
    """There are three pages, none of them holds a word of a span, and where one may look for more there is nothing."""
    oracle = await oracle_with("otlp")
    await oracle.gateway.start()
    await oracle.sender.load(seconds=0.5)
    await oracle.check()
    secrets = [socket.gethostname(), "canary"]

    pages = {(port, path): await oracle.gateway.get(port, path) for port in ("metrics", "health") for path in PATHS}
    shown = {place for place, (status, _) in pages.items() if status == 200}
    assert {("metrics", "/metrics"), ("health", "/"), ("health", "/ready")} == shown
    assert {404} == {status for place, (status, _) in pages.items() if place not in shown}
    assert not [place for place, (_, text) in pages.items() if any(secret in text for secret in secrets)]


PATHS: Final = [
    "/", "/ready", "/metrics", "/debug", "/debug/pprof/", "/debug/pprof/heap", "/debug/vars", "/debug/tracez",
    "/debug/pipelinez", "/config", "/env", "/dump", "/metrics/", "/metrics/../debug", "/stack", "/favicon.ico",
]  # fmt: skip


@PROCESS
async def test_s14(oracle_with: OracleWith) -> None:
    """No page of another origin may read an answer, or is told that it may ask."""
    oracle = await oracle_with("otlp")
    await oracle.gateway.start()
    page = {"Origin": "https://elsewhere.example", "Access-Control-Request-Method": "POST", "Cookie": "a=b"}

    async with aiohttp.ClientSession(headers=page) as session:
        for port in ("http", "metrics", "health"):
            for path in ("/v1/traces", "/metrics", "/ready"):
                for method in ("OPTIONS", "GET", "POST"):
                    url = f"http://127.0.0.1:{oracle.gateway.ports[port]}{path}"
                    async with session.request(method, url) as answer:
                        assert not [name for name in answer.headers if name.lower().startswith("access-control")]


@pytest.mark.parametrize("path", CODE, ids=lambda path: path.name)
def test_s15(path: Path) -> None:
    """Nothing that is read becomes code: a config names what is installed, and files hold data."""
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Import | ast.ImportFrom):
            names = {alias.name for alias in node.names} | {getattr(node, "module", None)}
            assert names.isdisjoint({"pickle", "marshal", "shelve", "dill", "cloudpickle", "runpy", "imp"})
        elif isinstance(node, ast.Call):
            called = getattr(node.func, "id", None)
            assert called not in {"eval", "exec", "compile", "__import__"}
            assert ast.unparse(node.func) != "importlib.import_module"
