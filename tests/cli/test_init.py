from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import yaml

from otel_llm.budget.file import read_budgets
from otel_llm.config import load_config
from otel_llm.scaffold import BACKENDS, BUDGETS_FILE, render

if TYPE_CHECKING:
    from collections.abc import Sequence

ROOT = Path(__file__).parents[2]
READY = {path.stem for path in ROOT.glob("collector-config/*.yaml")} - {"default", "beside-otelcol", "guardrail"}


def init(directory: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Write to a directory, with nobody to ask."""
    command = [sys.executable, "-m", "otel_llm", "init", "-o", str(directory / "otel-llm.yaml"), *arguments]
    return subprocess.run(
        command, cwd=ROOT, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False, timeout=60
    )


def test_every_ready_config_has_a_backend() -> None:
    """And one more, which needs none."""
    assert READY | {"debug"} == set(BACKENDS)


@pytest.mark.parametrize("backend", sorted(READY))
def test_a_backend_is_sent_to_as_by_its_ready_config(backend: str) -> None:
    """What is written in two places is the same."""
    ready = yaml.safe_load((ROOT / "collector-config" / f"{backend}.yaml").read_text())

    assert ready["exporters"] == yaml.safe_load(render(backend, []))["exporters"]


@pytest.mark.parametrize("backend", sorted(BACKENDS))
def test_what_is_written_is_valid(backend: str) -> None:
    """With what it asks for in the environment, and nothing else."""
    environ = dict.fromkeys(BACKENDS[backend].environment, "https://example.com")

    config = load_config(
        render(backend, ["cost", "gen_ai_normalizer", "of_a_third_party", "redaction"]), environ=environ
    )

    assert ["gen_ai_normalizer", "cost", "redaction"] == list(config.processors)
    assert [] == config.warnings


def test_budgets_come_with_what_they_need() -> None:
    """The processor that marks calls, the store that charges them, and a file to begin with."""
    config = load_config(
        render("jaeger", ["cost", "gen_ai_normalizer", "redaction", "budget"], budgets=True), environ={}
    )

    assert "budget" in config.service.pipelines["traces"].processors
    assert "store" in config.service.pipelines["traces"].exporters
    read_budgets("budgets.yml", BUDGETS_FILE.encode())  # raises what is wrong with it


def test_the_command_says_what_comes_next(tmp_path: Path) -> None:
    """Which variables are missing, and where apps send."""
    done = init(tmp_path, "--backend", "honeycomb", "--instrumentation", "openllmetry")

    assert 0 == done.returncode, done.stderr
    assert "export HONEYCOMB_API_KEY=" in done.stdout
    assert "export TRACELOOP_BASE_URL=http://127.0.0.1:4318" in done.stdout
    assert "# otel-llm in front of Honeycomb." in (tmp_path / "otel-llm.yaml").read_text()


def test_langfuses_own_client_finds_its_path(tmp_path: Path) -> None:
    """It sends to Langfuse's path, wherever it is told to send."""
    init(tmp_path, "--instrumentation", "langfuse")

    written = yaml.safe_load((tmp_path / "otel-llm.yaml").read_text())
    assert "/api/public/otel/v1/traces" == written["receivers"]["otlp"]["protocols"]["http"]["traces_url_path"]


def test_a_file_that_is_there_is_kept(tmp_path: Path) -> None:
    """Unless it is said otherwise."""
    path = tmp_path / "otel-llm.yaml"
    path.write_text("mine")

    refused = init(tmp_path)
    assert (2, "mine") == (refused.returncode, path.read_text())
    assert "--force" in refused.stderr

    assert 0 == init(tmp_path, "--force").returncode
    assert "mine" != path.read_text()


@pytest.mark.parametrize("arguments", [["--backend", "nonsense"], ["-o", "no/such/directory.yaml"]])
def test_what_cannot_be_done_is_said(arguments: Sequence[str], tmp_path: Path) -> None:
    """With the status of a wrong command."""
    done = init(tmp_path, *arguments)

    assert 2 == done.returncode
    assert "Traceback" not in done.stderr
