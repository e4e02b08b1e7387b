"""The small messages with which OTLP answers (OTLP specification, "OTLP/gRPC Response", "OTLP/HTTP Response").

Success is a response message of the signal, failure a `google.rpc.Status`. The time after which a sender may try again
stands in a `google.rpc.RetryInfo` (google/rpc/error_details.proto).

Protobuf's types stay in this room, in `otlp_json` and behind the facades. Nothing else knows them.
"""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, Final

from google.protobuf.duration_pb2 import Duration
from google.protobuf.json_format import MessageToJson
from google.protobuf.message import DecodeError
from google.rpc.error_details_pb2 import RetryInfo  # type: ignore[import-untyped]  # has no stubs
from google.rpc.status_pb2 import Status  # type: ignore[import-untyped]  # has no stubs
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceResponse
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceResponse
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceResponse

from otel_llm.otlp_json import to_json
from otel_llm.signals import Signal

if TYPE_CHECKING:
    from collections.abc import Iterable

    from otel_llm.request import Encoding

__all__ = ["failure", "read_retry_after", "read_success", "retry_trailers", "success"]

_Response = ExportTraceServiceResponse | ExportLogsServiceResponse | ExportMetricsServiceResponse
_RESPONSES: Final[dict[Signal, tuple[type[_Response], str]]] = {
    Signal.TRACES: (ExportTraceServiceResponse, "rejected_spans"),
    Signal.LOGS: (ExportLogsServiceResponse, "rejected_log_records"),
    Signal.METRICS: (ExportMetricsServiceResponse, "rejected_data_points"),
}
"""The response of each signal, and what its partial success calls the items that were not taken."""

_FULL_SUCCESS: Final[dict[Encoding, bytes]] = {"protobuf": b"", "json": b"{}"}

_STATUS_TRAILER: Final = "grpc-status-details-bin"
"""Where gRPC puts a Status with its details."""

_RETRY_TRAILER: Final = "google.rpc.retryinfo-bin"
"""Where the exporters of OpenTelemetry's Python SDK look for a bare RetryInfo."""


def success(signal: Signal, rejected: int, message: str, encoding: Encoding) -> bytes:
    """Return the response to a request that was taken, but for *rejected* of its items.

    As the specification asks, nothing is said of a partial success when there is nothing to say; 0 items with a
    *message* is a warning.
    """
    if not rejected and not message:
        return _FULL_SUCCESS[encoding]
    response_type, rejected_items = _RESPONSES[signal]
    response = response_type()
    response.partial_success.error_message = message
    setattr(response.partial_success, rejected_items, rejected)
    return to_json(response) if encoding == "json" else response.SerializeToString()


def read_success(signal: Signal, body: bytes) -> tuple[int, str]:
    """Return how many items a destination rejected, and why, out of its protobuf response to a request that it took.

    A body that cannot be read says nothing, (0, ""): the request was taken all the same, and must not be sent again.
    """
    response_type, rejected_items = _RESPONSES[signal]
    try:
        partial_success = response_type.FromString(body).partial_success
    except DecodeError:
        return 0, ""
    return max(0, getattr(partial_success, rejected_items)), partial_success.error_message


def failure(grpc_status: int, message: str, retry_after_s: float | None, encoding: Encoding) -> bytes:
    """Return the body of an HTTP answer that says no: a Status, with a RetryInfo if the sender may try again."""
    status = _status(grpc_status, message, retry_after_s)
    if encoding == "json":
        return MessageToJson(status, indent=None).encode()  # no message of OTLP: proto3's own mapping, as of its Any
    body: bytes = status.SerializeToString()
    return body


def retry_trailers(grpc_status: int, message: str, retry_after_s: float | None) -> tuple[tuple[str, bytes], ...]:
    """Return the trailers that tell a gRPC client when to try again; none if it must not.

    Two say the same, for those who read only one: the standard's, and that of OpenTelemetry's Python SDK.
    """
    if retry_after_s is None:
        return ()
    return (
        (_STATUS_TRAILER, _status(grpc_status, message, retry_after_s).SerializeToString()),
        (_RETRY_TRAILER, _retry_info(retry_after_s).SerializeToString()),
    )


def read_retry_after(trailers: Iterable[tuple[str, str | bytes]]) -> float | None:
    """Return the seconds to wait that the first RetryInfo in *trailers* asks for, or None without one.

    0 is an answer too: with it, even RESOURCE_EXHAUSTED may be tried again. What cannot be read is passed over.
    """
    for key, value in trailers:
        if key in _READERS and isinstance(value, bytes):
            with suppress(DecodeError):
                retry_info = _READERS[key](value)
                if retry_info is not None and (delay_ns := retry_info.retry_delay.ToNanoseconds()) >= 0:
                    return float(delay_ns / 1e9)
    return None


def _status(grpc_status: int, message: str, retry_after_s: float | None) -> Status:
    status = Status(code=grpc_status, message=message)
    if retry_after_s is not None:
        status.details.add().Pack(_retry_info(retry_after_s))
    return status


def _retry_info(retry_after_s: float) -> RetryInfo:
    delay = Duration()
    delay.FromNanoseconds(round(retry_after_s * 1e9))
    return RetryInfo(retry_delay=delay)


def _retry_info_in_status(value: bytes) -> RetryInfo | None:
    retry_info = RetryInfo()
    found = any(detail.Unpack(retry_info) for detail in Status.FromString(value).details)
    return retry_info if found else None


_READERS: Final = {_STATUS_TRAILER: _retry_info_in_status, _RETRY_TRAILER: RetryInfo.FromString}
