from __future__ import annotations

import asyncio
import logging
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from functools import partial
from threading import Event, current_thread
from typing import TYPE_CHECKING

import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from otel_llm import otlp_json
from otel_llm.admission import Admission, MemoryConfig, machine
from otel_llm.batch import Batch
from otel_llm.chain import Chain
from otel_llm.component import Processor, Receiver
from otel_llm.errors import Retryable
from otel_llm.intake import HUGE_BYTES, INLINE_BYTES, Intake
from otel_llm.journal.memory import MemoryJournal
from otel_llm.pipeline import Pipeline
from otel_llm.request import Answer, Encoding, Request, Trust
from otel_llm.signals import Signal
from otel_llm.telemetry import Meter
from otel_llm.testing import make_request
from tests.admission.wire_format import field, spans

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterator, Sequence

    from otel_llm.journal import Record
    from otel_llm.span import Span

GEN_AI = {"gen_ai.operation.name": "chat"}


class Mark(Processor):
    """Writes which thread looked."""

    def process_span(self, span: Span, /) -> None:
        span.set("thread", current_thread().name)


class Gate(Processor):
    """Holds what is called "wait" until it is opened."""

    opened = Event()

    def process_span(self, span: Span, /) -> None:
        if span.name == "wait":
            self.opened.wait()


class DropAll(Processor):
    def process_span(self, span: Span, /) -> None:
        span.drop("policy")


class Gateway:
    """Pipelines and a journal around one intake: all of the host that a request meets."""

    def __init__(
        self, *chains: tuple[str, type[Processor] | None], capacity: int = 1 << 20, memory: MemoryConfig | None = None
    ) -> None:
        self.meter = Meter()
        self.journal = MemoryJournal(capacity)
        self.executor = ThreadPoolExecutor(1, thread_name_prefix="worker")
        self.huge = ThreadPoolExecutor(1, thread_name_prefix="huge")
        self.pipelines = [self._pipeline(name, kind) for name, kind in chains or (("traces", None),)]
        self.cursor = self.journal.open_cursor("sink", frozenset(p.name for p in self.pipelines))
        self.intake = Intake(
            "otlp",
            self.pipelines,
            self.journal,
            self.executor,
            self.meter,
            admission=Admission(memory or MemoryConfig(), self.meter),
            huge=self.huge,
        )

    def _pipeline(self, name: str, kind: type[Processor] | None) -> Pipeline:
        signal = Signal(name.partition("/")[0])
        return Pipeline(name, signal, lambda: Chain([("p", kind())] if kind else []), self.meter)

    def shutdown(self) -> None:
        self.executor.shutdown()
        self.huge.shutdown()

    async def kept(self) -> list[bytes]:
        """Return the payloads that wait for the destination."""
        return [entry.record.payload for entry in await self.cursor.read(1 << 30)]

    def count(self, name: str) -> float:
        return self.meter.value(f"receiver_{name}_total", receiver="otlp", transport="test")


@pytest.fixture
def gateway() -> Iterator[Gateway]:
    """Return pipelines without processors."""
    made = Gateway()
    yield made
    made.shutdown()


def request(body: bytes, signal: Signal = Signal.TRACES, trust: Trust = "context") -> Request:
    """Return a request as a transport would."""
    return Request(signal, body, transport="test", trust=trust)


class WithoutSockets(Receiver):
    """A transport like any other, but for the network: what drives the core is not what it is called by."""

    async def start(self, consume: Callable[[Request], Awaitable[Answer]], /) -> None:
        self._consume = consume

    async def deliver(self, body: bytes) -> Answer:
        return await self._consume(request(body))

    async def shutdown(self, grace_s: float = 0.0) -> None:
        pass


async def test_any_transport_drives_the_core(gateway: Gateway) -> None:
    """A receiver without sockets gets the same answers: the core knows no transport."""
    transport = WithoutSockets()
    await transport.start(gateway.intake.receive)
    body = make_request({"a": 1})

    assert Answer() == await transport.deliver(body)
    assert (3, 400) == ((refused := await transport.deliver(b"\xff")).grpc_status, refused.http_status)
    assert [body] == await gateway.kept()


