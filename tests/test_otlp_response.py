from __future__ import annotations

from typing import TYPE_CHECKING

import orjson
import pytest
from google.protobuf.any_pb2 import Any
from google.protobuf.duration_pb2 import Duration
from google.rpc.error_details_pb2 import BadRequest, RetryInfo  # type: ignore[import-untyped]  # has no stubs
from google.rpc.status_pb2 import Status  # type: ignore[import-untyped]  # has no stubs
from hypothesis import given
from hypothesis import strategies as st
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceResponse
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceResponse
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceResponse

from otel_llm.otlp_response import failure, read_retry_after, read_success, retry_trailers, success
from otel_llm.signals import Signal

if TYPE_CHECKING:
    from otel_llm.request import Encoding

RESPONSES: dict[Signal, type[ExportTraceServiceResponse | ExportLogsServiceResponse | ExportMetricsServiceResponse]] = {
    Signal.TRACES: ExportTraceServiceResponse,
    Signal.LOGS: ExportLogsServiceResponse,
    Signal.METRICS: ExportMetricsServiceResponse,
}
REJECTED = {Signal.TRACES: "rejectedSpans", Signal.LOGS: "rejectedLogRecords", Signal.METRICS: "rejectedDataPoints"}
DETAILS, BARE = "grpc-status-details-bin", "google.rpc.retryinfo-bin"


def retry_info(seconds: int, nanos: int = 0) -> RetryInfo:
    """Return a RetryInfo as another server would write it, sensible or not."""
    return RetryInfo(retry_delay=Duration(seconds=seconds, nanos=nanos))


def status(*details: object) -> bytes:
    """Return a Status with *details*."""
    message = Status(code=14)
    for detail in details:
        message.details.add().Pack(detail)
    content: bytes = message.SerializeToString()
    return content


class TestSuccess:
    @pytest.mark.parametrize("signal", Signal)
    @pytest.mark.parametrize(("encoding", "body"), [("protobuf", b""), ("json", b"{}")])
    def test_full_success_says_nothing(self, signal: Signal, encoding: Encoding, body: bytes) -> None:
        """I2: `partial_success` is unset, as the specification demands."""
        assert body == success(signal, 0, "", encoding)

    @pytest.mark.parametrize("signal", Signal)
    def test_partial_success_says_how_many_and_why(self, signal: Signal) -> None:
        """In protobuf, a 200 all the same."""
        response = RESPONSES[signal].FromString(success(signal, 3, "bad ids", "protobuf"))

        assert response.HasField("partial_success")
        assert (3, "bad ids") == read_success(signal, response.SerializeToString())

    @pytest.mark.parametrize("signal", Signal)
    def test_partial_success_in_json_names_what_was_rejected(self, signal: Signal) -> None:
        """Every signal has its own name for it; 64 bits are a string in JSON."""
        expected = {"partialSuccess": {REJECTED[signal]: "3", "errorMessage": "bad ids"}}

        assert expected == orjson.loads(success(signal, 3, "bad ids", "json"))

    @pytest.mark.parametrize("signal", Signal)
    def test_a_message_alone_is_a_warning(self, signal: Signal) -> None:
        """Nothing was rejected, and there is something to say."""
        assert (0, "slow down") == read_success(signal, success(signal, 0, "slow down", "protobuf"))
        assert b'{"partialSuccess":{"errorMessage":"slow down"}}' == success(signal, 0, "slow down", "json")


class TestReadSuccess:
    @pytest.mark.parametrize("signal", Signal)
    @pytest.mark.parametrize("body", [b"", b"<html>", b"{}", b"\x0a\xff", b"\x0a\x02\x12\x05", b"\x1f\x8b\x08"])
    def test_a_body_that_says_nothing_is_a_success(self, signal: Signal, body: bytes) -> None:
        """B10: empty, HTML, JSON, cut short or still compressed: the request was taken, and is not sent again."""
        assert (0, "") == read_success(signal, body)

    def test_fewer_than_none_is_none(self) -> None:
        """A counter must not go backwards because a backend says so."""
        assert (0, "odd") == read_success(Signal.TRACES, success(Signal.TRACES, -5, "odd", "protobuf"))

    @given(st.sampled_from(list(Signal)), st.binary())
    def test_no_body_raises(self, signal: Signal, body: bytes) -> None:
        """Whatever a backend answers."""
        rejected, _ = read_success(signal, body)

        assert rejected >= 0


