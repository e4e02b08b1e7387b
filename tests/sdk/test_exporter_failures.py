from __future__ import annotations

import logging
from typing import TYPE_CHECKING

import pytest
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export import SpanExporter, SpanExportResult

from otel_llm.sdk import wrap
from tests.sdk.app import identity
from tests.sdk.steps import ClosedSteps, Steps

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from tests.sdk.app import App


def test_a_processor_that_fails_costs_its_step(app: App, steps: Callable[[type[Steps]], None]) -> None:
    """The span goes on, marked; or, where the processor fails closed, without its texts."""
    steps(Steps)
    app.tracer.start_span("fail", attributes={"text": "words"}).end()

    (span,) = app.spans
    assert ("fail", "words") == (span.name, (span.attributes or {})["text"])
    assert ["steps"] == (span.attributes or {})["otel_llm.processor.errors"]


def test_a_processor_that_fails_closed_lets_no_text_through(app: App, steps: Callable[[type[Steps]], None]) -> None:
    """What could not be checked is taken away."""
    steps(ClosedSteps)
    app.tracer.start_span("fail", attributes={"text": "words"}).end()

    (span,) = app.spans
    assert "words" not in span.to_json()
    assert "[UNSCANNED:error]" == span.name


@pytest.mark.parametrize(("kind", "exported"), [(Steps, 1), (ClosedSteps, 0)])
def test_a_bug_in_between_costs_spans_only_where_the_chain_fails_closed(
    app: App,
    steps: Callable[[type[Steps]], None],
    monkeypatch: pytest.MonkeyPatch,
    kind: type[Steps],
    exported: int,
) -> None:
    """If encoding and decoding themselves fail, spans leave as they are, or not at all."""
    steps(kind)
    monkeypatch.setattr("otel_llm.sdk.readable.Batch", None)

    app.tracer.start_span("x").end()

    assert exported == len(app.spans)
    assert 1 - exported == app.counted("sdk_dropped_spans_total", reason="internal_error")


def test_what_cannot_be_encoded_does_not_leave_unseen(app: App, steps: Callable[[type[Steps]], None]) -> None:
    """An attribute that OTLP cannot hold was seen by no processor; the rest of its span goes on without it."""
    steps(ClosedSteps)
    app.exporter.export([ReadableSpan("x", *identity(1), attributes={"odd": "\ud800", "even": "ok"})])

    (span,) = app.spans
    assert {"even": "ok"} == dict(span.attributes or {})


def test_a_span_that_cannot_be_encoded_costs_no_other(app: App) -> None:
    """A name that no UTF-8 can hold costs that span."""
    spans = [ReadableSpan(name, *identity(n)) for n, name in enumerate(("a", "\ud800", "b"))]

    app.exporter.export(spans)

    assert ["a", "b"] == [span.name for span in app.spans]
    assert 1 == app.counted("sdk_dropped_spans_total", reason="not_encodable")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("processors: {cost: {aliases: 1}}\nservice: {pipelines: {traces: {processors: [cost]}}}", "processors.cost"),
        ("service: {pipelines: {logs: {}}}", "has no pipeline for traces"),
        ("{", "not YAML"),
        ("service: {pipelines: {traces: {}, traces/eu: {}}}", "an app has one pipeline"),
    ],
)
def test_a_broken_config_exports_nothing_and_says_so_once(
    app: App, config: Callable[[str], None], caplog: pytest.LogCaptureFixture, text: str, said: str
) -> None:
    """Nobody knows what it would have redacted. The app goes on."""
    config(text)

    for _ in range(3):
        app.tracer.start_span("x").end()

    assert () == app.spans
    assert 3 == app.counted("sdk_dropped_spans_total", reason="config")
    (record,) = caplog.records
    assert said in record.getMessage()


def test_a_config_that_is_not_there_is_a_broken_one(app: App, monkeypatch: pytest.MonkeyPatch) -> None:
    """No file, nothing exported."""
    monkeypatch.setenv("OTEL_LLM_CONFIG", "/no/such/file")

    app.tracer.start_span("x").end()

    assert 1 == app.counted("sdk_dropped_spans_total", reason="config")


class Broken(SpanExporter):
    """Fails in every way that it can."""

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:  # noqa: ARG002 - the SDK's signature
        raise ConnectionError

    def shutdown(self) -> None:
        raise ConnectionError


def test_an_exporter_that_fails_does_not_fail_the_app(caplog: pytest.LogCaptureFixture) -> None:
    """It is counted, and said once."""
    exporter = wrap(Broken())
    span = ReadableSpan("x", *identity(1))

    assert [SpanExportResult.FAILURE] * 2 == [exporter.export([span]) for _ in range(2)]
    exporter.shutdown()

    assert 2 == exporter.outlet.meter.value("sdk_dropped_spans_total", reason="not_sent")
    assert 3 == len(caplog.records)
    assert "ConnectionError" in caplog.text


def test_after_the_shutdown_spans_are_counted_and_lost(app: App, caplog: pytest.LogCaptureFixture) -> None:
    """An app that ends spans too late is not disturbed."""
    app.provider.shutdown()

    result = app.exporter.export([ReadableSpan("late", *identity(1))])
    app.exporter.shutdown()

    assert SpanExportResult.FAILURE == result
    assert 1 == app.counted("sdk_dropped_spans_total", reason="shut_down")
    assert 1 == len(caplog.records)


def test_no_text_of_a_span_is_logged(
    app: App, steps: Callable[[type[Steps]], None], caplog: pytest.LogCaptureFixture
) -> None:
    """Not even where processing fails."""
    steps(ClosedSteps)
    caplog.set_level(logging.DEBUG)

    app.tracer.start_span("fail", attributes={"prompt": "my-secret-words"}).end()

    assert "my-secret-words" not in caplog.text
