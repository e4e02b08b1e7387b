from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from otel_llm import semconv
from otel_llm.batch import Batch
from otel_llm.errors import Refused
from otel_llm.signals import Signal
from otel_llm.testing import make_request

GOOD_TRACE, GOOD_SPAN = b"\x01" * 16, b"\x02" * 8
BAD_TRACES = [b"", b"\x01" * 5, b"\x01" * 15, b"\x01" * 17, b"\x01" * 32, bytes(16)]
BAD_SPANS = [b"", b"\x01" * 7, b"\x01" * 9, b"\x01" * 16, bytes(8)]


def request_with(*ids: tuple[bytes, bytes, bytes]) -> bytes:
    """Return a request with a span for each (trace id, span id, parent id), named by its position."""
    request = ExportTraceServiceRequest()
    spans = request.resource_spans.add().scope_spans.add().spans
    for position, (trace_id, span_id, parent) in enumerate(ids):
        spans.add(trace_id=trace_id, span_id=span_id, parent_span_id=parent, name=str(position))
    return request.SerializeToString()


class TestBytes:
    def test_an_untouched_batch_leaves_as_the_bytes_that_came(self) -> None:
        """Looking into a batch does not re-encode it: fields that this program does not know survive."""
        raw = make_request({"gen_ai.request.model": "m"}) + b"\xfa\x7f\x03abc"
        batch = Batch(raw)
        assert 1 == batch.item_count
        assert "m" == batch.spans[0].get("gen_ai.request.model")

        assert raw is batch.to_bytes()

    def test_unknown_fields_survive_a_write(self) -> None:
        """A batch that was written to keeps what it does not understand."""
        batch = Batch(make_request({}) + b"\xfa\x7f\x03abc")
        batch.spans[0].set("k", 1)

        assert b"\xfa\x7f\x03abc" in batch.to_bytes()

    @pytest.mark.parametrize("signal", Signal)
    def test_garbage_is_refused_without_being_quoted(self, signal: Signal) -> None:
        """Bytes that are no request are refused with a sentence of our own."""
        with pytest.raises(Refused) as caught:
            Batch(b"\x0a\xffsecret", signal).item_count  # noqa: B018 - metrics are decoded to be counted

        assert f"the body is not a valid OTLP {signal} request in protobuf" == str(caught.value)

    @given(st.binary(max_size=200))
    def test_any_bytes_are_taken_or_refused(self, raw: bytes) -> None:
        """No input makes it raise anything else, and what is taken can be sent on and read again."""
        batch = Batch(raw)
        try:
            batch.remove_invalid()
        except Refused:
            return
        assert batch.item_count == Batch(batch.to_bytes()).item_count

    @pytest.mark.parametrize(("array_depth", "kvlist_depth"), [(47, 0), (0, 31)])
    def test_nesting_up_to_the_limit_is_read_and_one_more_is_refused(self, array_depth: int, kvlist_depth: int) -> None:
        """I5: arrays 47 deep and maps 31 deep pass, 48 and 32 do not: no later hop could read them."""

        def nested(extra: int) -> bytes:
            request = ExportTraceServiceRequest()
            span = request.resource_spans.add().scope_spans.add().spans.add(trace_id=GOOD_TRACE, span_id=GOOD_SPAN)
            value = span.attributes.add(key="k").value
            for _ in range(array_depth + extra if array_depth else 0):
                value = value.array_value.values.add()
            for _ in range(kvlist_depth + extra if kvlist_depth else 0):
                value = value.kvlist_value.values.add(key="k").value
            value.string_value = "the innermost is there"
            return request.SerializeToString()

        assert 1 == Batch(nested(0)).item_count
        with pytest.raises(Refused):
            Batch(nested(1)).item_count  # noqa: B018 - asking is what decodes