async def test_a_batch_that_nobody_touches_is_kept_as_the_bytes_that_came(gateway: Gateway) -> None:
    """Forwarding is byte for byte."""
    body = make_request({"a": 1}) + b"\xfa\x7f\x03abc"
    await gateway.intake.receive(request(body))

    assert body is (await gateway.kept())[0]
    assert 1 == gateway.count("accepted_spans")


async def test_odd_attributes_are_forwarded_as_they_came(gateway: Gateway) -> None:
    """I28: no value, bytes, an empty key and a key that stands twice are all legal on the wire."""
    body = ExportTraceServiceRequest.FromString(make_request({"none": None, "bytes": b"\xff", "": "x", "k": 1}))
    body.resource_spans[0].scope_spans[0].spans[0].attributes.add(key="k").value.int_value = 2
    raw = body.SerializeToString()
    await gateway.intake.receive(request(raw))

    assert raw == (await gateway.kept())[0]


async def test_an_empty_request_is_taken(gateway: Gateway) -> None:
    """I2: nothing in, success out, nothing kept."""
    assert Answer() == await gateway.intake.receive(request(b""))
    assert 0 == gateway.journal.used_bytes


async def test_every_cut_of_a_request_is_taken_or_refused(gateway: Gateway) -> None:
    """I1: a request cut at any byte is refused as invalid, unless the cut is between two messages."""
    body = make_request({"a": 1}, {"b": "x"})
    taken = [cut for cut in range(len(body)) if (await gateway.intake.receive(request(body[:cut]))).grpc_status == 0]

    assert [0] == taken


async def test_bad_spans_are_rejected_and_the_good_ones_kept(gateway: Gateway) -> None:
    """I22: one bad id costs that span: partial success, counted."""
    body = ExportTraceServiceRequest.FromString(make_request({"n": 1}, {"n": 2}))
    body.resource_spans[0].scope_spans[0].spans[0].trace_id = b"short"
    answer = await gateway.intake.receive(request(body.SerializeToString()))

    assert (0, 1) == (answer.grpc_status, answer.rejected)
    assert answer.message
    assert (1, 1) == (gateway.count("accepted_spans"), gateway.count("refused_spans"))
    assert [2] == [span.get("n") for span in Batch((await gateway.kept())[0]).spans]


@pytest.mark.parametrize(
    ("trust", "left"),
    [("context", ["otel_llm.route"]), ("none", []), ("all", ["otel_llm.route", "otel_llm.cost.status"])],
)
async def test_what_a_sender_claims_survives_by_trust(gateway: Gateway, trust: Trust, left: list[str]) -> None:
    """A sender cannot forge a price, and can say whom a call is for, unless the config says otherwise."""
    await gateway.intake.receive(
        request(make_request({"otel_llm.route": "bot", "otel_llm.cost.status": "priced"}), trust=trust)
    )

    assert left == Batch((await gateway.kept())[0]).spans[0].keys()


@pytest.mark.parametrize(
    ("trust", "tenant", "survives"), [("none", "acme", False), ("context", "acme", False), ("all", "other", True)]
)
async def test_whom_a_token_stands_for_is_on_all_that_came_with_it(
    gateway: Gateway, trust: Trust, tenant: str, *, survives: bool
) -> None:
    """On every resource, and nowhere what the sender says instead, unless that is a gateway of ours."""
    sent = make_request({"otel_llm.tenant": "other", **GEN_AI}, resource={"otel_llm.tenant": "other"})
    await gateway.intake.receive(replace(request(sent, trust=trust), tenant="acme"))
    (kept,) = await gateway.kept()

    assert tenant == Batch(kept).resources[0].get("otel_llm.tenant")
    assert survives is (b"other" in kept)


async def test_a_signal_without_pipeline_is_not_served(gateway: Gateway) -> None:
    """I34: UNIMPLEMENTED or 404, never a success that drops."""
    answer = await gateway.intake.receive(request(b"", Signal.METRICS))

    assert (12, 404, None) == (answer.grpc_status, answer.http_status, answer.retry_after_s)


