from __future__ import annotations

import json
import signal
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Sequence

ROOT = Path(__file__).parents[2]
CONFIG = """
receivers: {otlp: {protocols: {grpc: {endpoint: "127.0.0.1:0"}}}}
processors: {gen_ai_normalizer: {}, cost: {}}
exporters: {debug: {}}
service:
  telemetry: {metrics: {endpoint: none}}
  pipelines: {traces: {receivers: [otlp], processors: [gen_ai_normalizer, cost], exporters: [debug]}}
"""
SPAN = {
    "traceId": "0102030405060708090a0b0c0d0e0f10",
    "spanId": "0102030405060708",
    "name": "chat gpt-4o",
    "startTimeUnixNano": "1790000000000000000",
    "endTimeUnixNano": "1790000001000000000",
    "attributes": [
        {"key": "gen_ai.operation.name", "value": {"stringValue": "chat"}},
        {"key": "gen_ai.system", "value": {"stringValue": "openai"}},
        {"key": "gen_ai.request.model", "value": {"stringValue": "gpt-4o"}},
        {"key": "gen_ai.usage.prompt_tokens", "value": {"intValue": "1000"}},
        {"key": "gen_ai.usage.completion_tokens", "value": {"intValue": 100}},
    ],
}


def otel_llm(*arguments: str, stdin: str = "") -> subprocess.CompletedProcess[str]:
    """Run a command to its end."""
    return subprocess.run(
        [sys.executable, "-m", "otel_llm", *arguments],
        input=stdin, capture_output=True, text=True, check=False, timeout=60, cwd=ROOT,
    )  # fmt: skip


def request(*spans: object) -> str:
    """Return an export request in JSON."""
    return json.dumps({"resourceSpans": [{"scopeSpans": [{"spans": list(spans)}]}]})


@pytest.fixture
def config(tmp_path: Path) -> Path:
    """Return a config that any test can run."""
    path = tmp_path / "config.yaml"
    path.write_text(CONFIG)
    return path


def attributes(line: str) -> dict[str, object]:
    """Return the attributes of the first span, as JSON has them."""
    span = json.loads(line)["resourceSpans"][0]["scopeSpans"][0]["spans"][0]
    return {pair["key"]: next(iter(pair["value"].values())) for pair in span["attributes"]}


def test_help_lists_every_command() -> None:
    """Built-in commands and those that components bring along."""
    shown = otel_llm("--help").stdout

    assert [] == [
        name for name in ("run", "validate", "components", "process", "demo", "price") if f" {name} " not in shown
    ]


def test_an_unknown_command_is_refused() -> None:
    """A typo ends with status 2."""
    assert 2 == otel_llm("rnu").returncode


class TestValidate:
    def test_a_good_config_is_said_to_be_good(self, config: Path) -> None:
        """Exit 0."""
        done = otel_llm("validate", "--config", str(config))

        assert (0, f"{config}: valid\n") == (done.returncode, done.stdout)

    def test_all_errors_are_shown_with_their_place(self, config: Path) -> None:
        """Exit 2, one line for each problem, the nearest known name suggested."""
        config.write_text(CONFIG.replace("debug: {}", "debug: {verbsity: basic}").replace("cost]", "csot]"))
        done = otel_llm("validate", "--config", str(config))

        assert 2 == done.returncode
        assert f"{config}:4: exporters.debug.verbsity: unknown key (did you mean verbosity?)" in done.stderr
        assert "csot" in done.stderr
        assert "did you mean cost?" in done.stderr

    def test_a_file_that_is_not_there_is_named(self, tmp_path: Path) -> None:
        """Exit 2, like every config error."""
        done = otel_llm("validate", "--config", str(tmp_path / "nope.yaml"))

        assert 2 == done.returncode
        assert "nope.yaml: cannot be read: No such file or directory" in done.stderr


class TestComponents:
    def test_what_is_installed_is_listed(self) -> None:
        """Each with its kind, name, stability and distribution."""
        found = json.loads(otel_llm("components", "--json").stdout)
        names = {(each["kind"], each["name"]) for each in found}

        assert {
            ("receiver", "otlp"), ("processor", "gen_ai_normalizer"), ("processor", "cost"), ("exporter", "otlp"),
            ("exporter", "otlphttp"), ("exporter", "debug"), ("exporter", "file"), ("extension", "health"),
            ("extension", "storage"),
        } <= names  # fmt: skip
        assert {"otel-llm"} == {each["distribution"] for each in found}

    def test_people_get_a_table(self) -> None:
        """One row each."""
        assert "gen_ai_normalizer" in otel_llm("components").stdout