class TestInvalidIds:
    @pytest.mark.parametrize("bad", BAD_TRACES)
    def test_a_bad_trace_id_costs_its_span(self, bad: bytes) -> None:
        """I22: the others are kept, byte for byte."""
        batch = Batch(request_with((bad, GOOD_SPAN, b""), (GOOD_TRACE, GOOD_SPAN, b"")))

        assert 1 == batch.remove_invalid()
        assert ["1"] == [span.name for span in Batch(batch.to_bytes()).spans]

    @pytest.mark.parametrize("bad", BAD_SPANS)
    def test_a_bad_span_id_costs_its_span(self, bad: bytes) -> None:
        """I22, for span ids."""
        batch = Batch(request_with((GOOD_TRACE, GOOD_SPAN, b""), (GOOD_TRACE, bad, b"")))

        assert 1 == batch.remove_invalid()
        assert ["0"] == [span.name for span in batch.spans]

    @pytest.mark.parametrize("bad", [b"\x01" * 7, b"\x01" * 16])
    def test_a_bad_parent_or_link_costs_its_span(self, bad: bytes) -> None:
        """The next hop would refuse the whole request for it; a zero or missing parent is a root."""
        request = ExportTraceServiceRequest.FromString(
            request_with((GOOD_TRACE, GOOD_SPAN, bad), (GOOD_TRACE, GOOD_SPAN, b""), (GOOD_TRACE, GOOD_SPAN, bytes(8)))
        )
        request.resource_spans[0].scope_spans[0].spans[1].links.add(trace_id=GOOD_TRACE, span_id=bad)
        batch = Batch(request.SerializeToString())

        assert 2 == batch.remove_invalid()
        assert ["2"] == [span.name for span in batch.spans]

    def test_nothing_is_touched_when_all_are_good(self) -> None:
        """A good request stays the bytes that came."""
        raw = request_with((GOOD_TRACE, GOOD_SPAN, b"\x03" * 8))
        batch = Batch(raw)

        assert 0 == batch.remove_invalid()
        assert raw is batch.to_bytes()

    def test_envelopes_that_are_emptied_are_removed(self) -> None:
        """No empty resource or scope is forwarded."""
        batch = Batch(request_with((b"", GOOD_SPAN, b"")))

        assert 1 == batch.remove_invalid()
        assert b"" == batch.to_bytes()

    @given(st.lists(st.tuples(st.sampled_from([GOOD_TRACE, *BAD_TRACES]), st.sampled_from([GOOD_SPAN, *BAD_SPANS]))))
    def test_exactly_the_bad_ones_go(self, ids: list[tuple[bytes, bytes]]) -> None:
        """Whatever the mix, the good spans stay in order and the others are counted."""
        good = [str(i) for i, (trace, span) in enumerate(ids) if (trace, span) == (GOOD_TRACE, GOOD_SPAN)]
        batch = Batch(request_with(*((trace, span, b"") for trace, span in ids)))

        assert len(ids) - len(good) == batch.remove_invalid()
        assert good == [span.name for span in batch.spans]

    def test_a_log_record_may_have_no_ids_but_no_bad_ones(self) -> None:
        """Ids are optional on log records, and 16 and 8 bytes where they are there."""
        request = ExportLogsServiceRequest()
        records = request.resource_logs.add().scope_logs.add().log_records
        records.add(severity_text="none")
        records.add(severity_text="good", trace_id=GOOD_TRACE, span_id=GOOD_SPAN)
        records.add(severity_text="bad", trace_id=b"\x01" * 5)
        batch = Batch(request.SerializeToString(), Signal.LOGS)

        assert 1 == batch.remove_invalid()
        assert 2 == batch.item_count


