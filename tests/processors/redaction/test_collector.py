"""The settings of the Collector's `redaction`: as they are there with `compat`, without its leaks by default."""

from __future__ import annotations

import hashlib
import hmac
import json
from typing import TYPE_CHECKING, Any

import pytest
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from otel_llm.batch import Batch
from otel_llm.chain import Chain
from otel_llm.config import load_config
from otel_llm.errors import ConfigError
from otel_llm.signals import Signal
from otel_llm.testing import make_request
from otel_llm_processors.redaction import factory

if TYPE_CHECKING:
    from otel_llm.span import Span

CARD = "4111111111111111"
VISA = "4[0-9]{12}(?:[0-9]{3})?"
FULL = """
receivers: {otlp: {}}
processors:
  redaction:
    allow_all_keys: false
    allowed_keys: [description, group, id, name]
    ignored_keys: [safe_attribute]
    ignored_key_patterns: ['^trace\\.']
    redact_all_types: true
    blocked_key_patterns: ['.*token.*', '.*api_key.*']
    blocked_values: ['4[0-9]{12}(?:[0-9]{3})?', '(5[1-5][0-9]{14})', '(?i)\\pL+secret\\z']
    allowed_values: ['.+@mycompany.com']
    hash_function: MD5
    hmac_key: ""
    summary: debug
    url_sanitizer: {enabled: true, attributes: [http.url, url], sanitize_span_name: true}
    db_sanitizer:
      sanitize_span_name: true
      allow_fallback_without_system: false
      sql: {enabled: true, attributes: [db.statement, db.query]}
      redis: {enabled: true, attributes: [db.statement]}
      valkey: {enabled: true, attributes: [db.statement]}
      memcached: {enabled: true, attributes: [db.statement]}
      mongo: {enabled: true, attributes: [db.statement]}
      opensearch: {enabled: true, attributes: [db.statement]}
      es: {enabled: true, attributes: [db.statement]}
exporters: {otlp: {endpoint: backend.example.com:4317}}
service:
  pipelines:
    traces: {receivers: [otlp], processors: [redaction], exporters: [otlp]}
"""


def span_after(config: dict[str, Any], attributes: dict[str, Any], **request: Any) -> Span:
    """Return a span after redaction."""
    batch = Batch(make_request(attributes, **request))
    Chain([("redaction", factory.build(config))]).run(batch)
    return batch.spans[0]


def after(config: dict[str, Any], attributes: dict[str, Any], **request: Any) -> dict[str, Any]:
    """Return its attributes, but for what the program says about itself."""
    span = span_after(config, attributes, **request)
    return {key: span.get(key) for key in span.keys() if not key.startswith("otel_llm.redaction.")}  # noqa: SIM118


def compat(config: dict[str, Any], attributes: dict[str, Any]) -> dict[str, Any]:
    """Return a span's attributes as the Collector would leave them."""
    return after({"compat": "otelcol", **config}, attributes)


def test_a_config_of_the_collector_is_read_as_it_stands() -> None:
    """Every key of contrib v0.158, in the words of its documentation."""
    config = load_config(FULL, environ={}, registry=None)

    assert [".*token.*", ".*api_key.*"] == config.processors["redaction"].config.model_dump(mode="json")[
        "blocked_key_patterns"
    ]


def test_without_allowed_keys_the_collector_removes_everything() -> None:
    """Its list fails closed when it is empty; a span may be left with nothing."""
    assert {} == compat({}, {"a": "x", "b": 1})
    assert {"a": "x"} == compat({"allowed_keys": ["a"]}, {"a": "x", "b": 1})
    assert {"a": "x", "b": 1} == compat({"allow_all_keys": True}, {"a": "x", "b": 1})


def test_by_default_a_list_of_allowed_keys_is_one_only_where_it_is_given() -> None:
    """`redaction: {}` removes no attribute; a list removes what is not on it, this program's own apart."""
    assert {"a": "x"} == after({}, {"a": "x"})
    assert {"a": "x", "otel_llm.route": "r"} == after(
        {"allowed_keys": ["a"]}, {"a": "x", "b": 1, "otel_llm.route": "r"}
    )


