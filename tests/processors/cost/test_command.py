from __future__ import annotations

import json
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest
import typer
from typer.testing import CliRunner

from otel_llm_processors.cost.command import price
from otel_llm_processors.cost.prices import bundled_prices

if TYPE_CHECKING:
    from pathlib import Path

    from typer.testing import Result

app = typer.Typer()
app.command()(price)


def run(*args: str) -> Result:
    """Run the command."""
    return CliRunner().invoke(app, args)


def quoted(*args: str) -> dict[str, Any]:
    """Return what it prints with --json."""
    result = run(*args, "--json")
    assert 0 == result.exit_code, result.output
    return dict(json.loads(result.stdout))


def test_json_tells_the_cost_and_why() -> None:
    """Amounts are decimal strings; what was matched and by which prices stands beside them."""
    call = ("--provider", "aws.bedrock", "--input", "1000000", "--output", "10", "--cache-read", "200")

    assert {
        "provider": "aws",
        "model": "regional.anthropic.claude-3-haiku-20240307-v1:0",
        "source": "genai-prices",
        "price_version": bundled_prices().version,
        "at": "2026-03-01T00:00:00+00:00",
        "above_input_tokens": None,
    } == {
        key: value
        for key, value in quoted("anthropic.claude-3-haiku-20240307-v1:0", *call, "--at", "2026-03-01").items()
        if key not in {"parts", "total_usd"}
    }


def test_parts_are_shown_with_their_rates() -> None:
    """Each part has what is charged, at which rate, and what that makes: input without what was cached."""
    call = quoted(
        *("claude-sonnet-4-5", "--provider", "anthropic", "--at", "2026-01-01", "--input", "250000"),
        *("--output", "1000", "--cache-read", "1000", "--cache-write", "9"),
    )

    assert 200_000 == call["above_input_tokens"]
    assert [
        {"part": "input", "quantity": 248_991, "usd_per_million": "6", "usd": "1.493946"},
        {"part": "cache_read", "quantity": 1000, "usd_per_million": "0.6", "usd": "0.0006"},
        {"part": "cache_write", "quantity": 9, "usd_per_million": "7.5", "usd": "0.0000675"},
        {"part": "output", "quantity": 1000, "usd_per_million": "22.5", "usd": "0.0225"},
    ] == call["parts"]
    assert "1.5171135" == call["total_usd"]


@pytest.mark.parametrize(("at", "total"), [("2025-06-01", "10"), ("2025-06-20", "2")])
def test_a_call_of_the_past_has_the_price_of_the_past(at: str, total: str) -> None:
    """The price is the one that held when the call began."""
    assert total == quoted("o3", "--input", "1000000", "--at", at)["total_usd"]


def test_a_table_shows_the_same_to_people() -> None:
    """Without --json there is a table, its total, and what it is from."""
    result = run("gpt-4o", "--provider", "openai", "--input", "1000", "--output", "100", "--at", "2026-03-01")

    assert 0 == result.exit_code
    assert ["total", "0.0035"] in [line.split() for line in result.stdout.splitlines()]
    assert "gpt-4o from openai, as genai-prices" in result.stdout


@pytest.mark.parametrize(
    ("args", "message"),
    [
        (("made-up",), "no such provider"),
        (("made-up", "--provider", "openai"), "the provider has no such model"),
        (("whisper-1", "--input", "5"), "not what all of these tokens cost"),
        (("gpt-4o", "--input", "5", "--cache-read", "6"), "a part of the tokens is more than the whole"),
    ],
)
def test_without_a_price_it_says_why_and_fails(args: tuple[str, ...], message: str) -> None:
    """Unknown is not free: nothing on stdout, the reason on stderr, exit code 1."""
    result = run(*args)

    assert (1, "") == (result.exit_code, result.stdout)
    assert message in result.stderr


