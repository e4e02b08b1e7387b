"""`compat: otelcol` beside the Collector itself: the same config, the same spans, the same attributes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from otel_llm.batch import Batch
from otel_llm.chain import Chain
from otel_llm_processors.redaction import factory
from tests.e2e.backends import run_collector
from tests.e2e.otlp import export

if TYPE_CHECKING:
    from pathlib import Path

    from tests.e2e.sink import Sink

CARD: Final = "4111111111111111"
SAID: Final[dict[str, Any]] = {
    "id": f"x {CARD} y 5500000000000004",
    "name": "bob@mycompany.com",
    "note": f"{CARD}\nand bob@mycompany.com",
    "lines": "one\n\ntwo\n",
    "api_key_name": "a\nb",
    "empty_token": "",
    "unicode": "\u00e9\u00e9secret",
    "number": int(CARD),
    "double": 1.5,
    "flag": True,
    "list": [CARD, 2],
    "http.url": "/api/users/12345/posts?id=1",
    "db.system": "mysql",
    "db.statement": "SELECT * FROM users WHERE id = 123",
    "redaction.masked.count": 3,
    "redaction.masked.keys": "earlier",
}
CONFIGS: Final[dict[str, dict[str, Any]]] = {
    "values": {"allow_all_keys": True, "blocked_values": ["4[0-9]{12}(?:[0-9]{3})?", "(5[1-5][0-9]{14})"]},
    "nothing allowed": {},
    "allowed": {"allowed_keys": ["id", "name"], "blocked_values": ["4[0-9]{12}"], "summary": "debug"},
    "ignored": {"allowed_keys": ["id"], "ignored_keys": ["note", "number"], "summary": "info"},
    "keys": {"allow_all_keys": True, "blocked_key_patterns": [".*token.*", "api_key", "lines", "number", "list"]},
    "allowed values": {
        "allow_all_keys": True,
        "blocked_values": ["4[0-9]{12}", "mycompany"],
        "allowed_values": [".+@mycompany.com"],
        "summary": "debug",
    },
    "all types": {
        "allow_all_keys": True,
        "redact_all_types": True,
        "blocked_values": ["4[0-9]{12}(?:[0-9]{3})?", "1\\.5", "true"],
        "summary": "debug",
    },
    "syntax": {"allow_all_keys": True, "blocked_values": ["(?i)\\pL+SECRET\\z", "[[:digit:]]{16}", "(?U)x.+y"]},
    "md5": {"allow_all_keys": True, "blocked_values": ["4[0-9]{15}"], "hash_function": "md5"},
    "sha1": {"allow_all_keys": True, "blocked_values": ["4[0-9]{15}"], "hash_function": "sha1"},
    "sha3": {"allow_all_keys": True, "blocked_values": ["4[0-9]{15}"], "hash_function": "SHA3"},
    "url": {"allow_all_keys": True, "url_sanitizer": {"enabled": True, "attributes": ["http.url"]}},
    "db": {"allow_all_keys": True, "db_sanitizer": {"sql": {"enabled": True, "attributes": ["db.statement"]}}},
}


def request() -> bytes:
    """Return a span with attributes of every type, on its event, scope and resource too."""
    request = ExportTraceServiceRequest()
    group = request.resource_spans.add()
    scope = group.scope_spans.add()
    span = scope.spans.add(trace_id=b"t" * 16, span_id=b"s" * 8, name="GET /users/12345/posts", kind=3)
    event = span.events.add(name="e")
    for holder in (group.resource, scope.scope, span, event):
        for key, said in SAID.items():
            value = holder.attributes.add(key=key).value
            match said:
                case bool():
                    value.bool_value = said
                case str():
                    value.string_value = said
                case int():
                    value.int_value = said
                case float():
                    value.double_value = said
                case _:
                    value.array_value.values.add().string_value = said[0]
                    value.array_value.values.add().int_value = said[1]
    return request.SerializeToString()


def said_in(raw: bytes) -> list[dict[str, Any]]:
    """Return the attributes of resource, scope, span and event, and the span's name."""
    (span,) = Batch(raw).spans
    holders = (span.resource, span.scope, span, span.events[0])
    return [{"name": span.name}, *({key: each.get(key) for key in sorted(each.keys())} for each in holders)]


@pytest.mark.backend
@pytest.mark.parametrize("config", CONFIGS.values(), ids=CONFIGS)
async def test_a_config_does_here_what_it_does_in_the_collector(
    config: dict[str, Any], sink: Sink, tmp_path: Path
) -> None:
    """The same attributes are left with the same values; lists apart, in which this program looks too."""
    async with run_collector(tmp_path, sink.grpc_endpoint, {"redaction": config}) as otelcol:
        await export(otelcol.grpc_endpoint, request())
        await sink.spans(1)
    batch = Batch(request())
    Chain([("redaction", factory.build({"compat": "otelcol", **config}))]).run(batch)
    theirs, ours = said_in(sink.received[0].body), said_in(batch.to_bytes())
    for attributes in (*theirs, *ours):
        if isinstance(attributes.get("list"), list):
            del attributes["list"]

    assert theirs == ours