async def test_a_full_journal_asks_to_try_again() -> None:
    """B2: UNAVAILABLE with a time, and nothing of the request is kept."""
    gateway = Gateway(capacity=2000)
    body = make_request({"a": "x" * 1000})
    answers = [await gateway.intake.receive(request(body)) for _ in range(2)]
    gateway.shutdown()

    assert [(0, 200, None), (14, 503, 1.0)] == [(a.grpc_status, a.http_status, a.retry_after_s) for a in answers]
    assert (1, 1) == (gateway.count("accepted_spans"), gateway.count("refused_spans"))


async def test_a_large_request_leaves_the_event_loop_alone() -> None:
    """Over a limit the chain runs in a thread, with processors of that thread's own; over another in one of others."""
    gateway = Gateway(("traces", Mark))
    for size in (10, INLINE_BYTES, HUGE_BYTES):
        await gateway.intake.receive(request(make_request({**GEN_AI, "text": "x" * size})))
    threads = [Batch(payload).spans[0].get("thread") for payload in await gateway.kept()]
    gateway.shutdown()

    assert ["MainThread", "worker_0", "huge_0"] == threads


async def test_pipelines_of_one_signal_do_not_see_each_others_writes() -> None:
    """Each gets the request as it came in."""
    gateway = Gateway(("traces", Mark), ("traces/plain", None))
    body = make_request(GEN_AI)
    await gateway.intake.receive(request(body))
    marked, plain = await gateway.kept()
    gateway.shutdown()

    assert body == plain
    assert body != marked


async def test_what_a_processor_drops_is_accepted_and_counted() -> None:
    """The sender has done its part; nothing is left to forward."""
    gateway = Gateway(("traces", DropAll))
    answer = await gateway.intake.receive(request(make_request(GEN_AI)))
    gateway.shutdown()

    assert Answer() == answer
    assert 0 == gateway.journal.used_bytes
    assert 1 == gateway.meter.value("processor_dropped_spans_total", pipeline="traces", reason="policy")