class TestForgedAttributes:
    def forged(self) -> bytes:
        """Return a request that claims a price and a verdict wherever it can."""
        request = ExportTraceServiceRequest.FromString(
            make_request({"otel_llm.cost.total_usd": 0.0, "otel_llm.route": "bot", "other": 1})
        )
        envelope = request.resource_spans[0]
        envelope.resource.attributes.add(key="otel_llm.tenant").value.string_value = "acme"
        envelope.resource.attributes.add(key="otel_llm.cost.status").value.string_value = "priced"
        envelope.scope_spans[0].scope.attributes.add(key="otel_llm.cost.status").value.string_value = "priced"
        span = envelope.scope_spans[0].spans[0]
        span.events.add(name="otel_llm.guardrail.finding")
        span.events.add(name="real").attributes.add(key="otel_llm.x").value.int_value = 1
        link = span.links.add(trace_id=GOOD_TRACE, span_id=GOOD_SPAN)
        link.attributes.add(key="otel_llm.x").value.int_value = 1
        return request.SerializeToString()

    def test_context_survives_and_nothing_else(self) -> None:
        """Route and tenant stay, prices and verdicts go, wherever they stand."""
        batch = Batch(self.forged())
        batch.remove_attributes(semconv.OTEL_LLM_PREFIX, semconv.CONTEXT)
        sent = Batch(batch.to_bytes())

        assert ["otel_llm.route", "other"] == sent.spans[0].keys()
        assert ["service.name", "otel_llm.tenant"] == sent.resources[0].keys()
        assert ["real"] == [event.name for event in sent.spans[0].events]
        assert 2 == batch.to_bytes().count(b"otel_llm.")

    def test_with_nothing_to_keep_all_go(self) -> None:
        """Under `trust: none` no claim of the sender is left."""
        batch = Batch(self.forged())
        batch.remove_attributes(semconv.OTEL_LLM_PREFIX, frozenset())

        assert b"otel_llm." not in batch.to_bytes()

    def test_a_mention_in_a_value_is_left_alone(self) -> None:
        """Only keys are names: a value that mentions the prefix is not touched."""
        raw = make_request({"note": "see otel_llm.cost.total_usd"})
        batch = Batch(raw)
        batch.remove_attributes(semconv.OTEL_LLM_PREFIX, frozenset())

        assert raw is batch.to_bytes()


class TestResourceAttribute:
    KEY = "otel_llm.tenant"

    def test_every_resource_gets_it_whatever_came(self) -> None:
        """The value is the receiver's: what a sender claims is gone from resources, scopes, spans, events and links."""
        request = ExportTraceServiceRequest.FromString(make_request({self.KEY: "other", "a": 1}) + make_request({}))
        first, second = request.resource_spans
        scope = first.scope_spans[0]
        span = scope.spans[0]
        for holder in (first.resource, first.resource, scope.scope, span.events.add(), span.links.add()):
            holder.attributes.add(key=self.KEY).value.string_value = "other"
        second.ClearField("resource")
        batch = Batch(request.SerializeToString())
        batch.set_resource_attribute(self.KEY, "acme")
        sent = Batch(batch.to_bytes())

        assert ["acme", None, "acme", None] == [each.get(self.KEY) for each in sent.resources]
        assert b"other" not in sent.raw
        assert [["a"], []] == [each.keys() for each in sent.spans]

    def test_log_records_have_resources_too(self) -> None:
        """What holds for spans holds for them."""
        request = ExportLogsServiceRequest()
        records = request.resource_logs.add().scope_logs.add().log_records
        records.add().attributes.add(key=self.KEY).value.string_value = "other"
        batch = Batch(request.SerializeToString(), Signal.LOGS)
        batch.set_resource_attribute(self.KEY, "acme")
        sent = Batch(batch.to_bytes(), Signal.LOGS)

        assert ("acme", []) == (sent.resources[0].get(self.KEY), sent.records[0].keys())

    @pytest.mark.parametrize("signal", [Signal.METRICS, Signal.TRACES])
    def test_what_has_no_place_for_it_stays_as_it_came(self, signal: Signal) -> None:
        """Metrics, and requests without a resource, leave as the very bytes."""
        metrics = ExportMetricsServiceRequest()
        metrics.resource_metrics.add().scope_metrics.add().metrics.add(name="g").gauge.data_points.add()
        raw = metrics.SerializeToString() if signal is Signal.METRICS else b""
        batch = Batch(raw, signal)
        batch.set_resource_attribute(self.KEY, "acme")

        assert raw is batch.to_bytes()