@pytest.mark.parametrize("tokens", ["-1", "1.5", "1000000000000000", "many"])
def test_a_wrong_count_is_a_usage_error(tokens: str) -> None:
    """The command takes the counts that a span may carry, and no others."""
    assert 2 == run("gpt-4o", "--input", tokens).exit_code


CONFIG = """
receivers: {{otlp: {{}}}}
processors: {{{processors}}}
exporters: {{debug: {{}}}}
service:
  pipelines: {{traces: {{receivers: [otlp], processors: [{names}], exporters: [debug]}}}}
"""


@pytest.fixture
def config(tmp_path: Path) -> Path:
    """Return a config with prices of its own, inline and in a file."""
    prices = tmp_path / "prices.yaml"
    prices.write_text("prices: [{model: filed, usd_per_million: {input: 3}}]")
    cost = (
        "cost: {prices: {overrides: [{model: gpt-4o, discount: 0.5}, "
        "{model: mine, usd_per_million: {input: 1, output: 2}, usd_per_request: 0.01}, "
        f"{{model: eu, server: eu.*, same_as: gpt-4o, surcharge: 0.1}}], files: ['{prices}']}}}}"
    )
    path = tmp_path / "config.yaml"
    path.write_text(CONFIG.format(processors=cost, names="cost"))
    return path


@pytest.mark.parametrize(
    ("args", "source", "total"),
    [
        (("gpt-4o", "--provider", "openai", "--input", "1000000"), "genai-prices", "1.25"),
        (("mine", "--input", "1000000", "--output", "5"), "config", "1.01001"),
        (("filed", "--input", "1000000"), "file", "3"),
        (("eu", "--provider", "openai", "--server", "eu.api.openai.com", "--input", "1000000"), "genai-prices", "2.75"),
    ],
)
def test_the_prices_of_a_config_come_first(config: Path, args: tuple[str, ...], source: str, total: str) -> None:
    """Overrides, files, deployments and surcharges count as they do for a span."""
    call = quoted(*args, "--config", str(config))

    assert (source, total) == (call["source"], call["total_usd"])


def test_a_service_tier_and_a_longer_cache_change_the_price() -> None:
    """What a span may say of a call, the command may too; of several prices in a part the average is shown."""
    flex = quoted("gpt-5", "--provider", "openai", "--input", "1000000", "--service-tier", "flex", "--at", "2026-11-20")
    cached = quoted(
        *("claude-opus-4-6", "--provider", "anthropic", "--input", "5000"),
        *("--cache-write", "1000", "--cache-write-1h", "400", "--at", "2026-11-20"),
    )

    assert "0.625" == flex["total_usd"]
    assert {"part": "cache_write", "quantity": 1000, "usd_per_million": "7.75", "usd": "0.00775"} == cached["parts"][1]


def test_a_config_without_or_with_several_cost_processors_is_refused(tmp_path: Path) -> None:
    """Which prices are meant must be clear: exit status 2, and what there is; a name settles it."""
    path = tmp_path / "config.yaml"
    outcomes = []
    for processors, names, more in (
        ("", "", ()),
        ("cost/a: {}, cost/b: {}", "cost/a, cost/b", ()),
        ("cost/a: {}, cost/b: {}", "cost/a, cost/b", ("--processor", "cost/b")),
    ):
        path.write_text(CONFIG.format(processors=processors, names=names))
        done = subprocess.run(
            [sys.executable, "-m", "otel_llm", "price", "gpt-4o", "--input", "1", "--config", str(path), *more],
            capture_output=True, text=True, check=False, timeout=60, env={"PYTHONPATH": ":".join(sys.path)},
        )  # fmt: skip
        outcomes.append((done.returncode, done.stderr))

    assert [
        (2, f"error: {path}: cannot tell the cost processor to use; in use: none\n"),
        (2, f"error: {path}: cannot tell the cost processor to use; in use: cost/a, cost/b\n"),
        (0, ""),
    ] == outcomes
