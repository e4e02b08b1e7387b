"""The exporter `debug`, on standard output."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING, Any, TextIO

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.trace.v1.trace_pb2 import Status

from otel_llm.batch import Batch
from otel_llm.errors import Permanent
from otel_llm.exporters.debug import factory
from otel_llm.exporters.debug.line import details_of, line_of
from otel_llm.signals import Signal
from otel_llm.testing import make_request, make_span

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.exporters.backends import Start

CALL: dict[str, Any] = {
    "gen_ai.operation.name": "chat",
    "gen_ai.request.model": "gpt-4o",
    "gen_ai.usage.input_tokens": 1200,
    "gen_ai.usage.output_tokens": 85,
}


def line(attributes: dict[str, Any]) -> str:
    """Return the line of a span."""
    return " ".join(text for text, _ in line_of(make_span(attributes)))


async def test_a_line_for_each_gen_ai_span(started: Start, capsys: pytest.CaptureFixture[str]) -> None:
    """A gen_ai span is a line: when, who, what, tokens, cost, how long, how it ended. Other spans are none."""
    exporter = await started(factory.build())

    await exporter.export(Batch(make_request({**CALL, "otel_llm.cost.total_usd": 0.00385}, {"http.route": "/"})))

    assert "2026-09-21T14:13:21.000Z test chat gpt-4o in=1200 out=85 $0.00385 1.000s ok\n" == capsys.readouterr().out


@pytest.mark.parametrize(
    ("attributes", "expected"),
    [
        ({}, " out=85 - 1.000s ok"),
        ({"otel_llm.cost.status": "not_billable"}, " out=85 not_billable 1.000s ok"),
        ({"otel_llm.cost.status": "invalid_usage"}, " out=85 invalid_usage 1.000s ok"),
        ({"otel_llm.cost.status": "unpriced", "otel_llm.cost.unpriced_reason": "no_price"}, " unpriced:no_price "),
        ({"otel_llm.cost.total_usd": 0.0}, " $0.0 "),
        ({"otel_llm.cost.total_usd": 1.2e-9}, " $0.0000000012 "),
        ({"gen_ai.response.model": "gpt-4o-2024-08-06"}, " chat gpt-4o-2024-08-06 in="),
        ({"gen_ai.usage.input_tokens": "many"}, " in=- out=85 "),
        ({"otel_llm.guardrail.findings": ["injection.override", "schema.x"]}, " ok injection.override,schema.x"),
    ],
)
def test_what_a_line_says(attributes: dict[str, Any], expected: str) -> None:
    """A cost that is unknown is said to be so, never $0; what answered comes before what was asked for."""
    assert expected in line({**CALL, **attributes})


async def test_an_error(started: Start, capsys: pytest.CaptureFixture[str]) -> None:
    """A call that failed shows the type of its error, not its message."""
    request = ExportTraceServiceRequest.FromString(make_request({**CALL, "error.type": "rate_limit"}))
    status = request.resource_spans[0].scope_spans[0].spans[0].status
    status.code = Status.STATUS_CODE_ERROR
    status.message = "the prompt was: canary"
    exporter = await started(factory.build())

    await exporter.export(Batch(request.SerializeToString()))

    printed = capsys.readouterr().out
    assert printed.endswith(" error:rate_limit\n")
    assert "canary" not in printed


@pytest.mark.parametrize(
    ("batch", "expected"),
    [
        (Batch(make_request({"http.route": "/"}, {})), "spans without gen_ai: 2\n"),
        (Batch(b"", Signal.LOGS, item_count=3), "log_records without gen_ai: 3\n"),
        (Batch(b"", Signal.METRICS, item_count=4), "metric_points without gen_ai: 4\n"),
    ],
    ids=["spans", "logs", "metrics"],
)
async def test_other_batches_are_counted(
    started: Start, capsys: pytest.CaptureFixture[str], batch: Batch, expected: str
) -> None:
    """Of a batch without gen_ai spans its size is printed."""
    exporter = await started(factory.build())

    await exporter.export(batch)

    assert expected == capsys.readouterr().out


async def test_detailed(started: Start, capsys: pytest.CaptureFixture[str]) -> None:
    """In detail every attribute is named, with its value where that cannot be content, else with its length."""
    exporter = await started(factory.build({"verbosity": "detailed"}))
    attributes = {**CALL, "gen_ai.input.messages": "canary", "llm.prompts": ["canary"], "raw": b"canary", "none": None}

    await exporter.export(Batch(make_request(attributes)))

    printed = capsys.readouterr().out
    assert "canary" not in printed
    assert [
        "    trace_id=0102030405060708090a0b0c0d0e0f10 span_id=0000000000000001 parent_span_id=",
        "    scope=test -",
        "    gen_ai.input.messages=(str of length 6)",
        "    gen_ai.operation.name=chat",
        "    gen_ai.request.model=gpt-4o",
        "    gen_ai.usage.input_tokens=1200",
        "    gen_ai.usage.output_tokens=85",
        "    llm.prompts=(list of length 1)",
        "    none=None",
        "    raw=(bytes of length 6)",
    ] == printed.splitlines()[1:]


CONTENT = [
    "gen_ai.input.messages",
    "gen_ai.output.messages",
    "gen_ai.system_instructions",
    "gen_ai.prompt.0.content",
    "gen_ai.completion.0.content",
    "gen_ai.tool.call.arguments",
    "gen_ai.conversation.id",
    "traceloop.entity.input",
    "input.value",
    "user.id",
]


@pytest.mark.parametrize("key", CONTENT)
def test_content_is_never_printed(key: str) -> None:
    """What was said is in no line, nor are the span's name and status, which may quote it."""
    span = make_span({**CALL, key: "canary"}, name="canary")

    assert "canary" not in line({**CALL, key: "canary"})
    assert "canary" not in "".join(details_of(span))


