from __future__ import annotations

import subprocess
import sys
from dataclasses import replace
from decimal import Decimal
from typing import TYPE_CHECKING

import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.trace.v1.trace_pb2 import Span, Status

from otel_llm import otlp_json, semconv
from otel_llm.signals import Signal
from tests.e2e.gateway import pricing_config, run_gateway
from tests.e2e.otlp import attributes_of
from tests.e2e.program import ROOT
from tests.e2e.sink import Sink
from tests.emitters.answers import answers
from tests.emitters.app import run_app
from tests.emitters.call import Call, answered, told
from tests.emitters.record import recording
from tests.emitters.table import EMITTERS, Emitter
from tests.fake_provider import Reply

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

Case = tuple[Emitter, str]


def cases(*quick: pytest.MarkDecorator) -> pytest.MarkDecorator:
    """Return every scenario of every emitter, quick ones with the marks *quick*."""
    return pytest.mark.parametrize(
        ("emitter", "scenario"),
        [
            pytest.param(emitter, scenario, id=f"{emitter.name}-{scenario}", marks=list(quick) if emitter.quick else [])
            for emitter in EMITTERS
            for scenario in emitter.scenarios
        ],
    )


@pytest.fixture(scope="module")
def processed(tmp_path_factory: pytest.TempPathFactory) -> Mapping[tuple[str, str], list[Span]]:
    """Put all recordings through `otel-llm process` at once, and return the spans of each by emitter and scenario."""
    config = tmp_path_factory.mktemp("process") / "otel-llm.yaml"
    config.write_text(pricing_config("debug"))
    recordings = {
        (emitter.name, scenario): recording(emitter, scenario).read_bytes().splitlines(keepends=True)
        for emitter in EMITTERS
        for scenario in emitter.scenarios
    }
    done = subprocess.run(
        [sys.executable, "-m", "otel_llm", "process", "--config", config],
        input=b"".join(line for lines in recordings.values() for line in lines),
        capture_output=True, check=True, cwd=ROOT,
    )  # fmt: skip
    out = iter(done.stdout.splitlines())
    return {
        case: spans_of(otlp_json.decode(Signal.TRACES, next(out)) for _line in lines)
        for case, lines in recordings.items()
    }


@cases()
def test_recorded(emitter: Emitter, scenario: str, processed: Mapping[tuple[str, str], list[Span]]) -> None:
    """What an emitter once sent leaves with what the provider had answered, each call priced once and exactly."""
    check(emitter, scenario, processed[emitter.name, scenario])


@pytest.mark.emitters
@cases(pytest.mark.backend)
async def test_live(emitter: Emitter, scenario: str, tmp_path: Path) -> None:
    """So does what it sends now, through a running gateway."""
    async with Sink() as sink:
        config = pricing_config("otlp", endpoint=sink.grpc_endpoint, tls={"insecure": True})
        async with run_gateway(tmp_path, config) as gateway:
            await run_app(emitter, scenario, gateway.http_endpoint)
        bodies = [each.body for each in sink.received if each.signal is Signal.TRACES]

    check(emitter, scenario, spans_of(bodies))


def spans_of(bodies: Iterable[bytes]) -> list[Span]:
    """Return the spans of export requests, in order of their start."""
    requests = map(ExportTraceServiceRequest.FromString, bodies)
    spans = [
        span
        for request in requests
        for group in request.resource_spans
        for scope in group.scope_spans
        for span in scope.spans
    ]
    return sorted(spans, key=lambda span: span.start_time_unix_nano)


def check(emitter: Emitter, scenario: str, spans: list[Span]) -> None:
    """Compare spans as they leave with what the provider answered."""
    provider = emitter.provider
    given = answers(scenario, provider)
    replies = [answer for answer in given if isinstance(answer, Reply)]
    expected = [
        answered(provider, scenario, reply, turn, emitter.says_in(scenario, turn)) for turn, reply in enumerate(replies)
    ]
    charged = [span for span in spans if semconv.COST_TOTAL_USD in attributes_of(span)]

    assert expected == [told_by(span, spans, emitter.above) for span in charged]
    assert [call.usd(provider.prices, span) for call, span in zip(expected, charged, strict=True)] == [
        Decimal(repr(attributes_of(span)[semconv.COST_TOTAL_USD])) for span in charged
    ]
    asked = [
        emitter.says_in(scenario, turn).get("request_model", provider.asked)
        for turn, answer in enumerate(given)
        if not isinstance(answer, Reply)
    ]
    assert asked == [told(span).request_model for span in spans if is_refused_call(span)]


def told_by(span: Span, spans: list[Span], above: tuple[str, ...]) -> Call:
    """Return the call that a span tells of, with what the one *above* it does."""
    call = told(span)
    if not above:
        return call
    [parent] = [told(each) for each in spans if each.span_id == span.parent_span_id]
    return replace(call, **{field: getattr(parent, field) for field in above})


def is_refused_call(span: Span) -> bool:
    """Tell whether a span is a model call that failed."""
    operation = attributes_of(span).get(semconv.GEN_AI_OPERATION_NAME)
    return span.status.code == Status.STATUS_CODE_ERROR and operation in {"chat", "generate_content"}
