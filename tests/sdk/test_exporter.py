from __future__ import annotations

import gc
import os
import threading
import weakref
from typing import TYPE_CHECKING, Any

import pytest
from opentelemetry.sdk._logs import LoggerProvider
from opentelemetry.sdk._logs.export import InMemoryLogRecordExporter, SimpleLogRecordProcessor
from opentelemetry.sdk.resources import Resource as SdkResource
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export import SimpleSpanProcessor, SpanExportResult
from opentelemetry.trace import Link, SpanContext, SpanKind, Status, StatusCode, TraceFlags, TraceState

from otel_llm.errors import ConfigError
from otel_llm.sdk import OtelLlmLogExporter, OtelLlmSpanExporter, wrap
from otel_llm.sdk.setup import open_outlet
from otel_llm.signals import Signal
from otel_llm.telemetry import Meter
from tests.model_call import CALL_OF_2024
from tests.sdk.app import identity
from tests.sdk.steps import Steps

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.sdk.app import App


def test_a_call_is_normalised_and_priced(app: App) -> None:
    """Without any config a span gets today's names and its cost, beside all that it had."""
    span = app.call()

    attributes = dict(span.attributes or {})
    assert CALL_OF_2024.items() <= attributes.items()
    assert "openai" == attributes["gen_ai.provider.name"]
    assert 0.0035 == attributes["otel_llm.cost.total_usd"]
    assert "app" == span.resource.attributes["service.name"]
    assert 1 == app.counted("sdk_exported_spans_total")


def test_what_nobody_touches_is_the_same_object(app: App) -> None:
    """A span that is none of our business reaches the exporter behind as it is."""
    span = app.tracer.start_span("GET /", attributes={"http.route": "/"})
    span.end()

    assert app.spans[0].name == "GET /"
    assert app.spans[0].attributes is not None
    assert {"http.route": "/"} == dict(app.spans[0].attributes)
    assert "ReadableSpan" == type(app.spans[0]).__name__


def test_a_batch_keeps_its_order_within_a_scope(app: App) -> None:
    """Spans of one export come out together, each itself, those untouched as the objects that they are."""
    spans = [ReadableSpan(name, *identity(n), attributes=attributes) for n, (name, attributes) in enumerate(_MIXED)]

    assert SpanExportResult.SUCCESS == app.exporter.export(spans)

    assert [name for name, _ in _MIXED] == [span.name for span in app.spans]
    assert spans[0] is app.spans[0]
    assert spans[2] is app.spans[2]
    assert "otel_llm.cost.status" in (app.spans[1].attributes or {})


_MIXED: list[tuple[str, dict[str, Any]]] = [("a", {}), ("b", CALL_OF_2024), ("c", {"n": 1})]


def test_all_of_a_span_survives_a_change(app: App) -> None:
    """What a processor adds to costs nothing of what else the span says: kinds of values, events, links, states."""
    link = SpanContext(7, 8, is_remote=True, trace_flags=TraceFlags(1))
    state = TraceState([("vendor", "state")])
    parent = SpanContext(5, 6, is_remote=True, trace_flags=TraceFlags(1), trace_state=state)
    original = ReadableSpan(
        "chat",
        SpanContext(5, 9, is_remote=False, trace_flags=TraceFlags(1), trace_state=state),
        parent,
        app.provider.resource,
        {
            **CALL_OF_2024,
            "list": ("a", "b"),
            "flag": True,
            "float": 1.5,
            "none": None,
            "map": {"deep": [1, {"x": "y"}]},
        },
        links=[Link(link, {"of": "link"})],
        kind=SpanKind.CLIENT,
        status=Status(StatusCode.ERROR, "refused"),
        start_time=1,
        end_time=2,
    )

    app.exporter.export([original])

    (span,) = app.spans
    assert span is not original
    assert (original.context, original.parent, SpanKind.CLIENT) == (span.context, span.parent, span.kind)
    assert state == span.context.trace_state
    assert (1, 2, StatusCode.ERROR, "refused") == (
        span.start_time,
        span.end_time,
        span.status.status_code,
        span.status.description,
    )
    attributes = dict(span.attributes or {})
    assert (["a", "b"], True, 1.5, None) == tuple(attributes[key] for key in ("list", "flag", "float", "none"))
    assert {"deep": [1, {"x": "y"}]} == attributes["map"]
    assert (link.trace_id, link.span_id) == (span.links[0].context.trace_id, span.links[0].context.span_id)
    assert span.links[0].context.is_remote
    assert {"of": "link"} == dict(span.links[0].attributes or {})


def test_what_the_sdk_has_dropped_is_still_counted(app: App) -> None:
    """Limits of the SDK took something away: its numbers stay on a span that a processor changed."""
    with app.tracer.start_as_current_span("chat", attributes=CALL_OF_2024) as span:
        for number in range(200):
            span.add_event(f"event {number}")
            span.set_attribute(f"attribute.{number}", number)

    (exported,) = app.spans
    assert (77, 72) == (exported.dropped_attributes, exported.dropped_events)
    assert 128 == len(exported.events)


def test_what_a_processor_takes_away_does_not_leave(app: App, steps: Callable[[type[Steps]], None]) -> None:
    """Every text of a span that a processor replaced is replaced in what the exporter behind gets."""
    steps(Steps)
    with app.tracer.start_as_current_span("mask", attributes={"a": "secret", "b": ["secret"]}) as span:
        span.add_event("secret", {"c": "secret"})
        span.set_status(Status(StatusCode.ERROR, "secret"))

    (exported,) = app.spans
    assert "***" == exported.name == exported.status.description == exported.events[0].name
    assert "secret" not in exported.to_json()