def test_what_is_done_first_decides() -> None:
    """Ignored comes before not allowed, an allowed value before a blocked key, and that before a blocked value."""
    config = {
        "allowed_keys": ["token", "other_token", "note"],
        "ignored_keys": ["safe"],
        "ignored_key_patterns": ["^trace\\."],
        "blocked_key_patterns": ["token"],
        "blocked_values": [VISA],
        "allowed_values": ["ok$"],
        "summary": "debug",
    }
    said = {
        "safe": CARD,
        "trace.x": CARD,
        "gone": "x",
        "token": f"{CARD} ok",
        "other_token": "abc\ndef",
        "note": f"a {CARD} b",
    }

    assert {
        "safe": CARD,
        "trace.x": CARD,
        "token": f"{CARD} ok",
        "other_token": "****\n****",
        "note": "a **** b",
        "redaction.redacted.keys": "gone",
        "redaction.redacted.count": 1,
        "redaction.masked.keys": "note,other_token",
        "redaction.masked.count": 2,
        "redaction.allowed.keys": "token",
        "redaction.allowed.count": 1,
        "redaction.ignored.count": 2,
    } == compat(config, said)


@pytest.mark.parametrize(
    ("function", "expected"),
    [
        ("", "****"),
        ("md5", hashlib.md5(CARD.encode()).hexdigest()),
        ("SHA1", hashlib.sha1(CARD.encode()).hexdigest()),
        ("sha3", hashlib.sha3_256(CARD.encode()).hexdigest()),
        ("hmac-sha256", hmac.new(b"k" * 64, CARD.encode(), "sha256").hexdigest()),
        ("hmac-sha512", hmac.new(b"k" * 64, CARD.encode(), "sha512").hexdigest()),
    ],
)
def test_what_masks(function: str, expected: str) -> None:
    """Four stars, or the digest of what stood there: of SHA-3 the one with 256 bits."""
    config = {"allow_all_keys": True, "blocked_values": [VISA], "hash_function": function, "hmac_key": "k" * 64}

    assert {"a": f"x {expected} y"} == compat(config, {"a": f"x {CARD} y"})


@pytest.mark.parametrize(("function", "length"), [("hmac-sha256", 31), ("hmac-sha512", 63)])
def test_a_short_key_is_refused(function: str, length: int) -> None:
    """As in the Collector; the error does not show it."""
    text = FULL.replace("MD5", function).replace('hmac_key: ""', f"hmac_key: {'k' * length}")

    with pytest.raises(ConfigError, match=f"{function} needs an `hmac_key` of at least {length + 1} bytes") as refused:
        load_config(text, environ={}, registry=None)

    assert "kkk" not in str(refused.value)


def test_numbers_lists_and_maps_are_text_where_the_config_says_so() -> None:
    """`redact_all_types` compares them as text, and what it masks is one."""
    said = {"n": int(CARD), "l": [f"a {CARD}", 2], "f": 1.5}
    config = {"allow_all_keys": True, "blocked_values": [VISA]}

    assert {"n": int(CARD), "f": 1.5} == {key: compat(config, said)[key] for key in ("n", "f")}
    assert {"n": "****", "l": '["a ****",2]', "f": 1.5} == compat({**config, "redact_all_types": True}, said)


def test_counts_of_two_processors_add_up() -> None:
    """A summary that is there already is not removed, and grows."""
    config = {"allowed_keys": ["a", "b"], "blocked_values": [VISA], "summary": "debug"}
    before = {"a": CARD, "redaction.masked.keys": "b", "redaction.masked.count": 1}

    assert {"a": "****", "redaction.masked.keys": "a,b", "redaction.masked.count": 2} == compat(config, before)


def test_info_tells_numbers_alone() -> None:
    """Names of attributes may say too much."""
    config = {"allow_all_keys": True, "blocked_values": [VISA], "summary": "info"}

    assert {"a": "****", "redaction.masked.count": 1} == compat(config, {"a": CARD})