class TestSweep:
    def test_dropped_spans_are_removed_and_counted_by_reason(self) -> None:
        """What processors dropped is not forwarded, and somebody can tell why."""
        batch = Batch(make_request({"n": 0}, {"n": 1}, {"n": 2}, {"n": 3}))
        batch.spans[0].drop("sampled")
        batch.spans[2].drop("sampled")
        batch.spans[3].drop("policy")

        assert {"sampled": 2, "policy": 1} == batch.sweep()
        assert [1] == [span.get("n") for span in Batch(batch.to_bytes()).spans]
        assert 1 == batch.item_count

    def test_nothing_dropped_is_nothing_done(self) -> None:
        """A sweep of a clean batch leaves the bytes alone."""
        raw = make_request({})
        batch = Batch(raw)

        assert not batch.sweep()
        assert raw is batch.to_bytes()


@pytest.mark.parametrize("kind", ["gauge", "sum", "histogram", "exponential_histogram"])
def test_exemplars_with_invalid_ids_are_taken_out(kind: str) -> None:
    """The data point stays, and so do its exemplars that name a span as one should, or none."""
    request = ExportMetricsServiceRequest()
    metrics = request.resource_metrics.add().scope_metrics.add().metrics
    metrics.add(name="s").summary.data_points.add()
    exemplars = getattr(metrics.add(name="m"), kind).data_points.add().exemplars
    for trace_id, span_id in ((b"t" * 16, b"s" * 8), (b"", b""), (b"t" * 15, b"s" * 8), (b"t" * 16, b"s" * 7)):
        exemplars.add(trace_id=trace_id, span_id=span_id)
    batch = Batch(request.SerializeToString(), Signal.METRICS)
    rejected = batch.remove_invalid()
    sent = ExportMetricsServiceRequest.FromString(batch.to_bytes())
    (point,) = getattr(sent.resource_metrics[0].scope_metrics[0].metrics[1], kind).data_points

    assert (0, 2) == (rejected, batch.item_count)
    assert [b"t" * 16, b""] == [exemplar.trace_id for exemplar in point.exemplars]


def test_metric_points_are_counted_by_data_point() -> None:
    """A metric is as many items as it has data points; one without data has none."""
    request = ExportMetricsServiceRequest()
    metrics = request.resource_metrics.add().scope_metrics.add().metrics
    metrics.add(name="g").gauge.data_points.add()
    histogram = metrics.add(name="h").histogram.data_points
    histogram.add()
    histogram.add()
    metrics.add(name="empty")

    assert 3 == Batch(request.SerializeToString(), Signal.METRICS).item_count


def test_merged_requests_are_one_request() -> None:
    """Concatenation of encoded requests is a request with the spans of all: what destinations rely on."""
    one, other = make_request({"n": 1}), make_request({"n": 2})

    assert [1, 2] == [span.get("n") for span in Batch(one + other).spans]


def test_dimensions_are_read_from_the_span_and_written_to_it() -> None:
    """What is known of whom a span is for stands in its attributes too."""
    span = Batch(make_request({"otel_llm.route": "bot"})).spans[0]
    assert "bot" == span.dimensions.route
    span.dimensions = type(span.dimensions)(tenant="acme")

    assert "acme" == span.get("otel_llm.tenant")
    assert span.dimensions.route is None


def test_an_event_is_added_with_its_attributes() -> None:
    """A processor's event is sent like any other, at the span's end unless it says when."""
    batch = Batch(make_request({}))
    batch.spans[0].add_event("found", {"rule": "x", "score": 0.5})
    event = Batch(batch.to_bytes()).spans[0].events[0]

    assert ("found", "x", 0.5) == (event.name, event.get("rule"), event.get("score"))
    assert batch.spans[0].end_time_unix_nano == event.time_unix_nano
