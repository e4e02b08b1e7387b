"""The one way in: a request from any transport, through the door and the pipelines, into the journal.

A transport hands over a `Request` and gets an `Answer`; nothing here knows which transport it was. An answer of success
means that the journal has what it promises to keep.
"""

from __future__ import annotations

import asyncio
import logging
import secrets
from collections.abc import Sequence
from functools import cache
from typing import TYPE_CHECKING, Final, NamedTuple

from otel_llm import otlp_json, semconv
from otel_llm.batch import Batch
from otel_llm.errors import NotServed, OtelLlmError, Retryable
from otel_llm.journal import Record
from otel_llm.request import Answer, Request, Trust
from otel_llm.shielded import shielded
from otel_llm.signals import Signal

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from concurrent.futures import Executor

    from otel_llm.admission import Admission
    from otel_llm.journal import Journal
    from otel_llm.pipeline import Pipeline
    from otel_llm.telemetry import Meter

__all__ = ["HUGE_BYTES", "INLINE_BYTES", "Intake", "admit", "opened"]

INLINE_BYTES: Final = 32 * 1024
"""A larger request is processed by a thread, unless it only passes: the event loop is not held for long."""
_PASSING_BYTES: Final = 128 * 1024
"""A larger one that only passes is handed over too: of the smallest spans this is milliseconds by the dozen."""
HUGE_BYTES: Final = 256 * 1024
"""A request larger than that waits in a line of its own: those of ordinary size do not wait for it."""

_KEPT: Final[Mapping[Trust, frozenset[str]]] = {"context": semconv.CONTEXT, "none": frozenset()}
_log = logging.getLogger(__name__)


class _Prepared(NamedTuple):
    accepted: int
    rejected: int
    records: Sequence[Record]


class Intake:
    """The door of one receiver: what comes in here goes through the pipelines that name the receiver."""

    def __init__(
        self,
        receiver: str,
        pipelines: Sequence[Pipeline],
        journal: Journal,
        executor: Executor,
        meter: Meter,
        *,
        admission: Admission,
        huge: Executor | None = None,
        waiting: Executor | None = None,
    ) -> None:
        """Connect what a request passes.

        Args:
            receiver: its name in the config.
            pipelines: all; those of a request's signal get it.
            journal: what keeps it.
            executor: runs what is large. Of one thread: two take the interpreter from each other, and both answer late.
            meter: for what is counted.
            admission: one for all receivers.
            huge: runs what is larger still; *executor* unless given.
            waiting: runs pipelines that may wait; *executor* unless given.
        """
        self._pipelines = {
            signal: tuple(pipeline for pipeline in pipelines if pipeline.signal is signal) for signal in Signal
        }
        self._journal = journal
        self._executor = executor
        self._huge = huge or executor
        self._waiting = {
            signal: waiting or executor for signal, each in self._pipelines.items() if any(one.waits for one in each)
        }
        self._admission = admission
        self._counts = _Counts(meter, receiver)

    async def receive(self, request: Request) -> Answer:
        """Take one request. Never raises for what is in it."""
        try:
            self._admission.check_memory()
            prepared = await self._prepared(request)
        except Exception as error:  # noqa: BLE001 - a bug of ours must not cost the sender its data, nor end the server
            answer = _refusal(error)
        else:
            # Cancelled with the sender's call, a batch might be in the journal and counted as refused.
            answer = await shielded(self._keep(request, prepared))
        self._counts.requests(request.transport, answer.grpc_status).inc()
        return answer

    async def _keep(self, request: Request, prepared: _Prepared) -> Answer:
        """Put what is left of a request into the journal; count and say what was taken."""
        labels = request.signal, request.transport
        try:
            if prepared.records:
                await self._journal.append(prepared.records)
        except Exception as error:  # noqa: BLE001 - as above
            self._counts.refused(*labels).inc(prepared.accepted + prepared.rejected)
            return _refusal(error)
        self._counts.accepted(*labels).inc(prepared.accepted)
        if not prepared.rejected:
            return _TAKEN
        self._counts.refused(*labels).inc(prepared.rejected)
        return Answer(message=_REJECTED, rejected=prepared.rejected)

    async def _prepared(self, request: Request) -> _Prepared:
        if not self._pipelines[request.signal]:
            raise NotServed(f"no pipeline takes {request.signal} here")
        size = len(request.body)
        executor = self._waiting.get(request.signal)
        if executor is None:
            if size <= INLINE_BYTES:
                return self._prepare(request)
            if size <= _PASSING_BYTES and (prepared := self._passed(request)) is not None:
                return prepared
            executor = self._executor if size <= HUGE_BYTES else self._huge
        return await asyncio.get_running_loop().run_in_executor(executor, self._prepare_off_loop, request)

    def _prepare_off_loop(self, request: Request) -> _Prepared:
        with self._admission.hold(request):
            return self._prepare(request)

    def _prepare(self, request: Request) -> _Prepared:
        batch = opened(request, self._admission.inspect)
        return self._processed(request, batch, admit(request, batch))

    def _passed(self, request: Request) -> _Prepared | None:
        """Prepare a request that only passes: to hand it over to a thread would cost more than that takes.

        Returns:
            None where a processor may have work in it, in what came or in what the door has changed.
        """
        if request.encoding == "json":  # to decode that is work enough
            return None
        batch = opened(request, self._admission.inspect)
        if self._has_work(batch):
            return None
        rejected = admit(request, batch)
        return None if batch.dirty and self._has_work(batch) else self._processed(request, batch, rejected)

    def _has_work(self, batch: Batch) -> bool:
        return any(pipeline.has_work(batch) for pipeline in self._pipelines[batch.signal])

    def _processed(self, request: Request, batch: Batch, rejected: int) -> _Prepared:
        pipelines = self._pipelines[request.signal]
        accepted = batch.item_count
        # Processors write in place: each further pipeline needs the bytes as they were before the first one ran.
        admitted = batch.to_bytes() if len(pipelines) > 1 else b""
        batches = [batch, *(Batch(admitted, request.signal) for _ in pipelines[1:])]
        records = [
            record
            for pipeline, own in zip(pipelines, batches, strict=True)
            if (record := pipeline.process(own, request.tenant)) is not None
        ]
        return _Prepared(accepted, rejected, records)


