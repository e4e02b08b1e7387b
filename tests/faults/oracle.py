"""The oracle: `otel-llm run` as a process between clients that remember and backends that misbehave.

Whatever a case does to them, `Oracle.check` then asks what must hold after anything:

    V1  every span that was acknowledged arrived, or was refused for good by the backend and counted as dropped
    V2  nothing arrived that was not sent, and nothing was changed but what processors write
    V3  what was refused was refused in a way that a client can act upon, and counted
    V4  accepted = sent + dropped + waiting, for each destination
    V5  a fresh span passes
    V6  memory stays below a limit, where a case names one
    V7  no text of a span and no credential in logs, metrics and answers, no credential in files
    V8  every answer has the form that OTLP wants
"""

from __future__ import annotations

from collections import Counter
from contextlib import AsyncExitStack
from typing import TYPE_CHECKING, Final, Self, get_args

from otel_llm.errors import STATUS
from tests.e2e.program import eventually
from tests.faults.gateway import SECRET, Gateway
from tests.faults.sender import CREDENTIALS, Sender, Transport
from tests.faults.wire import CONTENT

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterator, Mapping
    from pathlib import Path
    from types import TracebackType

    from tests.faults.metrics import Metrics
    from tests.faults.sink import Sink

    OracleWith = Callable[..., Awaitable["Oracle"]]
    """Makes one with exporters of these names."""

__all__ = ["Oracle"]

_LIVENESS_S: Final = 20.0
"""How long a fresh span may take (V5), on a machine that is busy."""

_GRPC_STATUS: Final = {200: 0, **{status.http: status.grpc for status in STATUS.values()}}
"""Of a status of HTTP: metrics count requests of both transports by gRPC's."""