def test_an_allowed_value_spares_all_of_a_value_with_compat_and_itself_by_default() -> None:
    """In the Collector one harmless address opens a whole prompt."""
    said = {"a": f"from bob@mycompany.com: {CARD}, cc eve@other.example"}
    config = {"allow_all_keys": True, "blocked_values": [VISA], "allowed_values": [".+@mycompany.com"]}

    assert said == compat(config, said)
    assert {"a": "from bob@mycompany.com: ****, cc [REDACTED:email]"} == after(config, said)


@pytest.mark.parametrize("mode", ["", "otelcol"])
def test_what_the_collector_does_not_look_at_is_masked_too(mode: str) -> None:
    """Status messages, links, and what stands in lists, maps and bytes."""
    request = ExportTraceServiceRequest()
    scope = request.resource_spans.add().scope_spans.add()
    span = scope.spans.add(trace_id=b"t" * 16, span_id=b"s" * 8, name="n")
    span.status.message = f"no {CARD}"
    span.links.add(trace_id=b"l" * 16, span_id=b"l" * 8).attributes.add(key="l").value.string_value = CARD
    span.events.add(name="e").attributes.add(key="e").value.string_value = CARD
    span.attributes.add(key="list").value.array_value.values.add().string_value = CARD
    span.attributes.add(key="map").value.kvlist_value.values.add(key="k").value.string_value = CARD
    span.attributes.add(key="bytes").value.bytes_value = CARD.encode()
    span.attributes.add(key="twice").value.string_value = CARD
    span.attributes.add(key="twice").value.string_value = "last"
    scope.scope.attributes.add(key="s").value.string_value = CARD
    batch = Batch(request.SerializeToString())
    config = {"allow_all_keys": True, "blocked_values": [VISA], "rules": {"categories": []}, "compat": mode}
    Chain([("redaction", factory.build(config))]).run(batch)

    assert 8 == batch.to_bytes().count(b"****")
    assert CARD.encode() not in batch.to_bytes()


def test_by_default_blocked_values_are_masked_in_the_strings_of_json() -> None:
    """A match never takes a quote with it, and an escape does not hide one."""
    said = json.dumps({"to": "BOB\u00e9", "id": "id:7", "line": "\nid:8"})
    masked = after({"blocked_values": ["id:\\d.*", "BOB\u00e9"]}, {"a": said})["a"]

    assert {"to": "****", "id": "****", "line": "\n****"} == json.loads(masked)
    assert masked == after({"blocked_values": ["id:\\d.*", "BOB\u00e9"]}, {"a": masked})["a"]


def test_ignored_attributes_are_not_scanned_either() -> None:
    """What is known to be safe costs nothing, in this program's own rules too."""
    config = {"ignored_keys": ["safe"]}

    assert {"safe": CARD, "other": "[REDACTED:card]"} == after(config, {"safe": CARD, "other": CARD})


def test_a_log_records_body_is_worked_through_at_any_depth() -> None:
    """Keys are removed and masked in maps within maps, and the summary names them apart."""
    request = ExportLogsServiceRequest()
    record = request.resource_logs.add().scope_logs.add().log_records.add()
    values = record.body.kvlist_value.values
    values.add(key="gone").value.int_value = 7
    values.add(key="text").value.string_value = f"a {CARD}"
    inner = values.add(key="inner").value.kvlist_value.values
    inner.add(key="token").value.string_value = "abc"
    inner.add(key="gone").value.string_value = "abc"
    batch = Batch(request.SerializeToString(), Signal.LOGS)
    config = {
        "compat": "otelcol",
        "allowed_keys": ["text", "inner", "token"],
        "blocked_key_patterns": ["token"],
        "blocked_values": [VISA],
        "summary": "debug",
    }
    Chain([("redaction", factory.build(config))]).run(batch)

    assert {"text": "a ****", "inner": {"token": "****"}} == batch.records[0].body
    assert 2 == batch.records[0].get("redaction.body.redacted.count")
    assert 2 == batch.records[0].get("redaction.body.masked.count")


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("/api/users/123/posts/456", "/api/users/*/posts/*"),
        ("/api/users/123e4567-e89b-12d3-a456-426614174000", "/api/users/*"),
        ("/api/v1/users?id=123&name=john", "/api/v1/users"),
        ("https://shop.example.com/cart/7", "https://shop.example.com/cart/*"),
        ("", ""),
    ],
)
def test_urls_lose_what_varies(url: str, expected: str) -> None:
    """Words stay, identifiers and queries go, in the attributes that are named."""
    config = {"allow_all_keys": True, "url_sanitizer": {"enabled": True, "attributes": ["http.url"]}}

    assert {"http.url": expected, "other": url} == compat(config, {"http.url": url, "other": url})


