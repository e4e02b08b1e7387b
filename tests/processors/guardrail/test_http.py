from __future__ import annotations

import asyncio
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import pytest
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest

from otel_llm.admission import Admission
from otel_llm.admission.config import MemoryConfig
from otel_llm.batch import Batch
from otel_llm.breaker import Breaker
from otel_llm.chain import Chain
from otel_llm.component import Settings
from otel_llm.intake import Intake
from otel_llm.journal.memory import MemoryJournal
from otel_llm.pipeline import Pipeline
from otel_llm.request import Request
from otel_llm.signals import Signal
from otel_llm.telemetry import Meter
from otel_llm.testing import make_request
from otel_llm_processors.guardrail import factory

from .checked import FINDINGS, VERDICT, guardrail, run, said
from .judge import WORD, Judge

if TYPE_CHECKING:
    from collections.abc import Iterator

UNJUDGED = ("warn", ["unscanned.judge"])


@pytest.fixture
def judge() -> Iterator[Judge]:
    """Run a service."""
    with Judge() as judge:
        yield judge


def verdict(chain: Chain, text: str = "hello") -> tuple[Any, Any]:
    """Return what a chain makes of a text."""
    span = run(chain, said(text))
    return span.get(VERDICT), span.get(FINDINGS)


def test_a_service_is_asked_as_specified_and_heard(judge: Judge) -> None:
    """One request for all passages of a batch; labels that the config names are findings, from their scores on."""
    meter = Meter()
    chain = guardrail(meter, **judge.config(headers={"X-Key": "abc"}))
    batch = Batch(
        make_request(said(f"the {WORD} sings"), said("hello"), {**said("hello"), "gen_ai.output.messages": "x"})
    )
    chain.run(batch)

    assert [
        {
            "version": 1,
            "texts": [{"target": "input", "text": f"the {WORD} sings"}, {"target": "input", "text": "hello"}],
        }
    ] == judge.requests
    assert ("abc", "application/json") == (judge.headers[0]["X-Key"], judge.headers[0]["Content-Type"])
    assert [["judge.injection"], None, None] == [span.get(FINDINGS) for span in batch.spans]
    assert 0.9 == batch.spans[0].get("otel_llm.guardrail.score")
    assert 1 == meter.value("guardrail_detector_requests_total", detector="http/judge", outcome="judged")


def test_log_records_of_a_batch_are_asked_about_together(judge: Judge) -> None:
    """One request, and one wait, for all of them."""
    request = ExportLogsServiceRequest()
    scope = request.resource_logs.add().scope_logs.add()
    for text in ("hello", WORD):
        record = scope.log_records.add(event_name="gen_ai.client.inference.operation.details")
        record.attributes.add(key="gen_ai.input.messages").value.string_value = text
    batch = Batch(request.SerializeToString(), Signal.LOGS)
    guardrail(**judge.config()).run(batch)

    assert [None, ["judge.injection"]] == [record.get(FINDINGS) for record in batch.records]
    assert 1 == len(judge.requests)


def test_what_was_judged_is_not_asked_again(judge: Judge) -> None:
    """A conversation is sent again with every turn; what failed is asked again."""
    long = f"{WORD} and so on, " * 20
    chain = guardrail(**judge.config())
    judge.status = 500
    assert UNJUDGED == verdict(chain, long)
    judge.status = 200
    assert 2 * [("warn", ["judge.injection"])] == [verdict(chain, long), verdict(chain, long)]
    assert 2 == len(judge.requests)


@pytest.mark.parametrize(
    ("status", "answer"),
    [
        (500, b""),
        (302, b""),
        (200, b"no JSON"),
        (200, b"[]"),
        (200, b'{"results": []}'),
        (200, b'{"results": [{}]}'),
        (200, b'{"results": [{"scores": []}]}'),
        (200, b'{"results": [{"scores": {"injection": 2}}]}'),
        (200, b'{"results": [{"scores": {"injection": "0.9"}}]}'),
        (200, b'{"results": [{"scores": {"injection": null}}]}'),
        (200, b" " * (5 << 20)),
    ],
)
def test_an_answer_that_is_none_is_no_verdict(status: int, answer: bytes, judge: Judge) -> None:
    """Neither good nor bad: the passage was not judged, and that is told."""
    judge.status, judge.answer = status, lambda _: answer

    assert UNJUDGED == verdict(guardrail(**judge.config()))


