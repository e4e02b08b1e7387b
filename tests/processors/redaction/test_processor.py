from __future__ import annotations

import base64
import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from otel_llm.batch import Batch
from otel_llm.chain import Chain
from otel_llm.component import Settings
from otel_llm.detection.examples import made_up
from otel_llm.signals import Signal
from otel_llm.telemetry import Meter
from otel_llm.testing import check_processor, make_request
from otel_llm_processors.redaction import factory

CANARIES = {
    "aws": made_up("AKIA<216>"),
    "github": made_up("ghp_<w36>"),
    "openai": made_up("sk-proj-<w48>"),
    "anthropic": made_up("sk-ant-api03-<w90>"),
    "slack": made_up("xoxb-<d12>-<d12>-<w24>"),
    "email": "erika.mustermann@example.org",
    "phone": "+1 415-555-0132",
    "card": "4111 1111 1111 1111",
    "iban": "DE89370400440532013000",
    "ssn": "457-55-5462",
    "ip": "203.0.113.57",
}
CHAIN = Chain([("redaction", factory.build())])


def redacted(attributes: dict[str, Any], **request: Any) -> dict[str, Any]:
    """Return a span's attributes after redaction, without those that it adds."""
    batch = Batch(make_request(attributes, **request))
    CHAIN.run(batch)
    span = batch.spans[0]
    return {key: span.get(key) for key in span.keys() if not key.startswith("otel_llm.")}  # noqa: SIM118 - no dict


def test_it_does_what_every_processor_must() -> None:
    """Registered, documented, harmless on any span, the same when run twice."""
    check_processor(factory)


@pytest.mark.parametrize("canary", CANARIES.values(), ids=CANARIES)
def test_nothing_is_left_on_any_surface_of_a_trace(canary: str) -> None:
    """Names, status, trace state, links, events, scopes, resources, lists, maps, bytes, keys: nothing stays."""
    request = ExportTraceServiceRequest()
    envelope = request.resource_spans.add(schema_url=f"https://example.com/{canary}")
    envelope.resource.attributes.add(key="r").value.string_value = canary
    entity = envelope.resource.attributes.add(key="map").value.kvlist_value.values.add(key=canary)
    entity.value.string_value = f"x {canary}"
    scopes = envelope.scope_spans.add(schema_url=canary)
    scopes.scope.name = canary
    scopes.scope.version = canary
    scopes.scope.attributes.add(key="s").value.string_value = canary
    span = scopes.spans.add(trace_id=b"t" * 16, span_id=b"s" * 8, name=f"chat {canary}", trace_state=f"v={canary}")
    span.status.message = f"failed for {canary}"
    span.attributes.add(key="text").value.string_value = f"it is {canary}."
    span.attributes.add(key="bytes").value.bytes_value = canary.encode()
    span.attributes.add(key="list").value.array_value.values.add().string_value = canary
    span.attributes.add(key=canary).value.int_value = 1
    span.attributes.add(key="json").value.string_value = json.dumps([{"a": {"b": canary}}])
    span.attributes.add(key="tool").value.string_value = json.dumps({"arguments": json.dumps({"q": f"{canary}\n"})})
    event = span.events.add(name=canary)
    event.attributes.add(key="exception.message").value.string_value = canary
    link = span.links.add(trace_id=b"l" * 16, span_id=b"l" * 8, trace_state=canary)
    link.attributes.add(key="l").value.string_value = canary
    batch = Batch(request.SerializeToString())
    CHAIN.run(batch)

    assert canary.encode() not in batch.to_bytes()
    assert b"otel_llm.processor.errors" not in batch.to_bytes()
    assert 21 <= batch.to_bytes().count(b"[REDACTED:")
    json.loads(json.loads(batch.spans[0].get("tool"))["arguments"])


@pytest.mark.parametrize("canary", CANARIES.values(), ids=CANARIES)
def test_nothing_is_left_in_a_log_record(canary: str) -> None:
    """Bodies of any type, severity, event name and attributes are redacted too."""
    request = ExportLogsServiceRequest()
    record = request.resource_logs.add().scope_logs.add().log_records.add(severity_text=canary, event_name=canary)
    record.body.kvlist_value.values.add(key="m").value.array_value.values.add().string_value = canary
    record.attributes.add(key="a").value.string_value = canary
    batch = Batch(request.SerializeToString(), Signal.LOGS)
    CHAIN.run(batch)

    assert canary.encode() not in batch.to_bytes()


@pytest.mark.parametrize(
    "text",
    [
        "write to \\nerika.mustermann\\u0040example.org",
        "q=erika.mustermann%40example.org&x=1",
        "erika\u200b.mustermann@exa\u200dmple.org",
        "".join(chr(0xE0000 + ord(sign)) for sign in "erika.mustermann@example.org"),
        "erika.mustermann\uff20example.org",
        "see " + base64.b64encode(b"mail erika.mustermann@example.org").decode(),
    ],
    ids=["escape", "percent", "zero width", "tags", "wide", "base64"],
)
def test_disguises_are_seen_through(text: str) -> None:
    """Trap 4 and 5: what hides a text from patterns does not save it."""
    assert "[REDACTED:email]" in redacted({"text": text})["text"]


def test_json_is_changed_in_its_strings_alone() -> None:
    """Traps 1 and 2: numbers, duplicate keys and spaces stay as they were written."""
    said = '{"n": 1.10, "n":1e400,  "text": "line\\nbob@example.com \\"quoted\\""}'

    assert said.replace("bob@example.com", "[REDACTED:email]") == redacted({"x": said})["x"]


