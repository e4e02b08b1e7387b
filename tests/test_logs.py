from __future__ import annotations

import json
import logging
from typing import TYPE_CHECKING

import pytest

from otel_llm import logs

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture(autouse=True)
def _root_logger_as_it_was() -> Iterator[None]:
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    root.handlers[:], root.level = handlers, level


HOSTILE = 'a\r\nERROR forged \x1b[31m\x00 \u202e "quoted"'


@pytest.mark.parametrize("log_format", ["text", "json"])
def test_an_event_is_one_printable_line(log_format: logs.LogFormat, capsys: pytest.CaptureFixture[str]) -> None:
    """S6: what others named cannot begin a line, colour a terminal or hide what follows."""
    logs.configure("info", log_format)
    logging.getLogger("otel_llm.test").warning("got %s", HOSTILE)
    line = capsys.readouterr().err

    assert 1 == line.count("\n")
    assert line.strip().isprintable()


def test_json_lines_hold_time_level_logger_and_message(capsys: pytest.CaptureFixture[str]) -> None:
    """A log shipper reads each line as an object."""
    logs.configure("info", "json")
    logging.getLogger("otel_llm.test").warning("hello")
    event = json.loads(capsys.readouterr().err)

    assert {"level": "warning", "logger": "otel_llm.test", "message": "hello"} == {
        key: value for key, value in event.items() if key != "time"
    }
    assert event["time"].endswith("Z")


def test_a_long_message_is_cut(capsys: pytest.CaptureFixture[str]) -> None:
    """S6: one event is about a kilobyte at most."""
    logs.configure()
    logging.getLogger("otel_llm.test").error("x" * 1_000_000)

    assert len(capsys.readouterr().err) < 1200


def test_an_exceptions_text_is_left_out(capsys: pytest.CaptureFixture[str]) -> None:
    """The log says what kind of error and where; its text may quote what was received."""
    logs.configure()
    secret = "hunter2"
    try:
        int(secret)
    except ValueError:
        logging.getLogger("otel_llm.test").exception("failed")
    line = capsys.readouterr().err

    assert "ValueError" in line
    assert "test_logs.py" in line
    assert "hunter2" not in line


def test_events_below_the_level_are_not_written(capsys: pytest.CaptureFixture[str]) -> None:
    """The level is the least important that is written."""
    logs.configure("warn")
    logging.getLogger("otel_llm.test").info("quiet")

    assert "" == capsys.readouterr().err