def test_a_resource_that_is_changed_is_changed_for_all(
    app: App, steps: Callable[[type[Steps]], None], caplog: pytest.LogCaptureFixture
) -> None:
    """Resources are processed once, and all spans of one batch get the new one."""
    steps(Steps)
    spans = [
        ReadableSpan("x", *identity(n), resource=app.provider.resource.merge(SdkResource({"secret": "s"})))
        for n in range(2)
    ]

    app.exporter.export(spans)

    assert ["***", "***"] == [span.resource.attributes["secret"] for span in app.spans]
    assert not caplog.records


def test_what_a_processor_drops_is_counted(app: App, steps: Callable[[type[Steps]], None]) -> None:
    """A span that a processor drops is not exported, and counted under the processor's word."""
    steps(Steps)
    app.exporter.export([ReadableSpan(name, *identity(n)) for n, name in enumerate(("keep", "drop"))])

    assert ["keep"] == [span.name for span in app.spans]
    assert 1 == app.counted("sdk_dropped_spans_total", reason="unwanted")


def test_of_a_gateways_config_only_what_holds_in_an_app_is_read(
    app: App, config: Callable[[str], None], caplog: pytest.LogCaptureFixture
) -> None:
    """Receivers, stores and what they need from the environment are no concern of an app's; it is said once."""
    config("""
receivers: {otlp: {protocols: {grpc: {endpoint: "${env:NOT_SET_IN_THE_APP}"}}}, nonsense: {}}
processors: {cost: {}, gen_ai_normalizer: {}}
exporters: {store: {url: "${env:NOT_SET_EITHER}"}, otlp: {endpoint: "127.0.0.1:1", tls: {insecure: true}}}
extensions: {storage: {directory: "${env:NOR_THIS}"}}
service:
  extensions: [storage]
  pipelines:
    traces: {receivers: [otlp], processors: [gen_ai_normalizer, cost], exporters: [store, otlp]}
    metrics: {receivers: [otlp], exporters: [otlp]}
""")
    app.call()
    span = app.call()

    assert 0.0035 == (span.attributes or {})["otel_llm.cost.total_usd"]
    (record,) = caplog.records
    for place in ("receivers", "exporters.store", "extensions", "service.pipelines.metrics"):
        assert place in record.getMessage()


def test_many_threads_may_export_at_once(app: App) -> None:
    """One chain serves one thread at a time, whoever comes."""

    def work() -> None:
        for _ in range(20):
            app.call()

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert 80 == len(app.spans)
    assert all("otel_llm.cost.total_usd" in (span.attributes or {}) for span in app.spans)


@pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning")
def test_a_forked_process_has_its_own(app: App) -> None:
    """A child exports although a thread of its parent held the lock when it was made."""
    app.call()
    with app.exporter.outlet._lock:
        child = os.fork()
        if not child:
            app.sink.clear()
            app.call()
            os._exit(len(app.spans))

    _, status = os.waitpid(child, 0)
    assert 1 == os.waitstatus_to_exitcode(status)


def test_log_records_pass_the_logs_pipeline() -> None:
    """A content event in deprecated names leaves in today's, with its body."""
    sink = InMemoryLogRecordExporter()  # type: ignore[no-untyped-call]  # the SDK has no annotation there
    exporter = OtelLlmLogExporter(sink)
    provider = LoggerProvider(shutdown_on_exit=False)
    provider.add_log_record_processor(SimpleLogRecordProcessor(exporter))
    logger = provider.get_logger("tests")

    logger.emit(event_name="gen_ai.choice", attributes={"gen_ai.system": "openai"}, body={"text": ["hello"]})
    logger.emit(body="plain", attributes={"n": 1}, severity_text="INFO")
    provider.shutdown()

    call, plain = sink.get_finished_logs()
    assert "openai" == (call.log_record.attributes or {})["gen_ai.provider.name"]
    assert {"text": ["hello"]} == call.log_record.body
    assert ("plain", "INFO") == (plain.log_record.body, plain.log_record.severity_text)
    assert 2 == exporter.outlet.meter.value("sdk_exported_log_records_total")


def test_an_exporter_that_nothing_holds_is_freed(app: App) -> None:
    """What watches for forks does not keep it alive."""
    outlet = weakref.ref(wrap(app.sink).outlet)
    gc.collect()

    assert outlet() is None


def test_the_sdks_processor_takes_it_for_an_exporter() -> None:
    """It is made without arguments, as the SDK does it, and does nothing yet."""
    processor = SimpleSpanProcessor(OtelLlmSpanExporter())

    assert processor.force_flush()
    processor.shutdown()


def test_a_backends_profile_holds_in_an_app_too(app: App, config: Callable[[str], None]) -> None:
    """As the last step, unless an exporter was given; several exporters must have one."""
    text = """
processors: {{gen_ai_normalizer: {{}}, cost: {{}}}}
exporters:
  otlphttp: {{endpoint: "http://127.0.0.1:1", profile: logfire}}
  otlp: {{endpoint: "127.0.0.1:1", profile: {other}}}
service: {{pipelines: {{traces: {{processors: [gen_ai_normalizer, cost], exporters: [otlphttp, otlp]}}}}}}
"""
    config(text.format(other="signoz"))
    with pytest.raises(ConfigError, match="must have one profile"):
        open_outlet(Signal.TRACES, Meter(), ())
    config(text.replace("exporters: [otlphttp, otlp]", "exporters: [otlphttp]").format(other="none"))
    opened = open_outlet(Signal.TRACES, Meter(), ())
    app.call()

    processed = opened.codec.process(app.spans, opened.chain)

    assert 0.0035 == (processed.items[0].attributes or {})["operation.cost"]