@pytest.mark.parametrize(
    ("system", "query", "expected"),
    [
        ("mysql", "SELECT * FROM users WHERE id = 123 AND n = 'x''y'", "SELECT * FROM users WHERE id = ? AND n = ?"),
        ("redis", "SET user:123 john", "SET user:123 ?"),
        ("valkey", "SET key value", "SET key ?"),
        ("memcached", "set mykey 0 60 5\r\nsecret\r\n", "set mykey 0 60 5"),
        ("mongodb", '{"find":"users","filter":{"n":1}}', '{"find":"?","filter":{"n":"?"}}'),
        ("cassandra", "SET user:123 john", "SET user:123 john"),
        ("", "SELECT 1", "SELECT 1"),
    ],
)
def test_queries_lose_their_literals(system: str, query: str, expected: str) -> None:
    """By the kind of database that the span names."""
    kinds = ("sql", "redis", "valkey", "memcached", "mongo")
    sanitizer = {name: {"enabled": True, "attributes": ["db.statement"]} for name in kinds}
    said = {"db.system": system, "db.statement": query} if system else {"db.statement": query}

    assert expected == compat({"allow_all_keys": True, "db_sanitizer": sanitizer}, said)["db.statement"]


def test_names_of_spans_are_sanitised_unless_nothing_would_be_left() -> None:
    """A route stays readable; a name of nothing but identifiers stays what it was."""
    config = {"compat": "otelcol", "allow_all_keys": True, "url_sanitizer": {"enabled": True}}

    assert "GET /payments/*/detail" == span_after(config, {}, name="GET /payments/12345/detail", kind=3).name
    assert "/123" == span_after(config, {}, name="/123", kind=3).name
    assert "/users/123" == span_after(config, {}, name="/users/123", kind=1).name


@pytest.mark.parametrize("field", ["blocked_values", "allowed_values", "blocked_key_patterns", "ignored_key_patterns"])
@pytest.mark.parametrize("pattern", ["(a", "(?=a)b", "(a)\\1", "a" * (1 << 19), ""])
def test_a_pattern_that_takes_no_linear_time_is_refused_with_its_line(field: str, pattern: str) -> None:
    """What RE2 does not read, and what is too long to be meant, without quoting it."""
    text = FULL.replace("    summary: debug\n", f"    summary: debug\n    {field}X: {json.dumps([pattern])}\n")
    lines = [line for line in text.splitlines() if not line.startswith(f"    {field}:")]
    text = "\n".join(lines).replace(f"{field}X:", f"{field}:")
    line = next(place for place, said in enumerate(text.splitlines(), 1) if said.startswith(f"    {field}:"))

    with pytest.raises(ConfigError) as refused:
        load_config(text, environ={}, registry=None)

    assert f":{line}: processors.redaction.{field}.0: " in str(refused.value)
    assert 300 > len(str(refused.value))


def test_what_seems_to_protect_is_a_warning() -> None:
    """Digests without a key, and a list of keys that the Collector would read another way."""
    config = factory.config(hash_function="md5", blocked_values=("x",))

    assert ["hash_function md5", "allow_all_keys is"] == [" ".join(text.split()[:2]) for text in config.weaknesses()]
