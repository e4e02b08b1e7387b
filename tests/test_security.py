"""What is said of configs that work but are not safe."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import yaml

from otel_llm.config import load_config
from otel_llm.errors import ConfigError
from otel_llm.host import Host
from otel_llm.security import check
from tests.certificates import EXPIRED, Authority

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

GRPC = "receivers.otlp.protocols.grpc"
TOKENS = {"tokens": [{"name": "a", "token": "s3cr3t"}]}


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    """Who signs."""
    return Authority(tmp_path)


async def warnings(
    *, grpc: object = None, exporter: object = None, health: str = "127.0.0.1:0", metrics: str = "none"
) -> Sequence[str]:
    """Return what is not safe with such a receiver, exporter, health check and metrics page."""
    text = yaml.safe_dump(
        {
            "receivers": {"otlp": {"protocols": {"grpc": grpc or {"endpoint": "127.0.0.1:0"}}}},
            "exporters": {"otlphttp": exporter or {"endpoint": "http://b"}},
            "extensions": {"health": {"endpoint": health}},
            "service": {
                "extensions": ["health"],
                "telemetry": {"metrics": {"endpoint": metrics}},
                "pipelines": {"traces": {"receivers": ["otlp"], "exporters": ["otlphttp"]}},
            },
        }
    )
    config = load_config(text)
    host = Host(config)
    try:
        found = check(config, host.endpoints)
        if found:
            with pytest.raises(ConfigError) as raised:
                check(config, host.endpoints, strict=True)
            assert found == list(raised.value.problems)
        else:
            assert [] == check(config, host.endpoints, strict=True)
        return found
    finally:
        await host.shutdown()


@pytest.mark.parametrize("host", ["127.0.0.1", "127.5.0.1", "[::1]", "localhost"])
async def test_on_this_machine_anybody_may(host: str) -> None:
    """S1: nothing is asked of who is here already."""
    assert [] == await warnings(grpc={"endpoint": f"{host}:0"}, health=f"{host}:0", metrics=f"{host}:0")


@pytest.mark.parametrize("host", ["0.0.0.0", "[::]", "192.0.2.1", "gateway.example"])
async def test_what_other_machines_reach_is_named(host: str) -> None:
    """S1: each endpoint, by its place; those that only answer have a warning of their own."""
    endpoint = f"{host}:4317"
    is_open = f"{endpoint} is open to other machines and"
    answers = f"{is_open} answers anybody who asks"
    takes = f"{is_open} takes what anybody sends: add auth, or tls with client_ca_file"

    assert [
        f"extensions.health.endpoint: {answers}",
        f"{GRPC}.endpoint: {takes}",
        f"service.telemetry.metrics.endpoint: {answers}",
    ] == sorted(await warnings(grpc={"endpoint": endpoint}, health=endpoint, metrics=endpoint))


async def test_a_certificate_of_ones_own_is_no_authentication(authority: Authority) -> None:
    """TLS alone lets anybody in."""
    grpc = {"endpoint": "0.0.0.0:4317", "tls": authority.issue().settings}

    assert 1 == len(await warnings(grpc=grpc))


async def test_who_asks_for_credentials_may_be_reached(authority: Authority) -> None:
    """Tokens over TLS, or certificates of clients."""
    tls = authority.issue().settings
    for grpc in ({"tls": tls, "auth": TOKENS}, {"tls": {**tls, "client_ca_file": str(authority.file)}}):
        assert [] == await warnings(grpc={"endpoint": "0.0.0.0:4317", **grpc})


async def test_tokens_in_plain_text_are_named() -> None:
    """They are worth no more than the network; on this machine that is enough."""
    expected = [f"{GRPC}: auth: without tls, whoever is on the way can read the tokens"]

    assert expected == await warnings(grpc={"endpoint": "0.0.0.0:4317", "auth": TOKENS})
    assert [] == await warnings(grpc={"endpoint": "127.0.0.1:4317", "auth": TOKENS})


async def test_files_are_looked_at_wherever_they_are_configured(authority: Authority, tmp_path: Path) -> None:
    """Keys and tokens that others may read, certificates that are out of date; of receivers and exporters."""
    server, client, token = authority.issue(), authority.issue(**EXPIRED), tmp_path / "token"
    server.key_file.chmod(0o644)
    token.write_text("s3cr3t")
    token.chmod(0o644)
    tokens = {"tokens": [*TOKENS["tokens"], {"name": "b", "token_file": str(token)}]}
    token.write_text("another")

    assert [
        f"{GRPC}.tls: key_file: others than its owner may read it",
        f"{GRPC}.auth.tokens.1: token_file: others than its owner may read it",
        "exporters.otlphttp.tls: insecure_skip_verify: whoever stands in between can read and change what is sent",
        "exporters.otlphttp.tls: cert_file: the certificate has expired",
    ] == await warnings(
        grpc={"endpoint": "127.0.0.1:0", "tls": server.settings, "auth": tokens},
        exporter={"endpoint": "https://b", "tls": {"insecure_skip_verify": True, **client.settings}},
    )
