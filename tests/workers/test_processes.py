"""What can happen to the processes of a gateway (P1, P2, P13 to P15, P18)."""

from __future__ import annotations

import asyncio
import os
import socket
from pathlib import Path
from signal import SIGHUP, SIGINT, SIGKILL, SIGSTOP, SIGTERM, Signals
from typing import TYPE_CHECKING

import pytest

from tests.e2e.program import eventually
from tests.faults.sink import Reply

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from tests.workers.gateway import Workers

    WorkersOf = Callable[[int], Awaitable[Workers]]

pytestmark = pytest.mark.faults


async def test_all_workers_are_one_gateway(workers_of: WorkersOf) -> None:
    """Everything arrives, is counted on one page, and each of the workers has had a part of it in its own journal."""
    workers = await workers_of(2)
    await workers.start()
    oracle = workers.oracle

    for _ in range(24):  # each has a connection of its own, which the kernel gives to one of them
        reader, writer = await asyncio.open_connection("127.0.0.1", oracle.gateway.ports["http"])
        writer.write(b"GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
        assert (await reader.read()).startswith(b"HTTP/1.1 404")
        writer.close()
        await writer.wait_closed()
    await oracle.sender.load(seconds=1)

    refused = await oracle.gateway.metrics()
    assert 24 == refused.total("receiver_requests_total", transport="http", code="12")
    assert 2 == len(workers.pids)
    assert {"journal-1", "journal-2"} == {path.name for path in oracle.gateway.state.glob("journal*")}
    await oracle.gateway.drained()
    assert [] == oracle.violations()


@pytest.mark.parametrize("number", [SIGKILL, SIGSTOP], ids=["dies", "hangs"])
async def test_p13(number: Signals, workers_of: WorkersOf) -> None:
    """A worker that dies or hangs is replaced, its journal goes on, the others serve, and no counter goes down."""
    workers = await workers_of(2)
    oracle = workers.oracle
    await workers.start()
    await oracle.sender.load(seconds=1)
    before = await oracle.gateway.metrics()

    async with oracle.sender.loading(requests_per_s=10):
        await workers.signal(workers.pids[0], number)
        during = await oracle.gateway.metrics()
        assert 200 == (await oracle.gateway.get("health", "/ready"))[0]

    for name in ("receiver_accepted_spans_total", "exporter_sent_spans_total"):
        assert 0 < before.total(name) <= during.total(name)
    assert 1 == during.total("worker_restarts_total")
    await oracle.gateway.drained()
    assert [] == oracle.violations(duplicates=float("inf"))
    assert 2 == len(workers.pids)


async def test_p14(workers_of: WorkersOf) -> None:
    """Workers are programs of their own, not copies of a process in which gRPC has threads and locks."""
    workers = await workers_of(2)
    await workers.start()

    commands = [Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0") for pid in workers.pids]

    assert [b"otel_llm.workers"] * 2 == [command[3] for command in commands]


async def test_p15(workers_of: WorkersOf, tmp_path: Path) -> None:
    """A second gateway at the same ports does not start, names them all, and takes nothing from the first."""
    workers = await workers_of(2)
    await workers.start()
    workers.gateway.config["extensions"]["storage"]["directory"] = str(tmp_path / "another")

    for workers.count in (2, 1):
        second = await workers.gateway.launch()
        assert 1 == await second.wait(60)
        for port in ("grpc", "http") if workers.count > 1 else workers.gateway.ports:
            assert f"127.0.0.1:{workers.gateway.ports[port]} is in use" in second.output

    await workers.oracle.sender.load(seconds=1)
    await workers.gateway.drained()
    assert [] == workers.oracle.violations()


async def test_p15_with_somebody_who_shares(workers_of: WorkersOf) -> None:
    """Another program that listens with SO_REUSEPORT would let us have half of its connections: it is noticed."""
    workers = await workers_of(2)
    port = workers.gateway.ports["grpc"]
    with socket.socket() as other:
        other.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        other.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        other.bind(("127.0.0.1", port))
        other.listen()

        program = await workers.gateway.launch()

        assert 1 == await program.wait(60)
    assert f"error: receivers.otlp.protocols.grpc.endpoint: 127.0.0.1:{port} is in use" in program.output


async def test_p18(workers_of: WorkersOf) -> None:
    """When the supervisor is killed its workers go with it, one that hangs too: ports and journals are free."""
    workers = await workers_of(2)
    await workers.start()
    pids = workers.pids
    os.kill(pids[0], SIGSTOP)

    await workers.gateway.kill()

    async def gone() -> bool | None:
        return None if any(Path(f"/proc/{pid}/cmdline").exists() and _alive(pid) for pid in pids) else True

    await eventually(gone, "the workers had gone")
    await workers.start()
    await workers.oracle.check()


def _alive(pid: int) -> bool:
    """Tell whether a process runs; one that nobody has asked after is a zombie."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


async def test_p1(workers_of: WorkersOf) -> None:
    """At SIGTERM all deliver what they have taken, and it exits with 0."""
    workers = await workers_of(2)
    oracle = workers.oracle
    oracle.sender.patience_s = 0.5
    oracle.sink.behave = lambda _: Reply(delay_s=0.2)
    await workers.start()

    async with oracle.sender.loading(requests_per_s=50):
        await asyncio.sleep(1)
        oracle.gateway.program.signal(SIGTERM)
        await workers.said("stopping")

    assert 0 == await oracle.gateway.program.wait(60)
    assert oracle.sender.ledger.acked
    assert [] == oracle.violations()


async def test_p2(workers_of: WorkersOf) -> None:
    """A second signal ends all of them at once, with status 1; what waited is delivered by the next."""
    workers = await workers_of(2)
    workers.gateway.config["service"]["shutdown"] = {"drain": "1h"}
    await workers.oracle.sink.door.close()
    await workers.start()
    await workers.oracle.sender.send()
    workers.gateway.program.signal(SIGTERM)
    await workers.said("stopping")
    workers.gateway.program.signal(SIGINT)

    assert 1 == await workers.gateway.program.wait(60)
    await workers.oracle.sink.door.open()
    await workers.start()
    await workers.oracle.check()


async def test_a_reload_reaches_all(workers_of: WorkersOf, tmp_path: Path) -> None:
    """At SIGHUP all run the new config; a wrong one is refused once, with its errors, and nothing changes."""
    workers = await workers_of(2)
    await workers.start()
    path = tmp_path / "otel-llm-0.yaml"
    good = path.read_text()

    path.write_text(good.replace('"gen_ai_normalizer"', '"gen_ai_normaliser"'))
    workers.gateway.program.signal(SIGHUP)
    await workers.said("not reloaded")
    path.write_text(good.replace('"workers": 2', '"workers": 3'))
    workers.gateway.program.signal(SIGHUP)
    await workers.said("service.workers: a change of it needs a restart")
    path.write_text(good.replace('"processors": ["gen_ai_normalizer", "cost"]', '"processors": []'))
    workers.gateway.program.signal(SIGHUP)
    await workers.said("reloaded\n")

    await workers.oracle.sender.load(seconds=1)
    metrics = await workers.gateway.drained()
    assert 0 == metrics.total("processor_incoming_items_total")
    assert (1, 2) == (metrics.total("config_reloads_total"), metrics.total("config_reload_failed_total"))
    assert [] == workers.oracle.violations()


async def test_a_worker_that_is_restarted_runs_what_the_others_run(workers_of: WorkersOf, tmp_path: Path) -> None:
    """Not what the file says meanwhile, which nobody has checked."""
    workers = await workers_of(2)
    await workers.start()
    (tmp_path / "otel-llm-0.yaml").write_text("wrong")

    await workers.signal(workers.pids[0], SIGKILL)

    await workers.oracle.sender.load(seconds=1)
    await workers.gateway.drained()
    assert [] == workers.oracle.violations()


@pytest.mark.parametrize("count", [1, 2])
async def test_exit_codes_are_those_of_one_process(count: int, workers_of: WorkersOf) -> None:
    """2 for a config that is wrong, 1 for what cannot be had now; each problem is named once."""
    workers = await workers_of(count)
    gateway = workers.gateway
    gateway.config["receivers"]["otlp"]["protocols"]["grpc"]["tls"] = {"cert_file": "none", "key_file": "none"}
    wrong = await gateway.launch()
    assert 2 == await wrong.wait(60)

    del gateway.config["receivers"]["otlp"]["protocols"]["grpc"]["tls"]
    gateway.config["exporters"]["file"] = {"path": "/nonexistent/file"}
    gateway.config["service"]["pipelines"]["traces"]["exporters"] = ["otlp", "file"]
    impossible = await gateway.launch()
    assert 1 == await impossible.wait(60)
    problems = [line for line in impossible.output.splitlines() if line.startswith("error: ")]
    assert ["error: exporters.file.path: cannot be opened for appending"] == problems


async def test_any_free_port_is_one_for_all(workers_of: WorkersOf) -> None:
    """Port 0 is the same port in every worker, and the one that is printed."""
    workers = await workers_of(2)
    workers.gateway.config["receivers"]["otlp"]["protocols"]["http"]["endpoint"] = "127.0.0.1:0"
    await workers.start()

    lines = [line.split() for line in workers.gateway.log.splitlines()]
    [endpoint] = [line[2] for line in lines if line[:2] == ["listening", "receivers.otlp.protocols.http.endpoint"]]
    port = int(endpoint.rpartition(":")[2])
    listening = [line.split()[1] for line in Path("/proc/net/tcp").read_text().splitlines() if line.split()[3] == "0A"]

    assert 2 == listening.count(f"0100007F:{port:04X}")