def test_a_service_that_is_not_there_is_told() -> None:
    """Nobody listens any more."""
    with Judge() as judge:
        config = judge.config()

    assert UNJUDGED == verdict(guardrail(**config))


def test_nobody_waits_longer_than_the_timeout(judge: Judge) -> None:
    """The answer comes after the batch has gone on: if that waited for it, this would never end."""
    judge.go_on.clear()

    assert UNJUDGED == verdict(guardrail(**judge.config(timeout="50ms")))


def test_a_batch_that_is_too_large_is_not_sent(judge: Judge) -> None:
    """The service is not flooded."""
    assert UNJUDGED == verdict(guardrail(**judge.config(max_request_bytes=100)), "x" * 100)
    assert [] == judge.requests


def test_a_service_that_fails_is_left_alone(judge: Judge) -> None:
    """After some failures in a row it is not asked any more, and what comes meanwhile goes on unjudged."""
    judge.status = 500
    meter = Meter()
    chain = guardrail(meter, **judge.config(breaker={"failures": 2, "open_for": "1h"}))

    assert [UNJUDGED] * 5 == [verdict(chain, str(number)) for number in range(5)]
    assert 2 == len(judge.requests)
    assert 3 == meter.value("guardrail_detector_requests_total", detector="http/judge", outcome="skipped")


def test_a_breaker_lets_one_try_after_a_while() -> None:
    """If that fails, the others wait for another while; if not, it is closed."""
    now = 0.0
    breaker = Breaker(2, 10.0, lambda: now)
    breaker.failed()
    breaker.succeeded()
    breaker.failed()
    assert breaker.allows()
    breaker.failed()
    assert not breaker.allows()
    now = 11.0
    assert [True, False] == [breaker.allows(), breaker.allows()]
    breaker.failed()
    now = 20.0
    assert not breaker.allows()
    now = 22.0
    assert breaker.allows()
    breaker.succeeded()
    assert [True, True] == [breaker.allows(), breaker.allows()]


def test_only_so_many_are_under_way_at_once(judge: Judge) -> None:
    """All threads together: one more goes on at once, unjudged, while the others still wait for their answers."""
    judge.go_on.clear()
    config = judge.config(max_concurrency=1)
    first = threading.Thread(target=lambda: found.append(verdict(guardrail(**config), WORD)))
    found: list[Any] = []
    first.start()
    assert judge.asked.acquire(timeout=20)
    other = verdict(guardrail(**config), "other")
    judge.go_on.set()
    first.join()

    assert (UNJUDGED, [("warn", ["judge.injection"])]) == (other, found)


async def test_the_event_loop_is_not_held(judge: Judge) -> None:
    """While one request waits for the service, the loop has time for everything else: here, to let it answer."""
    judge.go_on.clear()
    meter = Meter()

    def make_chain() -> Chain:
        return Chain([("guardrail", factory.build(judge.config(), Settings("guardrail", meter)))])

    pipeline = Pipeline("traces", Signal.TRACES, make_chain, meter)
    journal = MemoryJournal()
    journal.open_cursor("sink", frozenset({"traces"}))
    with ThreadPoolExecutor(1) as executor:
        admission = Admission(MemoryConfig(), meter)
        intake = Intake("otlp", [pipeline], journal, executor, meter, admission=admission)
        answer = asyncio.create_task(intake.receive(Request(Signal.TRACES, make_request(said(WORD)), "protobuf")))
        assert await asyncio.to_thread(judge.asked.acquire, timeout=20)
        judge.go_on.set()

        assert 0 == (await answer).grpc_status
    pipeline.shutdown()
    assert 1 == meter.value("guardrail_flagged_total", route="", model="", rule="judge.injection")