async def test_a_bug_of_ours_is_answered_without_its_text(
    gateway: Gateway, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """S11: the sender may try again and learns an id; the exception's text goes nowhere."""

    async def fail(_: object) -> int:
        await asyncio.sleep(0)
        raise RuntimeError("hunter2")

    monkeypatch.setattr(gateway.journal, "append", fail)
    with caplog.at_level(logging.ERROR):
        answer = await gateway.intake.receive(request(make_request({"a": 1})))

    assert 14 == answer.grpc_status
    assert "hunter2" not in answer.message + caplog.text
    assert answer.message.removeprefix("internal error ") in caplog.text


@pytest.mark.parametrize("encoding", ["protobuf", "json"])
async def test_too_many_items_are_refused_before_they_are_decoded(encoding: Encoding) -> None:
    """I29: INVALID_ARGUMENT or 400, whatever the encoding."""
    gateway = Gateway(memory=MemoryConfig(max_items_per_request=5))
    bodies = [make_request(*[{}] * spans) for spans in (3, 4)]
    if encoding == "json":
        bodies = [otlp_json.encode(Signal.TRACES, body) for body in bodies]
    answers = [await gateway.intake.receive(Request(Signal.TRACES, body, encoding, "test")) for body in bodies]
    gateway.shutdown()

    assert [(0, 200), (3, 400)] == [(answer.grpc_status, answer.http_status) for answer in answers]
    assert 3 == gateway.count("accepted_spans")


@pytest.mark.parametrize("body", [make_request({"a": 1}), make_request({"text": "x" * INLINE_BYTES})])
async def test_short_of_memory_it_asks_to_try_again(monkeypatch: pytest.MonkeyPatch, body: bytes) -> None:
    """UNAVAILABLE with a time; the same request is taken when memory has been freed."""
    answers = []
    for resident_bytes in (490 << 20, 100 << 20):
        monkeypatch.setattr(machine, "resident_bytes", partial(int, resident_bytes))
        gateway = Gateway(memory=MemoryConfig(limit_mib=500))
        answers.append(await gateway.intake.receive(request(body)))
        gateway.shutdown()

    assert [(14, 503, 1.0), (0, 200, None)] == [(a.grpc_status, a.http_status, a.retry_after_s) for a in answers]


async def test_what_large_requests_reserve_is_free_again_after_them() -> None:
    """Taken or refused."""
    gateway = Gateway()
    await gateway.intake.receive(request(make_request({"text": "x" * INLINE_BYTES})))
    await gateway.intake.receive(request(b"\xff" * 2 * INLINE_BYTES))
    gateway.shutdown()

    assert 0 == gateway.meter.value("memory_limiter_reserved_bytes")
    assert 1 == gateway.count("accepted_spans")


async def test_a_large_request_lets_others_pass() -> None:
    """I29: while it is decoded and processed, the event loop answers who has come later."""
    gateway = Gateway()
    nameless = spans(*[field(5, b"")] * 80_000)
    large = asyncio.ensure_future(gateway.intake.receive(request(nameless)))
    await asyncio.sleep(0)
    small = await gateway.intake.receive(request(make_request({"a": 1})))

    assert Answer() == small
    assert not large.done()
    assert 80_000 == (await large).rejected
    gateway.shutdown()


async def test_a_huge_request_lets_large_ones_pass() -> None:
    """Those have a thread of their own."""
    gateway = Gateway(("traces", Gate))
    Gate.opened.clear()
    huge = asyncio.ensure_future(gateway.intake.receive(request(make_request({"a": "x" * HUGE_BYTES}, name="wait"))))
    large = await gateway.intake.receive(request(make_request({"a": "x" * INLINE_BYTES})))

    assert Answer() == large
    assert not huge.done()
    Gate.opened.set()
    assert Answer() == await huge
    gateway.shutdown()


async def test_what_is_only_forwarded_needs_no_thread() -> None:
    """To hand it over would cost more than it takes."""
    gateway = Gateway()
    gateway.shutdown()

    assert Answer() == await gateway.intake.receive(request(make_request({"a": "x" * INLINE_BYTES})))


class MarkModelCalls(Mark):
    """Has work in one kind of span."""

    applies_to = "gen_ai"


@pytest.mark.parametrize(
    ("attributes", "tenant", "needs_thread"),
    [({}, None, False), (GEN_AI, None, True), ({"otel_llm.route": "/"}, None, True), ({}, "acme", True)],
)
async def test_what_no_processor_has_work_in_needs_no_thread(
    attributes: dict[str, str], tenant: str | None, needs_thread: bool
) -> None:
    """A large request only passes if nothing is put on it nor taken from it, which the bytes alone tell."""
    gateway = Gateway(("traces", MarkModelCalls))
    gateway.shutdown()
    large = replace(request(make_request({**attributes, "a": "x" * INLINE_BYTES}), trust="none"), tenant=tenant)
    answer = await gateway.intake.receive(large)

    assert (14 if needs_thread else 0) == answer.grpc_status


class SlowJournal(MemoryJournal):
    """Keeps what it is given at once, and says so when it is told to."""

    def __init__(self) -> None:
        super().__init__(1 << 20)
        self.reached = asyncio.Event()
        self.synced = asyncio.Event()
        self.problem: Exception | None = None

    async def append(self, records: Sequence[Record]) -> int:
        position = await super().append(records)
        self.reached.set()
        await self.synced.wait()
        if self.problem is not None:
            raise self.problem
        return position


@pytest.mark.parametrize(("problem", "accepted", "refused"), [(None, 1, 0), (Retryable("the disk is full"), 0, 1)])
async def test_a_sender_that_leaves_changes_nothing(problem: Exception | None, accepted: int, refused: int) -> None:
    """Cancelled while the journal writes, a request is counted as what it was, once that is known."""
    gateway = Gateway()
    journal = SlowJournal()
    journal.problem = problem
    journal.open_cursor("sink", frozenset({"traces"}))
    intake = Intake(
        "otlp",
        gateway.pipelines,
        journal,
        gateway.executor,
        gateway.meter,
        admission=Admission(MemoryConfig(), gateway.meter),
    )
    call = asyncio.ensure_future(intake.receive(request(make_request({"a": 1}))))
    await journal.reached.wait()
    call.cancel()
    with pytest.raises(asyncio.CancelledError):
        await call
    assert (0, 0) == (gateway.count("accepted_spans"), gateway.count("refused_spans"))
    journal.synced.set()
    await asyncio.wait(asyncio.all_tasks() - {asyncio.current_task()})
    gateway.shutdown()

    assert (accepted, refused) == (gateway.count("accepted_spans"), gateway.count("refused_spans"))
