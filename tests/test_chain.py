from __future__ import annotations

import logging
from typing import TYPE_CHECKING, ClassVar

from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest

from otel_llm.batch import Batch
from otel_llm.chain import UNSCANNED, Chain
from otel_llm.component import Applies, OnError, Processor
from otel_llm.signals import Signal
from otel_llm.telemetry import Meter
from otel_llm.testing import make_request

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import pytest

    from otel_llm.log_record import LogRecord
    from otel_llm.resource import Resource
    from otel_llm.span import Span
    from otel_llm.values import Writable


class Recorder(Processor):
    """Remembers the calls it got."""

    def __init__(self) -> None:
        self.calls: list[str] = []

    def start(self) -> None:
        self.calls.append("start")

    def begin_batch(self, spans: Sequence[Span], /) -> None:
        self.calls.append(f"begin {len(spans)}")

    def process_resource(self, resource: Resource, /) -> None:
        self.calls.append(resource.kind)

    def process_span(self, span: Span, /) -> None:
        self.calls.append(f"span {span.get('n')}")

    def process_log(self, record: LogRecord, /) -> None:
        self.calls.append(f"log {record.event_name}")

    def shutdown(self) -> None:
        self.calls.append("shutdown")


class RecordAll(Recorder):
    applies_to: ClassVar[Applies] = "all"


class Write(Processor):
    """Makes every span a gen_ai span."""

    applies_to: ClassVar[Applies] = "all"
    markers = (b"llm.",)

    def process_span(self, span: Span, /) -> None:
        span.set("gen_ai.operation.name", "chat")


class Fail(Processor):
    def process_span(self, span: Span, /) -> None:
        raise ValueError(f"cannot read {span.get('secret')}")


class FailClosed(Fail):
    on_error: ClassVar[OnError] = "drop"


GEN_AI: Mapping[str, Writable] = {"gen_ai.operation.name": "chat", "n": 1}
PLAIN: Mapping[str, Writable] = {"http.route": "/", "n": 2}


def test_a_processor_sees_its_batch_then_resources_then_spans() -> None:
    """Resources and scopes come once each, then the batch as a whole, then its spans."""
    recorder = RecordAll()
    Chain([("r", recorder)]).run(Batch(make_request(GEN_AI, PLAIN)))

    assert ["resource", "scope", "begin 2", "span 1", "span 2"] == recorder.calls


def test_by_default_only_gen_ai_spans_are_shown() -> None:
    """A processor that does not ask for all spans sees those with a gen_ai attribute."""
    recorder = Recorder()
    Chain([("r", recorder)]).run(Batch(make_request(GEN_AI, PLAIN)))

    assert ["resource", "scope", "begin 1", "span 1"] == recorder.calls


def test_a_batch_without_gen_ai_is_not_even_decoded() -> None:
    """Bytes that cannot hold work for anybody are not looked into, be they a request or not."""
    batch = Batch(b"\xff not a request")
    recorder = Recorder()
    Chain([("r", recorder)]).run(batch)

    assert [] == recorder.calls


def test_a_batch_without_a_marker_is_passed_over() -> None:
    """A processor that names markers is not called where none of them stands."""
    batch = Batch(make_request(PLAIN))
    Chain([("w", Write())]).run(batch)

    assert not batch.dirty


def test_what_one_step_writes_the_next_one_sees() -> None:
    """A span that becomes a gen_ai span in one step is one for the next, although the bytes did not say so."""
    recorder = Recorder()
    Chain([("w", Write()), ("r", recorder)]).run(Batch(make_request({"llm.model": "m", "n": 5})))

    assert ["resource", "scope", "begin 1", "span 5"] == recorder.calls


def test_log_records_are_processed_by_the_same_processor() -> None:
    """Logs go to process_log; one is gen_ai when its event name or an attribute is."""
    request = ExportLogsServiceRequest()
    records = request.resource_logs.add().scope_logs.add().log_records
    records.add(event_name="gen_ai.client.inference.operation.details")
    records.add(event_name="other")
    records.add(event_name="by attribute").attributes.add(key="gen_ai.response.id").value.string_value = "x"
    recorder = Recorder()
    Chain([("r", recorder)]).run(Batch(request.SerializeToString(), Signal.LOGS))

    assert ["log gen_ai.client.inference.operation.details", "log by attribute"] == recorder.calls[2:]


