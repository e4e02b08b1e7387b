"""`otel-llm dead-letters`, over the files of a gateway that has been refused."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import orjson
import pytest
from typer.testing import CliRunner

from otel_llm.batch import Batch
from otel_llm.cli.app import make_app
from otel_llm.dead_letters import DeadLetters
from otel_llm.signals import Signal
from otel_llm.testing import make_request

if TYPE_CHECKING:
    from pathlib import Path

    from typer.testing import Result

SECRET = "text of a span"


@pytest.fixture
def config(tmp_path: Path) -> Path:
    """A config with two destinations that are files."""
    path = tmp_path / "config.yaml"
    path.write_text(f"""
receivers: {{otlp: {{protocols: {{http: {{endpoint: 127.0.0.1:4318}}}}}}}}
exporters:
  file/a: {{path: {tmp_path}/a.jsonl}}
  file/b: {{path: {tmp_path}/b.jsonl}}
extensions: {{storage: {{directory: {tmp_path}/var}}}}
service:
  extensions: [storage]
  telemetry: {{metrics: {{endpoint: null}}}}
  pipelines: {{traces: {{receivers: [otlp], exporters: [file/a, file/b]}}}}
""")
    return path


@pytest.fixture
async def letters(tmp_path: Path) -> None:
    """Two of one destination and one of another, which the config may not have any more."""
    for destination in ("file/a", "file/a", "gone"):
        store = DeadLetters(tmp_path / "var" / "dead-letters", destination, 1 << 20)
        assert await store.put(Batch(make_request({"gen_ai.system": SECRET}), Signal.TRACES), "http_400")


def dead_letters(*words: str, answer: str = "") -> Result:
    """Run the command."""
    return CliRunner().invoke(make_app(), ["dead-letters", *words], input=answer)


def listed(config: Path, *options: str) -> list[dict[str, Any]]:
    """Return what `list` says."""
    result = dead_letters("list", "--config", str(config), "--json", *options)
    assert 0 == result.exit_code, result.output
    return orjson.loads(result.stdout)  # type: ignore[no-any-return]  # a JSON list


@pytest.mark.usefixtures("letters")
class TestList:
    def test_all_are_listed_without_their_content(self, config: Path) -> None:
        """Time, destination, signal, items and reason; nothing of a span's text, in a table or as JSON."""
        rows = listed(config)
        table = dead_letters("list", "--config", str(config)).stdout

        assert [("file/a", 1, "http_400"), ("file/a", 1, "http_400"), ("gone", 1, "http_400")] == [
            (row["destination"], row["items"], row["reason"]) for row in rows
        ]
        assert 3 == table.count("http_400")
        assert SECRET not in table + str(rows)

    def test_one_destinations_are_listed(self, config: Path) -> None:
        """By the exporter's name in the config; another name is an error."""
        assert 2 == len(listed(config, "--destination", "file/a"))
        assert 2 == dead_letters_status("list", config, "--destination", "nobody")


def dead_letters_status(command: str, config: Path, *options: str) -> int:
    """Return a status that `main` gives: a `ConfigError` is 2."""
    from otel_llm.errors import ConfigError

    result = dead_letters(command, "--config", str(config), *options)
    return 2 if isinstance(result.exception, ConfigError) else result.exit_code


@pytest.mark.usefixtures("letters")
def test_replay_sends_what_can_be_sent(config: Path, tmp_path: Path) -> None:
    """What the destination takes is deleted; what has none any more stays, and makes the exit status 1."""
    result = dead_letters("replay", "--config", str(config))

    assert 1 == result.exit_code
    assert "file/a: 2 sent, 0 left" in result.stdout
    assert 2 == len((tmp_path / "a.jsonl").read_bytes().splitlines())
    assert ["gone"] == [row["destination"] for row in listed(config)]


@pytest.mark.usefixtures("letters")
def test_replay_keeps_what_is_refused_again(config: Path, tmp_path: Path) -> None:
    """A letter that the destination does not take is there afterwards, and the status says so."""
    (tmp_path / "a.jsonl").mkdir()  # where a file cannot be opened

    assert 0 != dead_letters("replay", "--config", str(config), "--destination", "file/a").exit_code
    assert 3 == len(listed(config))


@pytest.mark.usefixtures("letters")
class TestDrop:
    def test_it_asks(self, config: Path) -> None:
        """Without a yes nothing is deleted."""
        assert 1 == dead_letters("drop", "--config", str(config), answer="n\n").exit_code
        assert 3 == len(listed(config))

    def test_it_deletes(self, config: Path) -> None:
        """With a yes all of them are, or those of one destination."""
        result = dead_letters("drop", "--config", str(config), "--destination", "file/a", "--yes")

        assert "deleted 2 dead letters with 2 items" in result.stdout
        assert ["gone"] == [row["destination"] for row in listed(config)]


def test_a_config_that_keeps_none_is_an_error(config: Path) -> None:
    """Dead letters are kept beside a journal on disk."""
    config.write_text(config.read_text().replace("extensions: [storage]", "extensions: []"))

    assert 2 == dead_letters_status("list", config)