@settings(deadline=None)
@given(text=st.text(min_size=1))
def test_values_cannot_steer_a_terminal(text: str) -> None:
    """Whatever a value holds, its span is one printable line (S6)."""
    attributes = {**CALL, "gen_ai.request.model": text, "otel_llm.guardrail.findings": [text], "error.type": text}

    assert line(attributes).isprintable()
    assert all(detail.isprintable() for detail in details_of(make_span({**attributes, text: text}, scope=text)))


def test_long_values_are_cut() -> None:
    """A value of any length leaves the line short."""
    assert len(line({**CALL, "gen_ai.request.model": "m" * 1_000_000})) < 250


@pytest.fixture
def terminal(monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[int, TextIO]]:
    """A terminal: where to read what it shows, and where to write."""
    leader, follower = os.openpty()
    os.set_blocking(leader, False)
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.delenv("NO_COLOR", raising=False)
    with os.fdopen(follower, "w", encoding="utf-8") as stdout:
        yield leader, stdout
    os.close(leader)


async def test_colours_on_a_terminal(
    started: Start, terminal: tuple[int, TextIO], monkeypatch: pytest.MonkeyPatch
) -> None:
    """On a terminal, and only there, lines have colours; they say the same and do not wrap."""
    screen, stdout = terminal
    monkeypatch.setattr(sys, "stdout", stdout)
    exporter = await started(factory.build())

    await exporter.export(Batch(make_request({**CALL, "gen_ai.request.model": "m" * 80, "error.type": "[bold]x"})))

    printed = os.read(screen, 4096).decode()
    assert "\x1b[" in printed
    assert "m" * 80 in printed
    assert 1 == printed.count("\n")


@pytest.fixture
def closed_pipe() -> Iterator[TextIO]:
    """A pipe that nobody reads."""
    reader, writer = os.pipe()
    os.close(reader)
    pipe = os.fdopen(writer, "w", encoding="utf-8")
    yield pipe
    with pytest.raises(BrokenPipeError):  # what could not be written is tried once more
        pipe.close()


async def test_standard_output_is_closed(started: Start, closed_pipe: TextIO, monkeypatch: pytest.MonkeyPatch) -> None:
    """When nobody reads any longer batches are dropped, not kept for ever."""
    monkeypatch.setattr(sys, "stdout", closed_pipe)
    exporter = await started(factory.build())

    with pytest.raises(Permanent) as raised:
        await exporter.export(Batch(make_request(CALL)))

    assert "stdout" == raised.value.reason