class Oracle:
    """One gateway, a sender before it, and a sink behind each of its exporters."""

    def __init__(self, directory: Path, sinks: Mapping[str, Sink]) -> None:
        """Take a directory for all files, and the sinks by the names of their exporters."""
        self.sinks = dict(sinks)
        """Those that are to get all there is."""
        self.gateway = Gateway(directory, {name: sink.endpoint for name, sink in sinks.items()})
        self.sender = Sender(self.gateway.ports["grpc"], self.gateway.ports["http"])
        self._stack = AsyncExitStack()

    @property
    def sink(self) -> Sink:
        """The first one."""
        return next(iter(self.sinks.values()))

    async def check(self, *, duplicates: float = 0, rss_limit_mib: float | None = None) -> None:
        """Wait until everything has been delivered; then check what must hold.

        Args:
            duplicates: how many spans may have arrived at each sink once more.
            rss_limit_mib: V6.
        """
        await self.gateway.drained()
        wrong = await self._late()
        metrics = await self.gateway.drained()
        if self.gateway.starts == 1:
            wrong += self.miscounted(metrics)
        if rss_limit_mib is not None and self.gateway.rss_mib > rss_limit_mib:
            wrong.append(f"V6: {self.gateway.rss_mib:.0f} MiB resident, {self.gateway.base_mib:.0f} at the start")
        wrong += self.violations(duplicates, metrics.text)
        assert not wrong, "\n".join(wrong)

    def violations(self, duplicates: float = 0, metrics: str = "") -> list[str]:
        """Return what is wrong, as far as that can be told without a gateway that runs: V1, V2, V7, V8."""
        wrong = [f"V8: {complaint}" for complaint in sorted(set(self.sender.ledger.complaints))]
        for name, sink in self.sinks.items():
            wrong += [f"{problem} ({name})" for problem in self._undelivered(sink, duplicates)]
        return [*wrong, *self._leaks(metrics)]

    def miscounted(self, metrics: Metrics) -> list[str]:
        """Return what was counted and is not so, or was not counted: V3, V4, and V1's other half."""
        return [*self._uncounted(metrics), *self._unaccounted(metrics)]

    async def __aenter__(self) -> Self:
        for sink in self.sinks.values():
            await self._stack.enter_async_context(sink)
        await self._stack.enter_async_context(self.gateway)
        await self._stack.enter_async_context(self.sender)
        return self

    async def __aexit__(
        self, _type: type[BaseException] | None, _error: BaseException | None, _at: TracebackType | None
    ) -> None:
        await self._stack.aclose()

    def _undelivered(self, sink: Sink, duplicates: float) -> Iterator[str]:
        sent, acked = self.sender.ledger.spans, self.sender.ledger.acked
        arrived = sink.spans.keys()
        if lost := acked - arrived - sink.refused - sink.not_owed:
            yield f"V1: {len(lost)} of {len(acked)} acknowledged spans did not arrive"
        if invented := arrived - sent.keys():
            yield f"V2: {len(invented)} spans arrived that were not sent"
        if changed := [span_id for span_id in arrived & sent.keys() if sink.spans[span_id] != sent[span_id]]:
            yield f"V2: {len(changed)} spans arrived that were not as they were sent"
        if sink.changed:
            yield f"V2: {len(sink.changed)} spans were not the same when they came again"
        if sink.duplicates > duplicates:
            yield f"{sink.duplicates} duplicates, of which {duplicates} were to be expected"

    def _leaks(self, metrics: str) -> Iterator[str]:
        """V7."""
        shown = {"the log": self.gateway.log, "the metrics": metrics, "an answer": "\n".join(self.sender.ledger.words)}
        for where, text in shown.items():
            for canary in (CONTENT, SECRET, CREDENTIALS):
                if canary in text:
                    yield f"V7: {canary} stands in {where}"
        for path in self.gateway.state.rglob("*"):
            content = path.read_bytes() if path.is_file() else b""
            if SECRET.encode() in content or CREDENTIALS.encode() in content:
                yield f"V7: a credential stands in {path.name}"
        if any(CREDENTIALS in str(arrival.headers) for sink in self.sinks.values() for arrival in sink.arrivals):
            yield "V7: the header of a client reached a backend"

    async def _late(self) -> list[str]:
        """V5."""
        self.sender.patience_s = max(self.sender.patience_s, _LIVENESS_S)
        fresh = [*(await self.sender.send(1, "grpc")).spans, *(await self.sender.send(1, "http")).spans]

        async def arrived() -> bool | None:
            return True if all(sink.spans.keys() >= {*fresh} for sink in self.sinks.values()) else None

        try:
            await eventually(arrived, "fresh spans", timeout_s=_LIVENESS_S)
        except AssertionError:
            return [f"V5: fresh spans did not pass; answered in all: {dict(self.sender.ledger.codes())}"]
        return []

    def _uncounted(self, metrics: Metrics) -> Iterator[str]:
        """V3: what was answered is counted so, no more and no less. Where answers were lost nobody can know."""
        ledger = self.sender.ledger
        if ledger.unanswered:
            return
        answered = Counter({(t, _GRPC_STATUS[c] if t == "http" else c): n for (t, c), n in ledger.codes().items()})
        counted = {t: metrics.by("receiver_requests_total", "code", transport=t) for t in get_args(Transport)}
        if answered != {(t, int(code)): n for t, codes in counted.items() for code, n in codes.items() if n}:
            yield f"V3: answered {dict(answered)}, counted {counted}"
        items = len(ledger.acked), ledger.refused_items
        sums = metrics.total("receiver_accepted_spans_total"), metrics.total("receiver_refused_spans_total")
        if items != sums:
            yield f"V3: {items} spans were taken and refused, {sums} were counted"

    def _unaccounted(self, metrics: Metrics) -> Iterator[str]:
        """V4, and V1's other half: what did not arrive is counted as dropped."""
        accepted = metrics.total("receiver_accepted_spans_total") - metrics.total("processor_dropped_spans_total")
        for name, sink in self.sinks.items():
            owed = accepted - len(sink.not_owed)
            sent = metrics.total("exporter_sent_spans_total", exporter=name)
            dropped = metrics.total("exporter_dropped_spans_total", exporter=name)
            waiting = metrics.total("exporter_queue_size", exporter=name)
            if owed != sent + dropped + waiting:
                yield f"V4: {owed} accepted, {sent} sent, {dropped} dropped, {waiting} waiting ({name})"
            if dropped != (missing := len(self.sender.ledger.acked - sink.spans.keys() - sink.not_owed)):
                yield f"V1: {missing} spans did not arrive, {dropped} were counted as dropped ({name})"
