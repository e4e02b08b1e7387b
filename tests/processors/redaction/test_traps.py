"""What other redactors have been caught with, by the numbers of the list that is kept of it."""

from __future__ import annotations

import base64
import json
import logging
from typing import TYPE_CHECKING, Any

import pytest
from google.protobuf.descriptor import FieldDescriptor
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from otel_llm.batch import Batch
from otel_llm.chain import Chain
from otel_llm.component import Processor, Settings
from otel_llm.config import load_config
from otel_llm.detection import RuleDetector, bundled_rules, sieve
from otel_llm.detection.examples import made_up
from otel_llm.detection.scan import MIN_WORK
from otel_llm.detection.segment import Segment
from otel_llm.errors import ConfigError
from otel_llm.signals import Signal
from otel_llm.telemetry import Meter
from otel_llm.testing import make_request
from otel_llm.text import EXEMPT
from otel_llm_processors.redaction import factory

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from google.protobuf.message import Message

    from otel_llm.detection.view import View
    from otel_llm.span import Span

TOKEN = made_up("ghp_<w36>")
MAIL = "erika.mustermann@example.org"
CHAIN = Chain([("redaction", factory.build())])


def redacted(attributes: dict[str, Any], config: dict[str, Any] | None = None) -> dict[str, Any]:
    """Return a span's attributes after redaction, without those that it adds."""
    batch = Batch(make_request(attributes))
    (Chain([("redaction", factory.build(config))]) if config else CHAIN).run(batch)
    span = batch.spans[0]
    return {key: span.get(key) for key in span.keys() if not key.startswith("otel_llm.")}  # noqa: SIM118 - no dict


def fill(message: Message, said: str, depth: int = 0) -> list[str]:
    """Put a text into every field of a message that can hold one; return their names, ids apart."""
    names: list[str] = []
    for field in message.DESCRIPTOR.fields:
        is_text = field.type in (FieldDescriptor.TYPE_STRING, FieldDescriptor.TYPE_BYTES)
        if is_text and field.full_name not in EXEMPT:
            value = said if field.type == FieldDescriptor.TYPE_STRING else said.encode()
            getattr(message, field.name).append(value) if field.is_repeated else setattr(message, field.name, value)
            names.append(field.full_name)
        elif field.type == FieldDescriptor.TYPE_MESSAGE and depth < 9:
            held = getattr(message, field.name)
            names += fill(held.add() if field.is_repeated else held, said, depth + 1)
    return names


def text_fields(descriptor: Any, seen: set[str]) -> set[str]:
    """Return every field of text or bytes below a kind of message."""
    found: set[str] = set()
    for field in descriptor.fields:
        if field.type in (FieldDescriptor.TYPE_STRING, FieldDescriptor.TYPE_BYTES):
            found.add(field.full_name)
        elif field.message_type is not None and field.message_type.full_name not in seen:
            seen.add(field.message_type.full_name)
            found |= text_fields(field.message_type, seen)
    return found


@pytest.mark.parametrize("kind", [ExportTraceServiceRequest, ExportLogsServiceRequest])
def test_11_every_field_of_otlp_is_redacted_or_exempt_with_a_reason(kind: type[Message]) -> None:
    """Whatever can hold a text is visited; each exception says why it is one."""
    message = kind()
    filled = fill(message, f"token {TOKEN} of {MAIL}")
    batch = Batch(message.SerializeToString(), Signal.TRACES if kind is ExportTraceServiceRequest else Signal.LOGS)
    CHAIN.run(batch)

    assert text_fields(kind.DESCRIPTOR, set()) == {*filled, *(text_fields(kind.DESCRIPTOR, set()) & EXEMPT.keys())}
    assert TOKEN.encode() not in batch.to_bytes()
    assert MAIL.encode() not in batch.to_bytes()
    assert all(EXEMPT.values())


def test_03_lists_and_maps_are_looked_into() -> None:
    """Walking string values alone leaves what stands in arrays."""
    assert {"a": ["x", "[REDACTED:email]"]} == redacted({"a": ["x", MAIL]})


