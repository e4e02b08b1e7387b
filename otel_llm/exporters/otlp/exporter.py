"""The exporter `otlp`."""

from __future__ import annotations

import re
from contextlib import AsyncExitStack
from typing import TYPE_CHECKING, Any, Final

import grpc
import grpc.aio

from otel_llm import __version__
from otel_llm.component import Exporter, Settings
from otel_llm.errors import Oversize, Permanent, Retryable
from otel_llm.exporters.headers import plain
from otel_llm.exporters.otlp.unreachable import reason
from otel_llm.exporters.profile import Rewrite, rewritten
from otel_llm.otlp_response import read_retry_after, read_success
from otel_llm.signals import Signal
from otel_llm.tls import ClientTls

if TYPE_CHECKING:
    from collections.abc import Sequence

    from otel_llm.batch import Batch
    from otel_llm.exporters.otlp.config import OtlpConfig

__all__ = ["OtlpExporter"]

_RETRYABLE: Final = frozenset(
    {
        grpc.StatusCode.CANCELLED,
        grpc.StatusCode.DEADLINE_EXCEEDED,
        grpc.StatusCode.ABORTED,
        grpc.StatusCode.OUT_OF_RANGE,
        grpc.StatusCode.UNAVAILABLE,
        grpc.StatusCode.DATA_LOSS,
    }
)
"""OTLP specification, "OTLP/gRPC Response". RESOURCE_EXHAUSTED is one too, but only with RetryInfo."""

_OPTIONS: Final = (
    ("grpc.primary_user_agent", f"otel-llm/{__version__}"),
    ("grpc.max_send_message_length", -1),  # what was taken from a sender must be possible to pass on
    ("grpc.max_receive_message_length", 4 * 1024 * 1024),
    # gRPC's own waits between connection attempts grow to two minutes, in which every attempt of ours would fail.
    ("grpc.max_reconnect_backoff_ms", 5_000),
    # Also the longest time for making a connection: by default 20 s, for a host that does not answer any more.
    ("grpc.min_reconnect_backoff_ms", 5_000),
    # Finds out that a connection is dead while calls wait on it. Not between calls: servers close connections that
    # ping without need.
    ("grpc.keepalive_time_ms", 60_000),
    ("grpc.keepalive_timeout_ms", 10_000),
    ("grpc.keepalive_permit_without_calls", 0),
)
_TOO_LARGE: Final = re.compile("larger than max|exceeds maximum size", re.IGNORECASE)
"""What gRPC in C and Go, and in Java, say of a message over their limit."""

_ANSWER_TOO_LARGE: Final = "CLIENT: Received message larger than max"
"""What gRPC on this side says of an answer over our limit: there is one, so the request was taken."""

_COMPRESSION: Final = {"gzip": grpc.Compression.Gzip, "none": grpc.Compression.NoCompression}


class OtlpExporter(Exporter):
    """Sends the bytes of a batch as they are: no message type is involved."""

    _calls: dict[Signal, Any]

    def __init__(self, config: OtlpConfig, settings: Settings) -> None:
        self._address = config.address
        self._options: Sequence[tuple[str, object]] = _OPTIONS
        if config.tls.server_name_override is not None:
            self._options = (*_OPTIONS, ("grpc.ssl_target_name_override", config.tls.server_name_override))
        self._tls = None if config.plain_text else ClientTls.load(config.tls, f"exporters.{settings.name}.tls")
        self._compression = _COMPRESSION[config.compression]
        self._metadata = tuple(plain(config.headers).items())
        self._timeout_s = config.timeout
        self._rewrite = None if config.profile == "none" else Rewrite(config.profile)
        self._stack = AsyncExitStack()

    @property
    def target(self) -> str:
        """The destination's address."""
        return self._address

    async def start(self) -> None:
        """Make the channel, which connects when it is needed."""
        channel = await self._stack.enter_async_context(
            grpc.aio.insecure_channel(self._address, self._options, self._compression)
            if self._tls is None
            else grpc.aio.secure_channel(self._address, _credentials(self._tls), self._options, self._compression)
        )
        self._calls = {signal: channel.unary_unary(signal.grpc_method) for signal in Signal}

    async def export(self, batch: Batch, /) -> int:
        """Send *batch*; return how many of its items the destination rejected.

        Raises:
            Retryable: one of the statuses that OTLP calls so.
            Permanent: another status. Its name is the reason, in lower case.
        """
        body = await rewritten(self._rewrite, batch)
        try:
            # The deadline is sent along, so that the destination knows how long its work is of use.
            answer = await self._calls[batch.signal](body, timeout=self._timeout_s, metadata=self._metadata)
        except grpc.aio.AioRpcError as error:
            if _ANSWER_TOO_LARGE in (error.details() or ""):
                return 0  # sent again, or kept to be, it would come twice
            raise _error(error, read_retry_after(error.trailing_metadata())) from None
        rejected, _ = read_success(batch.signal, answer)
        return rejected

    async def shutdown(self) -> None:
        """Close the channel."""
        await self._stack.aclose()


def _credentials(tls: ClientTls) -> grpc.ChannelCredentials:
    return grpc.ssl_channel_credentials(tls.authorities, tls.key, tls.certificate)


def _error(error: grpc.aio.AioRpcError, after_s: float | None) -> Retryable | Permanent:
    code = error.code()
    if code is grpc.StatusCode.UNAVAILABLE:
        return Retryable(reason(error.details() or ""), after_s=after_s)
    if code in _RETRYABLE or (code is grpc.StatusCode.RESOURCE_EXHAUSTED and after_s is not None):
        return Retryable(f"the destination answers {code.name}", after_s=after_s)
    # The status alone is also that of a quota that is used up; only the words of gRPC's servers tell.
    too_large = code is grpc.StatusCode.RESOURCE_EXHAUSTED and _TOO_LARGE.search(error.details() or "")
    kind = Oversize if too_large else Permanent
    return kind(f"the destination answers {code.name}", reason=code.name.lower())