def opened(request: Request, inspect: Callable[[Signal, bytes], None] | None = None) -> Batch:
    """Return what is in a request.

    *inspect* sees the protobuf before it is decoded, and may refuse it.

    Raises:
        Refused: the body is not the JSON that it says it is.
    """
    body = request.body
    if request.encoding == "json":
        body = otlp_json.decode(request.signal, body)
    if inspect is not None:
        inspect(request.signal, body)
    return Batch(body, request.signal)


def admit(request: Request, batch: Batch) -> int:
    """Take from a request what may not come in; return how many items that are.

    Raises:
        Refused: it is not the protobuf that it says it is.
    """
    rejected = batch.remove_invalid()
    if request.trust != "all":
        batch.remove_attributes(semconv.OTEL_LLM_PREFIX, _KEPT[request.trust])
        if request.tenant is not None:
            batch.set_resource_attribute(semconv.TENANT, request.tenant)
    return rejected


_TAKEN: Final = Answer()
_REJECTED: Final = "a trace id must be 16 bytes and a span id 8, neither all zero; items with others were rejected"


class _Counts:
    """One receiver's counters. Found once for each combination of labels: finding costs more than counting."""

    def __init__(self, meter: Meter, receiver: str) -> None:
        labels = ("receiver", "transport")
        accepted = {
            signal: meter.counter(f"receiver_accepted_{signal.items}", "Items taken.", labels) for signal in Signal
        }
        refused = {
            signal: meter.counter(
                f"receiver_refused_{signal.items}", "Items not taken: invalid, or no room for them.", labels
            )
            for signal in Signal
        }
        requests = meter.requests()
        self.accepted = cache(lambda signal, transport: accepted[signal].labels(receiver, transport))
        self.refused = cache(lambda signal, transport: refused[signal].labels(receiver, transport))
        self.requests = cache(lambda transport, code: requests.labels(receiver, transport, str(code)))


def _refusal(error: Exception) -> Answer:
    """Answer for what was raised. At a bug the sender may try again, and learns an id to ask its operator about."""
    if isinstance(error, OtelLlmError):
        return Answer.of(error)
    error_id = secrets.token_hex(4)
    _log.error("request failed with %s, error id %s", type(error).__name__, error_id)
    return Answer.of(Retryable(f"internal error {error_id}"))