def test_05_images_stay_whole_and_cost_no_findings() -> None:
    """A data URI of more than 4 KB is a file: it is not decoded, and nothing in it is taken for a key."""
    image = "data:image/png;base64," + base64.b64encode(bytes(range(256)) * 64).decode()

    assert {"image": image} == redacted({"image": image})


def test_07_what_is_short_is_not_removed_everywhere() -> None:
    """A password of few characters is part of other words."""
    assert "version 1.2.3 of hunter" == redacted({"a": "password is 'v1.2.3'", "b": "version 1.2.3 of hunter"})["b"]


@pytest.mark.parametrize(
    "part",
    [
        {"type": "tool_call", "name": "mail", "arguments": {"to": MAIL}},
        {"type": "tool_call", "name": "mail", "arguments": json.dumps({"to": MAIL, "n": 1.10})},
        {"type": "tool_call_response", "id": "call_1", "result": f"sent to {MAIL}"},
        {"type": "tool_use", "input": {"to": [MAIL]}},
        {"type": "reasoning", "content": f"They want {MAIL}"},
        {"function": {"name": "mail", "arguments": json.dumps({"inner": json.dumps({"to": MAIL})})}},
    ],
)
def test_09_tool_calls_and_reasoning_are_messages_too(part: dict[str, Any]) -> None:
    """Arguments and results hold what the conversation is about, and stay JSON at every level."""
    after = redacted({"gen_ai.input.messages": json.dumps([{"role": "assistant", "parts": [part]}])})
    text = after["gen_ai.input.messages"]

    assert MAIL not in text
    assert "[REDACTED:email]" in text
    json.loads(text)


@pytest.mark.parametrize("size", [1, 3, 7, 30])
def test_10_a_secret_that_was_streamed_in_chunks_is_removed(size: int) -> None:
    """The chunks of a stream are events of one span: no chunk holds the secret, all together do."""
    said = f"the token is {TOKEN}, keep it"
    batch = Batch(make_request({}))
    for place in range(0, len(said), size):
        batch.spans[0].add_event("chunk", {"delta": said[place : place + size]})
    batch = Batch(batch.to_bytes())
    CHAIN.run(batch)
    left = "".join(str(event.get("delta")) for event in batch.spans[0].events)

    assert left.startswith("the token is [REDACTED:github-token]")
    assert left.endswith("[REDACTED:github-token], keep it")
    assert not [TOKEN[place : place + 4] for place in range(len(TOKEN) - 3) if TOKEN[place : place + 4] in left]