class TestFailure:
    def test_a_refusal_is_a_status(self) -> None:
        """Without a RetryInfo: the sender must not try again."""
        assert Status(code=3, message="no") == Status.FromString(failure(3, "no", None, "protobuf"))
        assert {"code": 3, "message": "no"} == orjson.loads(failure(3, "no", None, "json"))

    @pytest.mark.parametrize(("after_s", "text"), [(1.0, "1s"), (0.5, "0.500s"), (90.0, "90s"), (0.0, "0s")])
    def test_a_retryable_one_says_when(self, after_s: float, text: str) -> None:
        """In proto3's JSON a duration is a text, and a detail has its type beside it."""
        details = [{"@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": text}]
        body = failure(14, "later", after_s, "protobuf")

        assert {"code": 14, "message": "later", "details": details} == orjson.loads(
            failure(14, "later", after_s, "json")
        )
        assert after_s == read_retry_after([(DETAILS, body)])

    def test_text_of_any_script_stays_json(self) -> None:
        """The body is one JSON value, whatever the sentence."""
        assert 'é "\n' == orjson.loads(failure(3, 'é "\n', None, "json"))["message"]


class TestRetryTrailers:
    def test_both_kinds_of_client_find_their_own(self) -> None:
        """The standard's trailer holds a Status, that of OpenTelemetry's Python SDK a bare RetryInfo."""
        trailers = dict(retry_trailers(14, "later", 1.5))
        details = Status.FromString(trailers[DETAILS])

        assert {DETAILS, BARE} == set(trailers)
        assert (14, "later") == (details.code, details.message)
        assert retry_info(1, 500_000_000) == RetryInfo.FromString(trailers[BARE])
        assert details.details[0].Is(RetryInfo.DESCRIPTOR)

    def test_there_are_none_when_the_sender_must_not_try_again(self) -> None:
        """Without RetryInfo, RESOURCE_EXHAUSTED is final."""
        assert () == retry_trailers(8, "too large", None)


class TestReadRetryAfter:
    @pytest.mark.parametrize("position", [0, 1])
    def test_either_trailer_is_enough(self, position: int) -> None:
        """Servers send the one, the other, or both."""
        trailers = retry_trailers(14, "later", 7.25)

        assert 7.25 == read_retry_after(trailers)
        assert 7.25 == read_retry_after([("content-type", "x"), trailers[position]])

    def test_other_details_do_not_hide_it(self) -> None:
        """A Status may hold several details."""
        assert 2.0 == read_retry_after([(DETAILS, status(BadRequest(), retry_info(2)))])

    @pytest.mark.parametrize("trailer", [(DETAILS, status(RetryInfo())), (BARE, b"")])
    def test_one_without_a_time_means_now(self, trailer: tuple[str, bytes]) -> None:
        """It still says that the request may be sent again."""
        assert 0.0 == read_retry_after([trailer])

    @pytest.mark.parametrize(
        "trailer",
        [
            ("grpc-message", "later"),
            (DETAILS, b"\xff"),
            (DETAILS, "text"),
            (DETAILS, status()),
            (DETAILS, status(BadRequest())),
            (
                DETAILS,
                Status(
                    details=[Any(type_url="type.googleapis.com/google.rpc.RetryInfo", value=b"\xff")]
                ).SerializeToString(),
            ),
            (DETAILS, status(retry_info(-1))),
            (BARE, b"\xff"),
            (BARE, retry_info(-1).SerializeToString()),
            (BARE, retry_info(1, -2_000_000_000).SerializeToString()),
        ],
    )
    def test_what_cannot_be_read_is_passed_over(self, trailer: tuple[str, str | bytes]) -> None:
        """B16: then the status code alone decides, unless another trailer says it well."""
        assert read_retry_after([trailer]) is None
        assert 3.0 == read_retry_after([trailer, *retry_trailers(14, "", 3.0)])

    @given(st.lists(st.tuples(st.sampled_from([DETAILS, BARE]), st.binary())))
    def test_no_trailer_raises(self, trailers: list[tuple[str, bytes]]) -> None:
        """CVE-2026-40891 was such a trailer."""
        after_s = read_retry_after(trailers)

        assert after_s is None or after_s >= 0
