"""The oracle sees what it is there to see. Without a gateway: what it knows is made up."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Final

import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from tests.faults.gateway import SECRET
from tests.faults.metrics import Metrics
from tests.faults.oracle import Oracle
from tests.faults.sender import CREDENTIALS, Answer
from tests.faults.sink import Arrival, Sink
from tests.faults.wire import CONTENT, Kept, new_request, spans_in

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

Fault = Callable[[Oracle, bytes], object]


@pytest.fixture
async def happy(tmp_path: Path) -> AsyncIterator[Oracle]:
    """An oracle for which everything went as it should: ten spans were sent, acknowledged, and arrived."""
    async with Oracle(tmp_path, {"otlp": Sink("grpc")}) as oracle:
        request = new_request(10)
        oracle.sender.ledger.spans |= request.spans
        oracle.sender.ledger.acked |= request.spans.keys()
        oracle.sender.ledger.answers[Answer("http", 200)] += 1
        oracle.sink.spans |= request.spans
        oracle.sink.times.update(request.spans.keys())
        yield oracle


def state_file(oracle: Oracle, text: str) -> None:
    """Put a file among those of the journal."""
    oracle.gateway.state.mkdir()
    (oracle.gateway.state / "file").write_text(text)


ARRIVAL: Final = Arrival(0, (), {"authorization": CREDENTIALS}, "", b"")

FAULTS: Final[dict[str, Fault]] = {
    "V1: 1 of 10 acknowledged spans did not arrive": lambda oracle, span_id: oracle.sink.spans.pop(span_id),
    "V2: 1 spans arrived that were not sent": lambda oracle, _: oracle.sink.spans.update(new_request(1).spans),
    "V2: 1 spans arrived that were not as they were sent": lambda oracle, span_id: oracle.sink.spans.update(
        {span_id: Kept(b"", b"")}
    ),
    "V2: 1 spans were not the same when they came again": lambda oracle, span_id: oracle.sink.changed.add(span_id),
    "2 duplicates, of which 1 were to be expected": lambda oracle, span_id: oracle.sink.times.update([span_id] * 2),
    "stands in the log": lambda oracle, _: (oracle.gateway.directory / "otel-llm-0.log").write_text(CONTENT),
    "stands in an answer": lambda oracle, _: oracle.sender.ledger.words.add(f"a {CONTENT}"),
    "a credential stands in file": lambda oracle, _: state_file(oracle, SECRET),
    "the header of a client reached a backend": lambda oracle, _: oracle.sink.arrivals.append(ARRIVAL),
    "V8: not as it should be": lambda oracle, _: oracle.sender.ledger.complaints.append("not as it should be"),
}


def test_nothing_wrong(happy: Oracle) -> None:
    """Where nothing is wrong nothing is found."""
    assert [] == happy.violations(duplicates=1)


@pytest.mark.parametrize("found", FAULTS)
def test_sees(found: str, happy: Oracle) -> None:
    """Each of these is found, and nothing else."""
    happy.gateway.logs.append(happy.gateway.directory / "otel-llm-0.log")
    happy.gateway.logs[0].touch()
    FAULTS[found](happy, next(iter(happy.sink.spans)))

    [violation] = happy.violations(duplicates=1)

    assert found in violation


COUNTED: Final = {
    'receiver_requests_total{transport="http",code="0"}': 1,
    "receiver_accepted_spans_total{}": 10,
    'exporter_sent_spans_total{exporter="otlp"}': 10,
}


def metrics(**changes: float) -> Metrics:
    """Return what a gateway has counted for which all went well, but for some changes."""
    counts = {name: changes.get(name.partition("{")[0], value) for name, value in COUNTED.items()}
    counts |= {f'{name}{{exporter="otlp"}}': value for name, value in changes.items() if name.startswith("exporter_d")}
    return Metrics("".join(f"otel_llm_{name} {value}\n" for name, value in counts.items()))


@pytest.mark.parametrize(
    ("changes", "found"),
    [
        ({}, []),
        ({"receiver_requests_total": 2}, ["V3"]),
        ({"receiver_accepted_spans_total": 11}, ["V3", "V4"]),
        ({"exporter_sent_spans_total": 9}, ["V4"]),
        ({"exporter_sent_spans_total": 9, "exporter_dropped_spans_total": 1}, ["V1"]),
    ],
)
def test_counts(changes: dict[str, float], found: list[str], happy: Oracle) -> None:
    """Whatever is counted is compared with what happened."""
    assert found == [problem[:2] for problem in happy.miscounted(metrics(**changes))]


def test_takes_requests_apart() -> None:
    """Every span is found as it stands in the bytes; of a gen_ai span, all but its attributes."""
    request = new_request(3, gen_ai=1)
    parsed = ExportTraceServiceRequest.FromString(request.body).resource_spans[0].scope_spans[0].spans

    assert [span.span_id for span in parsed] == list(request.spans)
    for span, kept in zip(parsed[:2], request.spans.values(), strict=False):
        assert span.SerializeToString() == kept.span
    del parsed[2].attributes[:]
    assert parsed[2].SerializeToString() == request.spans[parsed[2].span_id].span


@pytest.mark.parametrize("cut", [1, 5, 17])
def test_does_not_read_what_breaks_off(cut: int) -> None:
    """A request that is not whole is none."""
    with pytest.raises(ValueError, match="breaks off"):
        dict(spans_in(new_request(1).body[:-cut]))