@pytest.mark.parametrize("replace", ["mask", "partial", "drop", "pseudonym", "encrypt"])
def test_12_no_marker_shows_what_it_hides(replace: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of a secret not even the first characters stay."""
    monkeypatch.setenv("TEST_KEY", "0f" * 32)
    keys = {"pseudonym_key": {"environment": "TEST_KEY"}, "encryption_key": {"environment": "TEST_KEY"}}
    after = redacted({"a": TOKEN}, {"replace": replace, **keys})["a"]

    assert not [TOKEN[place : place + 5] for place in range(len(TOKEN) - 5) if TOKEN[place : place + 5] in after]


@pytest.mark.parametrize(
    "settled",
    [
        "password=[REDACTED:password]",
        "token: [REDACTED:openai-api-key]",
        "https://x:[REDACTED:password]@db.example.com",
    ],
)
def test_14_markers_are_never_matched_again(settled: str) -> None:
    """A rule for what stands behind `password=` finds the marker of the run before otherwise."""
    assert {"a": settled} == redacted({"a": settled})


def test_14_a_marker_of_nobody_protects_nothing() -> None:
    """A sender cannot hide a secret by writing around it what looks like a marker."""
    assert TOKEN not in redacted({"a": f"[REDACTED:whatever:{TOKEN}]"})["a"]


class Counting:
    """Counts the work that a detector does: bytes that engines are given, candidates verified, copies decoded."""

    def __init__(self, detector: RuleDetector, monkeypatch: pytest.MonkeyPatch) -> None:
        self._engine = detector.engine
        self._holds = detector.holds
        self.work = 0
        detector.engine = self
        monkeypatch.setattr(detector, "holds", self.holds)
        made = Segment.__init__

        def init(segment: Segment, owner: int, view: View, *arguments: Any, **named: Any) -> None:
            self.work += len(view.text) if view.parent else 0
            made(segment, owner, view, *arguments, **named)

        monkeypatch.setattr(Segment, "__init__", init)
        decoded = sieve._decoded

        def decode(data: bytes) -> bytes:
            self.work += len(data)
            return decoded(data)

        monkeypatch.setattr(sieve, "_decoded", decode)

    def found(self, data: bytes, starts: Sequence[int]) -> Iterator[tuple[int, int, int, int]]:
        self.work += len(data)
        return self._engine.found(data, starts)

    def spans(
        self, pattern: int, data: bytes, begin: int = 0, end: int | None = None, *, quoted: bool = False
    ) -> Iterator[tuple[int, int]]:
        self.work += (len(data) if end is None else end) - begin
        return self._engine.spans(pattern, data, begin, end, quoted=quoted)

    def runs(self, data: bytes) -> Sequence[tuple[int, int]] | None:
        return self._engine.runs(data)

    def marks(self, data: bytes) -> Sequence[int] | None:
        self.work += len(data)
        return self._engine.marks(data)

    def suspicious(self, data: bytes) -> Sequence[int] | None:
        self.work += len(data)
        return self._engine.suspicious(data)

    def fired_only(self, data: bytes, tolerated: frozenset[int]) -> Sequence[int] | None:
        return self._engine.fired_only(data, tolerated)

    def holds(self, *candidate: Any) -> bool:
        self.work += 1
        return self._holds(*candidate)


ORDINARY = json.dumps(
    [{"content": "The parcel for order 4711 was sent on Tuesday.\nIt should be with you by the end of the week.\n"}]
    * 600
)
HOSTILE = {
    "every format": " ".join(made_up(shape) for rule in bundled_rules() for shape in rule.examples),
    "numbers": "+1 415-555-01 " * 4000,
    "keywords": " ".join(word for rule in bundled_rules() for word in rule.keywords) * 8,
    "base64": base64.b64encode(b"user@example.com " * 3000).decode(),
    "escapes": "\\u0070\\u0061" * 5000,
    "percent": "%70%61%73%73" * 5000,
    "quotes": '"' * 60_000,
    "backslashes": '["' + "\\\\" * 30_000 + '"]',
    "nested": json.dumps([json.dumps([json.dumps(["password: x1y2z3 " * 500])])]),
    "one letter": "a" * 60_000,
    "dots": "a." * 30_000,
    "at signs": "a@" * 30_000,
}


@pytest.mark.interpreted
@pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE)
def test_15_no_text_is_five_times_the_work_of_an_ordinary_one(text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Bytes scanned, searched and decoded and candidates verified, by byte of text, beside messages in JSON."""
    detector = RuleDetector(rule for rule in bundled_rules() if rule.enabled)
    counting = Counting(detector, monkeypatch)
    detector.scan([("x", ORDINARY)])
    ordinary = counting.work / len(ORDINARY)
    counting.work = 0
    detector.scan([("x", text)])

    assert 5 * ordinary >= (counting.work - MIN_WORK) / len(text.encode())


def test_15_what_would_be_too_much_work_is_dropped_not_waved_through() -> None:
    """Past the limit a value is replaced, and told."""
    text = HOSTILE["every format"] * 20
    batch = Batch(make_request({"x": text, "y": "z"}))
    CHAIN.run(batch)

    assert "[UNSCANNED:work]" == batch.spans[0].get("x")
    assert "z" == batch.spans[0].get("y")
    assert "partial" == batch.spans[0].get("otel_llm.redaction.status")


@pytest.mark.interpreted
def test_16_a_failure_leaves_nothing_of_the_span_in_clear(monkeypatch: pytest.MonkeyPatch) -> None:
    """It fails closed: what nobody has looked at is not forwarded, the span and its numbers are."""
    processor = factory.build()
    monkeypatch.setattr(processor, "_redact_text", lambda *_: 1 / 0)
    batch = Batch(make_request({"x": MAIL, "gen_ai.usage.input_tokens": 7}))
    Chain([("redaction", processor)]).run(batch)

    assert MAIL.encode() not in batch.to_bytes()
    assert 7 == batch.spans[0].get("gen_ai.usage.input_tokens")
    assert ["redaction"] == batch.spans[0].get("otel_llm.processor.errors")


def test_17_a_text_is_never_cut_before_it_is_scanned() -> None:
    """Half a key is one that no rule knows: a text that is too long goes whole."""
    assert {"x": "[UNSCANNED:oversize]"} == redacted({"x": "a" * 50 + TOKEN}, {"max_value_bytes": 60})


@pytest.mark.parametrize("beside", ["nothing", TOKEN])
def test_17_a_value_over_the_limit_is_dropped_whatever_it_says(beside: str) -> None:
    """Also where its bytes alone tell that nothing can be found in it."""
    assert "[UNSCANNED:oversize]" == redacted({"x": "word " * 20, "y": beside}, {"max_value_bytes": 60})["x"]


@pytest.mark.parametrize("around", ["\u00e9", "\u6f22", "\U0001f600", "\u00df\u00df"])
def test_18_characters_beside_a_secret_stay_whole(around: str) -> None:
    """Offsets of engines are bytes; a character of several is never split, and ends a word."""
    assert {"x": f"{around}[REDACTED:github-token]{around}"} == redacted({"x": f"{around}{TOKEN}{around}"})


def test_18_a_lone_surrogate_in_json_does_not_stop_it() -> None:
    """It cannot be written in UTF-8; what stands beside it is redacted all the same."""
    assert '["\\ud83d [REDACTED:email]"]' == redacted({"x": f'["\\ud83d {MAIL}"]'})["x"]


class Failing(Processor):
    """Raises with what it has read."""

    applies_to = "all"

    def process_span(self, span: Span, /) -> None:
        raise ValueError(span.get("x"))


def test_20_no_finding_is_in_logs_metrics_or_errors(caplog: pytest.LogCaptureFixture) -> None:
    """A canary is nowhere but in what came in: not in what goes out, nor in what the program says of itself."""
    caplog.set_level(logging.DEBUG)
    meter = Meter()
    canaries = [made_up(f"{prefix}<w36>", seed) for seed, prefix in enumerate(["ghp_", "npm_", "password=Zz9"])]
    attributes: dict[str, Any] = {"x": " ".join(canaries), canaries[0]: 1, "y": json.dumps({"password": canaries[2]})}
    chain = Chain([("failing", Failing()), ("redaction", factory.build({}, Settings("redaction", meter)))], meter=meter)
    chain.start()
    batch = Batch(make_request(attributes))
    chain.run(batch)
    with pytest.raises(ConfigError) as refused:
        load_config(f"processors: {{redaction: {{rules: {{add: [{{id: '{canaries[0]}'}}]}}}}}}", environ={})
    said = batch.to_bytes() + meter.text() + caplog.text.encode() + str(refused.value).encode()

    assert b"otel_llm_redaction_findings_total" in said
    assert not [canary for canary in canaries if canary.removeprefix("password=").encode() in said]


def test_20_the_policy_is_logged_once_for_each_change(caplog: pytest.LogCaptureFixture) -> None:
    """Every thread has a processor, and a reload makes new ones: one line tells when something has changed."""
    caplog.set_level(logging.INFO)
    for replace in ("mask", "mask", "drop", "drop"):
        factory.build({"replace": replace}, Settings("redaction/audited")).start()

    lines = [record.getMessage() for record in caplog.records if "redaction/audited" in record.getMessage()]
    assert ["mask", "drop"] == [line.partition("replaces by ")[2].partition(",")[0] for line in lines]


def test_content_is_remembered_by_what_it_says() -> None:
    """A conversation that grows is scanned once, message by message, and found alike without the cache."""
    meter = Meter()
    chain = Chain([("redaction", factory.build({"content_cache": 100}))], meter=meter)
    turns = [{"role": "user", "content": f"{place} {MAIL} " + "and so on " * 40} for place in range(6)]
    for length in range(1, 7):
        text = json.dumps(turns[:length])
        batch = Batch(make_request({"gen_ai.input.messages": text}))
        chain.run(batch)
        assert redacted({"x": text})["x"] == batch.spans[0].get("gen_ai.input.messages")

    assert 15 == meter.value("detection_cache_lookups_total", outcome="hit")
    assert 6 == meter.value("detection_cache_lookups_total", outcome="miss")
