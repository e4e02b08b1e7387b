"""The OTLP receiver's config, and its protocols side by side."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
import yaml
from pydantic import ValidationError

from otel_llm.errors import StartError
from otel_llm.receivers.otlp import OtlpReceiverConfig, factory

if TYPE_CHECKING:
    from otel_llm.component import Receiver
    from tests.receivers.conftest import Door, Start

GRPC = "receivers.otlp.protocols.grpc.endpoint 127.0.0.1:4317"
HTTP = "receivers.otlp.protocols.http.endpoint 127.0.0.1:4318"
BOTH = "protocols: {grpc: {endpoint: 127.0.0.1:0}, http: {endpoint: 127.0.0.1:0}}"


def configure(text: str) -> OtlpReceiverConfig:
    """Read settings from YAML."""
    return OtlpReceiverConfig.model_validate(yaml.safe_load(text) or {})


def endpoints(receiver: Receiver) -> list[str]:
    """Tell where a receiver listens, and where that is configured."""
    return [f"{endpoint.name} {endpoint}" for endpoint in receiver.endpoints]


class TestConfig:
    @pytest.mark.parametrize(
        ("text", "expected"),
        [
            ("", [GRPC, HTTP]),
            ("{}", [GRPC, HTTP]),
            ("protocols:", [GRPC, HTTP]),
            ("protocols: {}", [GRPC, HTTP]),
            ("protocols: {grpc: }", [GRPC]),
            ("protocols: {grpc: {}}", [GRPC]),
            ("protocols: {http: }", [HTTP]),
            ("protocols: {grpc: , http: }", [GRPC, HTTP]),
            (
                "protocols: {grpc: {endpoint: '[::1]:1'}, http: {endpoint: 'host:2'}}",
                ["receivers.otlp.protocols.grpc.endpoint [::1]:1", "receivers.otlp.protocols.http.endpoint host:2"],
            ),
        ],
    )
    def test_named_protocols_are_served(self, text: str, expected: list[str]) -> None:
        """A protocol that is named starts, with its defaults where it has no settings; both where none is named."""
        assert expected == endpoints(factory.build(yaml.safe_load(text)))

    def test_defaults_are_those_that_otlp_recommends(self) -> None:
        """64 MiB, loopback, the usual paths; incoming attributes of ours are trusted for whom a call is for."""
        config = configure("")
        grpc, http = config.protocols.grpc, config.protocols.http

        assert grpc is not None
        assert http is not None
        assert (64, 100) == (grpc.max_recv_msg_size_mib, grpc.max_concurrent_streams)
        assert (64 * 1024 * 1024, ["/v1/traces", "/v1/logs", "/v1/metrics"]) == (
            http.max_request_body_size,
            list(http.signals),
        )
        assert "context" == config.trust

    @pytest.mark.parametrize(
        ("text", "place"),
        [
            ("protocols: {grcp: {}}", "protocols.grcp"),
            ("protocols: grpc", "protocols"),
            ("protocols: {grpc: true}", "protocols.grpc"),
            ("protocols: {grpc: false}", "protocols.grpc"),
            ("protocols: {grpc: {endpoint: ':4317'}}", "protocols.grpc.endpoint"),
            ("protocols: {grpc: {max_recv_msg_size_mib: 0}}", "protocols.grpc.max_recv_msg_size_mib"),
            ("protocols: {grpc: {max_recv_msg_size_mib: 2048}}", "protocols.grpc.max_recv_msg_size_mib"),
            ("protocols: {grpc: {max_recv_msg_size_mib: 1.5}}", "protocols.grpc.max_recv_msg_size_mib"),
            ("protocols: {grpc: {max_concurrent_streams: 0}}", "protocols.grpc.max_concurrent_streams"),
            ("protocols: {grpc: {max_connections: 0}}", "protocols.grpc.max_connections"),
            (
                "protocols: {grpc: {keepalive: {server_parameters: {max_connection_age: 5}}}}",
                "protocols.grpc.keepalive.server_parameters.max_connection_age",
            ),
            ("protocols: {http: {max_request_body_size: 64MiB}}", "protocols.http.max_request_body_size"),
            ("protocols: {http: {read_timeout: 0s}}", "protocols.http.read_timeout"),
            ("protocols: {http: {max_connections: 0}}", "protocols.http.max_connections"),
            ("protocols: {http: {traces_url_path: v1/traces}}", "protocols.http.traces_url_path"),
            ("protocols: {http: {traces_url_path: '/v1/traces?a=b'}}", "protocols.http.traces_url_path"),
            ("protocols: {http: {traces_url_path: /v1/logs}}", "protocols.http"),
            ("trust: some", "trust"),
        ],
    )
    def test_wrong_setting_is_refused_with_its_place(self, text: str, place: str) -> None:
        """Every key is known and every value is checked; the error tells where it stands."""
        with pytest.raises(ValidationError) as raised:
            configure(text)

        assert [place] == [".".join(map(str, error["loc"])) for error in raised.value.errors()]


class TestProtocols:
    async def test_both_are_served(self, start: Start) -> None:
        """Each protocol has a port of its own, which is known once it has started."""
        receiver = await start(BOTH)

        assert 2 == len({endpoint.port for endpoint in receiver.endpoints} - {0})

    async def test_shutdown_closes_what_a_failed_start_has_opened(self, start: Start, door: Door) -> None:
        """When the second protocol cannot start, the first one's port is free again after `shutdown`."""
        taken = (await start("protocols: {http: {endpoint: 127.0.0.1:0}}")).endpoints[0]
        raw: dict[str, Any] = yaml.safe_load(BOTH)
        raw["protocols"]["http"]["endpoint"] = str(taken)
        receiver = factory.build(raw)
        with pytest.raises(StartError):
            await receiver.start(door)
        opened = receiver.endpoints[0]
        await receiver.shutdown()
        again = await start(f"protocols: {{grpc: {{endpoint: '{opened}'}}}}")

        assert [opened.port] == [endpoint.port for endpoint in again.endpoints]

    async def test_shutdown_is_safe_twice_and_without_start(self, start: Start) -> None:
        """Whoever cleans up need not know how far things had come."""
        await factory.build(yaml.safe_load(BOTH)).shutdown()
        receiver = await start(BOTH)
        await receiver.shutdown()
        await receiver.shutdown(1)
