"""What systemd is told: datagrams to a socket that stands for its own."""

from __future__ import annotations

import asyncio
import os
import socket
import sys
import time
from contextlib import contextmanager
from signal import SIGHUP, SIGTERM
from typing import TYPE_CHECKING, Final

import pytest

from otel_llm.cli import systemd
from tests.e2e.program import run

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

CONFIG: Final = """
receivers: {otlp: {protocols: {grpc: {endpoint: "127.0.0.1:0"}}}}
exporters: {debug: {}}
service:
  telemetry: {metrics: {endpoint: none}}
  pipelines: {traces: {receivers: [otlp], exporters: [debug]}}
"""


@contextmanager
def listening(address: str) -> Iterator[socket.socket]:
    """Bind a socket as systemd does."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as receiver:
        receiver.bind(address)
        receiver.settimeout(30)
        yield receiver


class TestNotify:
    def test_states_are_lines_of_one_datagram(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        """The socket is a path."""
        with listening(str(tmp_path / "notify")) as receiver:
            monkeypatch.setenv("NOTIFY_SOCKET", str(tmp_path / "notify"))
            systemd.notify("READY=1", "STATUS=x")

            assert b"READY=1\nSTATUS=x" == receiver.recv(1024)

    @pytest.mark.skipif(sys.platform != "linux", reason="abstract sockets are Linux' own")
    def test_the_socket_may_have_no_file(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """An @ stands for the NUL of the abstract namespace."""
        name = f"otel-llm-test-{os.getpid()}"
        with listening(f"\0{name}") as receiver:
            monkeypatch.setenv("NOTIFY_SOCKET", f"@{name}")
            systemd.notify("READY=1")

            assert b"READY=1" == receiver.recv(1024)

    @pytest.mark.parametrize("address", [None, "", "/nonexistent/notify"])
    def test_nobody_to_tell_is_no_problem(self, address: str | None, monkeypatch: pytest.MonkeyPatch) -> None:
        """Without systemd, or without its socket, nothing happens."""
        monkeypatch.delenv("NOTIFY_SOCKET", raising=False)
        if address is not None:
            monkeypatch.setenv("NOTIFY_SOCKET", address)

        systemd.notify("READY=1")

    def test_a_reload_is_told_with_its_time(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        """The time is on the clock of the request; at the end all is ready, whatever happened."""
        with listening(str(tmp_path / "notify")) as receiver:
            monkeypatch.setenv("NOTIFY_SOCKET", str(tmp_path / "notify"))
            asked = time.monotonic_ns() // 1000
            with pytest.raises(ZeroDivisionError), systemd.reloading():
                _ = 1 / 0
            began, ended = receiver.recv(1024).decode().splitlines(), receiver.recv(1024)

        assert ["RELOADING=1", "MONOTONIC_USEC"] == [began[0], began[1].partition("=")[0]]
        assert asked <= int(began[1].partition("=")[2]) <= time.monotonic_ns() // 1000
        assert b"READY=1" == ended


class TestWatchdog:
    @pytest.mark.parametrize(
        "environment", [{}, {"WATCHDOG_USEC": "20000", "WATCHDOG_PID": "1"}], ids=["none", "other"]
    )
    async def test_nobody_watches(self, environment: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> None:
        """Without a watchdog, or with one for another process, it ends at once."""
        for name, value in environment.items():
            monkeypatch.setenv(name, value)

        await systemd.keep_alive()

    async def test_a_sign_of_life_twice_in_its_time(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        """One after the other, until it is cancelled."""
        monkeypatch.setenv("WATCHDOG_USEC", "20000")
        monkeypatch.setenv("WATCHDOG_PID", str(os.getpid()))
        with listening(str(tmp_path / "notify")) as receiver:
            monkeypatch.setenv("NOTIFY_SOCKET", str(tmp_path / "notify"))
            alive = asyncio.create_task(systemd.keep_alive())
            signs = [await asyncio.to_thread(receiver.recv, 1024) for _ in range(3)]
            alive.cancel()

        assert [b"WATCHDOG=1"] * 3 == signs


async def test_a_service_tells_its_whole_life(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Ready when it listens, reloading and ready again at SIGHUP, stopping at SIGTERM, alive all the time."""
    path = tmp_path / "config.yaml"
    path.write_text(CONFIG)
    monkeypatch.setenv("NOTIFY_SOCKET", str(tmp_path / "notify"))
    monkeypatch.setenv("WATCHDOG_USEC", "1000000")
    command = [sys.executable, "-m", "otel_llm", "run", "--config", str(path)]
    states: list[str] = []
    with listening(str(tmp_path / "notify")) as receiver:

        async def told(state: str) -> None:
            """Wait for a state."""
            while not states or states[-1] != state:
                states.append((await asyncio.to_thread(receiver.recv, 1024)).decode().partition("\n")[0])

        async with run(command, tmp_path / "log") as program:
            await told("READY=1")
            program.signal(SIGHUP)
            await told("RELOADING=1")
            await told("READY=1")
            await told("WATCHDOG=1")
            program.signal(SIGTERM)
            await told("STOPPING=1")
            assert 0 == await program.wait()

    assert ["READY=1", "RELOADING=1", "READY=1", "STOPPING=1"] == [state for state in states if state != "WATCHDOG=1"]