def test_metrics_are_never_processed() -> None:
    """Metrics are forwarded as they came."""
    recorder = RecordAll()
    Chain([("r", recorder)]).run(Batch(b"\x0a\x00", Signal.METRICS))

    assert [] == recorder.calls


def test_a_failure_costs_one_span_one_step() -> None:
    """The span goes on, marked; the steps after see it; the other spans are not touched."""
    batch = Batch(make_request(GEN_AI, PLAIN))
    recorder = Recorder()
    meter = Meter()
    Chain([("fail", Fail()), ("fail/again", Fail()), ("r", recorder)], meter=meter).run(batch)
    failed, plain = Batch(batch.to_bytes()).spans

    assert ["fail", "fail/again"] == failed.get("otel_llm.processor.errors")
    assert "otel_llm.processor.errors" not in plain
    assert "span 1" in recorder.calls
    assert 1 == meter.value("processor_failed_items_total", processor="fail", signal="traces")


def test_a_failure_that_fails_closed_leaves_no_text() -> None:
    """What could not be looked at is not forwarded: every text is replaced, numbers and known names stay."""
    batch = Batch(make_request({"gen_ai.usage.input_tokens": 7, "secret": "hunter2", "list": ["hunter2"]}))
    Chain([("redaction", FailClosed())]).run(batch)
    span = Batch(batch.to_bytes()).spans[0]

    assert b"hunter2" not in batch.to_bytes()
    assert b"secret" not in batch.to_bytes()
    assert UNSCANNED == span.name
    assert 7 == span.get("gen_ai.usage.input_tokens")
    assert ["redaction"] == span.get("otel_llm.processor.errors")


def test_a_failing_resource_step_fails_closed_too() -> None:
    """A resource that could not be looked at loses its texts."""

    class FailOnResource(Processor):
        on_error: ClassVar[OnError] = "drop"

        def process_resource(self, resource: Resource, /) -> None:
            raise KeyError(resource.kind)

    batch = Batch(make_request(GEN_AI, resource={"secret": "hunter2"}))
    Chain([("redaction", FailOnResource())]).run(batch)

    assert b"hunter2" not in batch.to_bytes()


def test_a_failure_in_begin_batch_is_every_spans_failure() -> None:
    """Spans that could not be prepared are not processed, and say so."""

    class FailToBegin(Recorder):
        def begin_batch(self, spans: Sequence[Span], /) -> None:
            raise IndexError(len(spans))

    batch = Batch(make_request(GEN_AI, GEN_AI))
    processor = FailToBegin()
    Chain([("p", processor)]).run(batch)

    assert [["p"], ["p"]] == [span.get("otel_llm.processor.errors") for span in batch.spans]
    assert ["resource", "scope"] == processor.calls


def test_a_failure_is_logged_once_and_without_its_text(caplog: pytest.LogCaptureFixture) -> None:
    """The log names the processor, the kind of error and the line; never what the span said."""
    chain = Chain([("fail", Fail())])
    with caplog.at_level(logging.ERROR):
        for _ in range(3):
            chain.run(Batch(make_request({**GEN_AI, "secret": "hunter2"})))

    assert 1 == len(caplog.records)
    assert "fail failed with ValueError at" in caplog.text
    assert "hunter2" not in caplog.text


def test_processors_start_in_order_and_all_shut_down() -> None:
    """One that cannot shut down does not keep the others from it."""

    class Stuck(Recorder):
        def shutdown(self) -> None:
            raise OSError

    first, last = Recorder(), Recorder()
    chain = Chain([("first", first), ("stuck", Stuck()), ("last", last)])
    chain.start()
    chain.shutdown()

    assert ["start", "shutdown"] == first.calls == last.calls


def test_work_is_counted_and_timed_by_the_host() -> None:
    """A processor writes no metrics of its own for what every processor has."""
    meter = Meter()
    Chain([("r", Recorder())], meter=meter).run(Batch(make_request(GEN_AI, GEN_AI, PLAIN)))

    assert 2 == meter.value("processor_incoming_items_total", processor="r", signal="traces")
    assert 0 < meter.value("processor_seconds_total", processor="r", signal="traces")
