"""What the commands say of configs that are not safe, and never of what is secret."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import pytest
import yaml

from otel_llm.cli import main

ROOT = Path(__file__).parents[2]
CANARY = "s3cr3t-Canary-0123456789"
CONFIG = """
receivers:
  otlp:
    protocols:
      grpc:
        endpoint: HOST:0
        auth: {tokens: [{name: a, token: "${env:TOKEN}"}, {name: b, token_file: "${env:TOKEN_FILE}"}]}
processors: {redaction: {}}
exporters:
  otlphttp: {endpoint: "http://127.0.0.1:9", headers: {authorization: "Bearer ${env:TOKEN}-backend"}}
service:
  telemetry: {metrics: {endpoint: none}, logs: {level: debug}}
  pipelines: {traces: {receivers: [otlp], processors: [redaction], exporters: [otlphttp]}}
"""
WARNING = "receivers.otlp.protocols.grpc: auth: without tls, whoever is on the way can read the tokens"


class Done(NamedTuple):
    """How a command has ended."""

    status: int
    out: str
    err: str


Run = Callable[..., Done]


@pytest.fixture
def otel_llm(token_file: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    """Run a command to its end, with tokens in the environment and in a file."""
    monkeypatch.setenv("TOKEN", CANARY)
    monkeypatch.setenv("TOKEN_FILE", str(token_file))

    def run(*arguments: str, **environment: str) -> Done:
        for name, value in environment.items():
            monkeypatch.setenv(name, value)
        monkeypatch.setattr(sys, "argv", ["otel-llm", *arguments])
        with pytest.raises(SystemExit) as ended:
            main()
        return Done(int(ended.value.code or 0), *capsys.readouterr())

    return run


@pytest.fixture
def token_file(tmp_path: Path) -> Path:
    """Return a file with a token."""
    path = tmp_path / "token"
    path.touch(0o600)
    path.write_text("other\n")
    return path


@pytest.fixture
def config(tmp_path: Path) -> Path:
    """Return a config that is safe on this machine."""
    path = tmp_path / "config.yaml"
    path.write_text(CONFIG.replace("HOST", "127.0.0.1"))
    return path


@pytest.fixture
def unsafe(config: Path) -> Path:
    """Return a config that other machines reach."""
    config.write_text(CONFIG.replace("HOST", "0.0.0.0"))
    return config


def test_validate_warns_of_what_is_not_safe(otel_llm: Run, unsafe: Path) -> None:
    """With its place; the config is valid."""
    assert Done(0, f"{unsafe}: valid\n", f"warning: {WARNING}\n") == otel_llm("validate", "--config", str(unsafe))


def test_strict_refuses_it(otel_llm: Run, unsafe: Path) -> None:
    """Exit 2, as with any config that cannot be used."""
    assert Done(2, "", f"error: {WARNING}\n") == otel_llm("validate", "--strict", "--config", str(unsafe))


def test_strict_takes_what_is_safe(otel_llm: Run, config: Path) -> None:
    """Exit 0, without a word."""
    assert Done(0, f"{config}: valid\n", "") == otel_llm("validate", "--strict", "--config", str(config))


def test_run_warns_or_refuses_as_well(unsafe: Path, token_file: Path) -> None:
    """Before anything listens."""
    environment = {**os.environ, "TOKEN": CANARY, "TOKEN_FILE": str(token_file)}
    command = [sys.executable, "-m", "otel_llm", "run", "--config", str(unsafe)]
    refused = subprocess.run([*command, "--strict"], capture_output=True, text=True, check=False, env=environment)
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment) as run:
        assert run.stdout is not None
        while run.stdout.readline() != "ready\n":
            pass
        run.terminate()
        out, err = run.communicate()

    assert (2, "", f"error: {WARNING}\n") == (refused.returncode, refused.stdout, refused.stderr)
    assert 0 == run.returncode
    assert 1 == err.count(WARNING)
    assert CANARY not in out + err


def test_files_are_checked(otel_llm: Run, config: Path) -> None:
    """C10: exit 2 with the place of what is missing, and without the path, which may be the token itself."""
    done = otel_llm("validate", "--config", str(config), TOKEN_FILE=CANARY)
    place = "receivers.otlp.protocols.grpc.auth.tokens.1.token_file"

    assert Done(2, "", f"error: {place}: cannot be read: No such file or directory\n") == done


def test_the_config_is_shown_without_secrets(otel_llm: Run, config: Path) -> None:
    """C10: `--print-config` prints YAML with every default, and [REDACTED] for secrets."""
    done = otel_llm("validate", "--print-config", "--config", str(config))
    shown = yaml.safe_load(done.out)

    assert 0 == done.status
    assert {"authorization": "[REDACTED]"} == shown["exporters"]["otlphttp"]["headers"]
    assert ["[REDACTED]", None] == [
        token.get("token") for token in shown["receivers"]["otlp"]["protocols"]["grpc"]["auth"]["tokens"]
    ]
    assert "5s" == shown["service"]["shutdown"]["grace"]


@pytest.mark.parametrize(
    ("text", "status"),
    [
        (CONFIG, 0),
        (CONFIG.replace("name: b", "name: a"), 2),
        (CONFIG.replace('"${env:TOKEN}"', '"${env:TOKEN} "'), 2),
        (CONFIG.replace("token: ", "token_file: f, token: "), 2),
        (CONFIG.replace("token: ", "tokn: "), 2),
        (CONFIG.replace("name: a", 'name: "${env:TOKEN}!"'), 2),
        (CONFIG.replace("Bearer ${env:TOKEN}", "Bearer ${env:TOKEN}\\n"), 2),
        (CONFIG.replace("endpoint: HOST:0", 'endpoint: "${env:TOKEN}"'), 2),
        (CONFIG.replace("[otlphttp]", '["${env:TOKEN}"]'), 2),
    ],
)
def test_no_output_shows_a_secret(otel_llm: Run, config: Path, text: str, status: int) -> None:
    """C10, S5: whatever is wrong with the config, whatever is asked for."""
    config.write_text(text.replace("HOST", "127.0.0.1"))
    for arguments in (["validate"], ["validate", "--strict"], ["validate", "--print-config"]):
        done = otel_llm(*arguments, "--config", str(config))
        assert CANARY not in done.out + done.err
        assert status == done.status
