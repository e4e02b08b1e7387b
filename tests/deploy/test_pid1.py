"""`otel-llm run` as the first process of a container."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path
from signal import SIGHUP, SIGINT, SIGTERM, Signals
from typing import Final

import pytest

from tests.e2e.program import eventually, missing, run

CONFIG: Final = """
receivers: {otlp: {protocols: {grpc: {endpoint: "127.0.0.1:0"}}}}
exporters: {debug: {}}
service:
  telemetry: {metrics: {endpoint: none}}
  pipelines: {traces: {receivers: [otlp], exporters: [debug]}}
"""
NAMESPACE: Final = ["unshare", "--user", "--map-root-user", "--pid", "--fork", "--mount-proc"]
"""A process id namespace of its own: what runs in it is number 1, as in a container."""


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Write a config, where process id namespaces can be made."""
    if shutil.which("unshare") is None or subprocess.run([*NAMESPACE, "true"], check=False).returncode:
        missing("unshare(1) may not make a process id namespace here")
    path = tmp_path / "config.yaml"
    path.write_text(CONFIG)
    return path


@pytest.mark.parametrize("number", [SIGTERM, SIGINT], ids=["SIGTERM", "SIGINT"])
async def test_signals_reach_it(number: Signals, path: Path) -> None:
    """The kernel keeps signals without a handler from a first process: it has one for each that it needs."""
    command = [*NAMESPACE, sys.executable, "-m", "otel_llm", "run", "--config", str(path)]
    async with run(command, path.with_suffix(".log")) as program:

        async def said(line: str) -> bool | None:
            return True if line in program.output.splitlines() else None

        await eventually(lambda: said("ready"), "it was ready", program)
        first = child_of(program.pid)
        os.kill(first, SIGHUP)
        await eventually(lambda: said("reloaded"), "it had reloaded", program)
        os.kill(first, number)
        status = await program.wait()

        assert (0, True) == (status, await said("stopped"))


def child_of(pid: int) -> int:
    """Return the process id, in our namespace, of a process' only child, after a look at what it is in its own."""
    child = int(Path(f"/proc/{pid}/task/{pid}/children").read_text())
    ids = next(line for line in Path(f"/proc/{child}/status").read_text().splitlines() if line.startswith("NSpid:"))
    assert "1" == ids.split()[-1]
    return child
