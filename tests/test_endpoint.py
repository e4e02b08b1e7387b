"""How a config says where something listens."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from otel_llm.component import Config, Endpoint
from otel_llm.endpoint import ListenEndpoint, parse_listen_endpoint


class Listening(Config):
    """Has an endpoint."""

    endpoint: ListenEndpoint
    """Where it listens."""


@pytest.mark.parametrize(
    ("text", "host", "port"),
    [
        ("127.0.0.1:4317", "127.0.0.1", 4317),
        ("0.0.0.0:0", "0.0.0.0", 0),
        ("localhost:65535", "localhost", 65535),
        ("otel-llm.observability.svc:4317", "otel-llm.observability.svc", 4317),
        ("[::1]:4317", "::1", 4317),
        ("[fe80::1%eth0]:4317", "fe80::1%eth0", 4317),
    ],
)
def test_endpoint_is_host_and_port(text: str, host: str, port: int) -> None:
    """A host name, an IPv4 address or an IPv6 address in brackets, and a port; written so again, it reads the same."""
    assert (host, port) == parse_listen_endpoint(Listening(endpoint=text).endpoint)
    assert text == str(Endpoint("test", host, port))


@pytest.mark.parametrize(
    ("value", "problem"),
    [
        (":4317", "names no host: write 127.0.0.1:4317, or 0.0.0.0:4317"),
        ("4317", "must be host:port"),
        ("127.0.0.1", "must be host:port"),
        ("127.0.0.1:", "must be host:port"),
        ("127.0.0.1:otlp", "must be host:port"),
        ("127.0.0.1:-1", "must be host:port"),
        ("127.0.0.1:٤٣١٧", "must be host:port"),
        ("http://127.0.0.1:4318", "must be host:port"),
        ("127.0.0.1:4318/v1/traces", "must be host:port"),
        ("unix:/run/otel.sock", "must be host:port"),
        ("::1:4317", "must be host:port"),
        ("127.0.0.1:65536", "port of at most 65535"),
        ("[127.0.0.1]:4317", "IPv6 address between"),
        ("[]:4317", "IPv6 address between"),
        (4317, "valid string"),
        (None, "valid string"),
    ],
)
def test_anything_else_is_refused_with_a_hint(value: object, problem: str) -> None:
    """What is not host:port is a problem of the config, which says what to write."""
    with pytest.raises(ValidationError, match=problem):
        Listening.model_validate({"endpoint": value})