class TestProcess:
    def test_a_request_goes_through_the_processors(self, config: Path) -> None:
        """One line in, one line out, normalised and priced."""
        done = otel_llm("process", "--config", str(config), stdin=request(SPAN) + "\n")
        found = attributes(done.stdout)

        assert (0, "") == (done.returncode, done.stderr)
        assert ("openai", "1000", "priced") == (
            found["gen_ai.provider.name"], found["gen_ai.usage.input_tokens"], found["otel_llm.cost.status"],
        )  # fmt: skip
        assert 0.0035 == pytest.approx(found["otel_llm.cost.total_usd"])

    def test_a_bad_line_is_named_and_the_others_go_on(self, config: Path) -> None:
        """Its number on standard error, {} in its place, exit 1 at the end."""
        lines = [request(SPAN), "not json", "", request(SPAN)]
        done = otel_llm("process", "--config", str(config), stdin="\n".join(lines))
        out = done.stdout.splitlines()

        assert 1 == done.returncode
        assert [False, True, True, False] == [line == "{}" for line in out]
        assert ["line 2:", "line 3:"] == [line[:7] for line in done.stderr.splitlines()]

    def test_a_span_with_an_invalid_id_is_left_out_and_named(self, config: Path) -> None:
        """The rest of the line goes on."""
        done = otel_llm("process", "--config", str(config), stdin=request({**SPAN, "spanId": "00"}, SPAN))

        assert 1 == done.returncode
        assert "line 1: 1 items with invalid ids left out" in done.stderr
        assert "chat" == attributes(done.stdout)["gen_ai.operation.name"]

    def test_a_signal_without_pipeline_is_a_config_error(self, config: Path) -> None:
        """Exit 2, and what there is is named."""
        done = otel_llm("process", "--config", str(config), "--signal", "logs")

        assert 2 == done.returncode
        assert "service.pipelines: cannot tell the logs pipeline to use; defined: none" in done.stderr


class TestRun:
    def test_it_says_where_it_listens_and_stops_cleanly(self, config: Path) -> None:
        """SIGTERM ends it with status 0, after a line for each place that it listens at and sends to."""
        process = start("run", "--config", str(config))
        lines = until_ready(process)
        process.send_signal(signal.SIGTERM)
        rest, _ = process.communicate(timeout=30)

        assert 0 == process.returncode
        assert lines[0].startswith("listening  receivers.otlp.protocols.grpc.endpoint  127.0.0.1:")
        assert lines[1].startswith("sending    exporters.debug")
        assert ["stopping", "stopped"] == rest.splitlines()

    def test_the_demo_shows_priced_spans(self, config: Path) -> None:
        """A newcomer sees what it does without an application or a backend."""
        process = start("run", "--config", str(config))
        address = next(line.split()[-1] for line in until_ready(process) if line.startswith("listening"))
        sent = otel_llm("demo", "--endpoint", address, "--traces", "7")
        process.send_signal(signal.SIGINT)
        shown, _ = process.communicate(timeout=30)

        assert (0, 0) == (sent.returncode, process.returncode)
        assert "gpt-4o" in shown
        assert "Where is my parcel?" not in shown

    def test_a_bad_config_does_not_start(self, config: Path) -> None:
        """Exit 2."""
        config.write_text("receivers: [")

        assert 2 == otel_llm("run", "--config", str(config)).returncode


def start(*arguments: str) -> subprocess.Popen[str]:
    """Start a command that goes on."""
    return subprocess.Popen([sys.executable, "-m", "otel_llm", *arguments], stdout=subprocess.PIPE, text=True, cwd=ROOT)


def until_ready(process: subprocess.Popen[str]) -> Sequence[str]:
    """Return what it printed before it was ready."""
    assert process.stdout is not None
    lines: list[str] = []
    for line in process.stdout:
        if line == "ready\n":
            break
        lines.append(line.rstrip("\n"))
    return lines
