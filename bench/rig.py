"""The rig: a sender, a contestant and a sink, all on this machine's loopback."""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import sys
import time
from contextlib import contextmanager
from importlib.metadata import version
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import IO, TYPE_CHECKING, Any, Final, Literal, NamedTuple

from bench import workloads

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["BENCH", "BenchError", "Contestant", "Rig", "Running", "Sent", "directory_on_disk", "otel_llm", "otelcol"]

BENCH: Final = Path(__file__).resolve().parent
_PATIENCE_S: Final = 20.0
"""How long to wait for a port to open, and for spans that do not come."""


class BenchError(Exception):
    """The benchmark cannot be run. Says what is missing."""


class Contestant(NamedTuple):
    """A program to measure, or one of the ways to run it."""

    name: str
    version: str
    command: tuple[str, ...]
    """What a config's path follows."""
    configs: str
    """They are `configs/<configs>-<task>.yaml`."""
    journal: Literal["memory", "disk"] = "memory"
    """Where its configs are told to let things wait."""


class Running(NamedTuple):
    """A contestant that takes requests."""

    pid: int
    address: str
    """`host:port` of its OTLP/gRPC receiver."""


class Sent(NamedTuple):
    """What bench/load's sender reports. Latencies are those of single attempts."""

    seconds: float
    requests: int
    spans: int
    """In requests that were answered with OK."""
    bytes: int
    retries: int
    failed: int
    """Requests that were given up."""
    codes: dict[str, int]
    """How often each gRPC status other than OK was answered."""
    p50_ms: float
    p99_ms: float
    max_ms: float


class Sink:
    """Takes every request and counts spans."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._process = process
        self.address = _pipe(process.stdout).readline().split()[1]
        """`host:port`."""

    def spans(self) -> int:
        """Return how many have arrived."""
        questions = _pipe(self._process.stdin)
        questions.write("?\n")
        questions.flush()
        return int(json.loads(_pipe(self._process.stdout).readline())["spans"])

    def wait_for(self, spans: int) -> int:
        """Wait for so many in all, as long as some arrive; return how many did."""
        before, arrived, progress = -1, self.spans(), time.monotonic()
        while arrived < spans and time.monotonic() - progress < _PATIENCE_S:
            time.sleep(0.05)
            before, arrived = arrived, self.spans()
            if arrived > before:
                progress = time.monotonic()
        return arrived


class Rig:
    """Builds bench/load and the workloads in a directory of its own, and runs them."""

    def __init__(self, directory: Path) -> None:
        """Build the sender and sink.

        Raises:
            BenchError: Go is missing.
        """
        if shutil.which("go") is None:
            raise BenchError("Go is not installed: the sender and sink in bench/load cannot be built")
        self._directory = directory
        self._load = directory / "load"
        subprocess.run(["go", "build", "-buildvcs=false", "-o", self._load, "."], cwd=BENCH / "load", check=True)

    @contextmanager
    def sink(self) -> Iterator[Sink]:
        """Run a sink."""
        with _process([str(self._load), "sink"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
            yield Sink(process)

    @contextmanager
    def running(self, contestant: Contestant, task: str, target: str) -> Iterator[Running]:
        """Run a contestant that forwards to *target*.

        Raises:
            BenchError: it does not open its port.
        """
        address = f"127.0.0.1:{_free_port()}"
        config = BENCH / "configs" / f"{contestant.configs}-{task}.yaml"
        log = self._directory / f"{contestant.name}-{task}.log"
        with TemporaryDirectory(dir=self._directory) as state, log.open("w") as output:
            environment = os.environ | {
                "BENCH_LISTEN": address,
                "BENCH_TARGET": target,
                "BENCH_JOURNAL": contestant.journal,
                "BENCH_STATE": state,
            }
            command = [*contestant.command, str(config)]
            with _process(command, env=environment, stdout=output, stderr=output) as process:
                if not _opened(address, process):
                    raise BenchError(f"{contestant.name} did not open its port with {config.name}:\n{log.read_text()}")
                yield Running(process.pid, address)

    def send(self, workload: str, target: str, requests: int, rate: float = 0.0) -> Sent:
        """Send so many requests of a workload; at *rate* a second, or as fast as they are answered."""
        frames = self._directory / f"{workload}.frames"
        if not frames.exists():
            workloads.write(workload, frames)
        flags = {"target": target, "frames": frames, "n": requests, "rate": rate}
        command = [str(self._load), "send", *(f"-{name}={value}" for name, value in flags.items())]
        return Sent(**json.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE).stdout))


def otel_llm(journal: Literal["memory", "disk"] = "memory") -> Contestant:
    """Return this checkout's gateway, which lets things wait in memory or on disk."""
    name = "otel-llm" if journal == "memory" else "otel-llm, disk"
    command = (sys.executable, "-m", "otel_llm", "run", "--config")
    return Contestant(name, version("otel-llm"), command, "otel-llm", journal)


def otelcol() -> Contestant | None:
    """Return the Collector that `make backends` builds, None where it is not."""
    places = (os.environ.get("OTEL_LLM_BACKENDS"), str(BENCH.parent / ".backends"), os.environ.get("PATH"))
    binary = shutil.which("otelcol", path=os.pathsep.join(place for place in places if place))
    if binary is None:
        return None
    said = subprocess.run([binary, "--version"], check=True, capture_output=True, text=True).stdout
    return Contestant("otelcol", said.split()[-1], (binary, "--config"), "otelcol")


@contextmanager
def directory_on_disk() -> Iterator[Path]:
    """Make a directory for a while, in this checkout: unlike /tmp, that is hardly ever in memory."""
    with TemporaryDirectory(dir=BENCH.parent, prefix=".bench-") as directory:
        yield Path(directory)


@contextmanager
def _process(command: list[str], **options: Any) -> Iterator[subprocess.Popen[str]]:
    """Run a process, and end it by its id."""
    with subprocess.Popen(command, **options) as process:
        try:
            yield process
        finally:
            process.terminate()
            try:
                process.wait(_PATIENCE_S)
            except subprocess.TimeoutExpired:
                process.kill()


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def _opened(address: str, process: subprocess.Popen[str]) -> bool:
    host, _, port = address.partition(":")
    deadline = time.monotonic() + _PATIENCE_S
    while process.poll() is None and time.monotonic() < deadline:
        try:
            socket.create_connection((host, int(port)), timeout=1).close()
        except OSError:
            time.sleep(0.05)
        else:
            return True
    return False


def _pipe(stream: IO[str] | None) -> IO[str]:
    if stream is None:
        raise BenchError("a process was started without pipes")
    return stream