def test_a_password_is_removed_wherever_it_recurs() -> None:
    """Trap 7: what its surroundings give away is removed where it stands without them."""
    secret = made_up("<w11>7")
    after = redacted({"a": f"password={secret}", "b": f"then {secret} again"})

    assert {"a": "password=[REDACTED:password]", "b": "then [REDACTED:password] again"} == after


def test_overlapping_findings_leave_no_tail() -> None:
    """Trap 6: of what two rules find between them nothing stays."""
    token = made_up("ghp_<w36>")

    assert {"x": "api_key=[REDACTED:github-token]"} == redacted({"x": f"api_key={token}"})


@pytest.mark.parametrize(
    "value",
    [
        "a6336d8f-65be-4d74-a9fa-98df34b9f2c6", "68dc089c08888d0ffa064313dca7af69", "2482cb471c36ab37",
        "1752067209011338958", "1750151331486", "1759135829", "3027785547", "0.4621635457385720",
        "call_OIMuYz60qMGK7XODRk6oLI5p", "2025-08-21T01:01:35.134944Z", "batch-us-20251225-26",
        "6926 5446 2957 509", "26.1.29.25",
    ],
)  # fmt: skip
def test_identifiers_stay(value: str) -> None:
    """Trap 8: what only looks like a number of somebody is nobody's."""
    assert {"x": value, "gen_ai.response.id": value} == redacted({"x": value, "gen_ai.response.id": value})


def test_a_harmless_key_protects_no_secret() -> None:
    """Trap 8c: a name is the sender's choice, and exempts nothing by itself."""
    assert {"gen_ai.request.model": "[REDACTED:card]"} == redacted({"gen_ai.request.model": CANARIES["card"]})


def test_numbers_are_not_touched() -> None:
    """Trap 8a: token counts and costs are no text."""
    attributes = {"gen_ai.usage.input_tokens": 4111111111111111, "cost": 4.15}

    assert attributes == redacted(attributes)


def test_what_is_too_long_to_scan_is_not_forwarded() -> None:
    """Trap 16: a value that could not be checked is dropped, counted and told; the span goes on."""
    meter = Meter()
    chain = Chain([("redaction", factory.build({"max_value_bytes": 10}, Settings("redaction", meter)))], meter=meter)
    batch = Batch(make_request({"x": "bob@example.com"}, name="n"))
    chain.run(batch)

    assert "[UNSCANNED:oversize]" == batch.spans[0].get("x")
    assert "partial" == batch.spans[0].get("otel_llm.redaction.status")
    assert 1 <= meter.value("redaction_unscanned_total", reason="oversize")


def test_pseudonyms_join_without_telling(monkeypatch: pytest.MonkeyPatch) -> None:
    """Trap 13: one value has one keyed digest however it is written; another key makes another."""
    config = {"replace": "pseudonym", "pseudonym_key": {"environment": "TEST_KEY"}}
    said = []
    for key in ("a" * 32, "b" * 32):
        monkeypatch.setenv("TEST_KEY", key)
        batch = Batch(make_request({"x": "Bob@Example.com and bob@example.com"}))
        Chain([("redaction", factory.build(config))]).run(batch)
        first, second = batch.spans[0].get("x").split(" and ")
        assert first == second
        said.append(first)

    assert said[0] != said[1]
    assert 16 == len(said[0].removesuffix("]").rpartition(":")[2])


def test_what_was_encrypted_can_be_read_with_the_key(monkeypatch: pytest.MonkeyPatch) -> None:
    """AES-SIV: reversible for who holds the key, and the same for the same value."""
    from cryptography.hazmat.primitives.ciphers.aead import AESSIV

    monkeypatch.setenv("TEST_KEY", "0f" * 32)
    batch = Batch(make_request({"x": "bob@example.com"}))
    Chain([("redaction", factory.build({"replace": "encrypt", "encryption_key": {"environment": "TEST_KEY"}}))]).run(
        batch
    )
    sealed = batch.spans[0].get("x").removesuffix("]").rpartition("siv.")[2]
    plain = AESSIV(bytes.fromhex("0f" * 32)).decrypt(
        base64.urlsafe_b64decode(sealed + "=" * (-len(sealed) % 4)), [b"email"]
    )

    assert b"bob@example.com" == plain


@pytest.mark.parametrize(
    ("mode", "content"), [("drop", None), ("keep", "bob@example.com"), ("redact", "[REDACTED:email]")]
)
def test_content_modes(mode: str, content: str | None) -> None:
    """What becomes of messages is a choice; usage stays in any case."""
    chain = Chain([("redaction", factory.build({"content": {"mode": mode, "retention": {mode: "short"}}}))])
    batch = Batch(make_request({"gen_ai.input.messages": "bob@example.com", "gen_ai.usage.input_tokens": 7}))
    chain.run(batch)

    assert content == batch.spans[0].get("gen_ai.input.messages")
    assert 7 == batch.spans[0].get("gen_ai.usage.input_tokens")
    assert "short" == batch.spans[0].get("otel_llm.retention")


@settings(max_examples=60, deadline=None)
@given(
    st.recursive(
        st.one_of(st.text(max_size=20), st.sampled_from(list(CANARIES.values())), st.integers(), st.none()),
        lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(st.text(max_size=6), inner, max_size=3)),
        max_leaves=8,
    )
)
def test_json_stays_json_and_a_second_run_changes_nothing(value: Any) -> None:
    """Traps 1, 2 and 14: whatever the document, it can still be read, holds no canary, and is settled."""
    text = (
        json.dumps({"outer": value, "inner": json.dumps(value)})
        .encode("utf-16", "surrogatepass")
        .decode("utf-16", "replace")
    )
    once = redacted({"x": text})["x"]

    json.loads(json.loads(once)["inner"])
    assert not [canary for canary in CANARIES.values() if canary in once]
    assert once == redacted({"x": once})["x"]
