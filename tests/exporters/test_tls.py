"""TLS to destinations: which are believed, what is said of the others, and that nothing is lost meanwhile (B12)."""

from __future__ import annotations

import asyncio
import ssl
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import pytest
from pydantic import ValidationError

from otel_llm.batch import Batch
from otel_llm.component import ExporterFactory, Settings
from otel_llm.errors import ConfigError, Retryable
from otel_llm.exporters import otlp, otlphttp
from otel_llm.receivers.otlp import factory as receiver_factory
from otel_llm.reload import Files
from otel_llm.request import Answer, Request
from otel_llm.telemetry import Meter
from otel_llm.testing import make_request
from tests.certificates import EXPIRED, NOT_YET, Authority, Pair
from tests.exporters.backends import deliver

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from otel_llm.component import Receiver
    from tests.exporters.backends import Start

Factory = ExporterFactory[Any]
EXPORTERS = pytest.mark.parametrize(("exporter", "protocol"), [(otlp.factory, "grpc"), (otlphttp.factory, "http")])
BATCH = Batch(make_request({"a": 1}))


class Destination:
    """Receivers of ours with certificates: what they take is what arrived."""

    def __init__(self) -> None:
        self.bodies: list[bytes] = []
        self.files = Files(Meter())
        self._started: list[Receiver] = []

    async def start(self, protocol: str, pair: Pair, **tls: str) -> str:
        """Start one; return its endpoint as an exporter's config has it."""
        settings = {"endpoint": "127.0.0.1:0", "tls": {**pair.settings, **tls}}
        receiver = receiver_factory.build({"protocols": {protocol: settings}}, Settings("otlp", watch=self.files.watch))
        await receiver.start(self._take)
        self._started.append(receiver)
        return f"https://{receiver.endpoints[0]}"

    async def shutdown(self) -> None:
        """Stop all."""
        for receiver in self._started:
            await receiver.shutdown()

    async def _take(self, request: Request) -> Answer:
        self.bodies.append(request.body)
        return Answer()


@pytest.fixture
async def destination() -> AsyncIterator[Destination]:
    """Where exporters send."""
    destination = Destination()
    yield destination
    await destination.shutdown()


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    """Who has signed the destination's certificate, and ours."""
    return Authority(tmp_path)


@pytest.fixture
def stranger(tmp_path: Path) -> Authority:
    """Who has signed others."""
    return Authority(tmp_path)


async def outcome(started: Start, factory: Factory, endpoint: str, **tls: object) -> str:
    """Return why an exporter could not send for now; nothing where it could."""
    exporter = await started(factory.build({"endpoint": endpoint, "tls": {k: str(v) for k, v in tls.items()}}))
    try:
        await exporter.export(BATCH)
    except Retryable as error:
        return str(error)
    return ""


@EXPORTERS
class TestVerification:
    async def test_a_trusted_destination_gets_everything(
        self, started: Start, destination: Destination, authority: Authority, exporter: Factory, protocol: str
    ) -> None:
        """The authority of the config is trusted."""
        endpoint = await destination.start(protocol, authority.issue())

        assert "" == await outcome(started, exporter, endpoint, ca_file=authority.file)
        assert [BATCH.to_bytes()] == destination.bodies

    async def test_others_get_nothing_and_it_is_said_why(  # noqa: PLR0917 - fixtures
        self,
        started: Start,
        destination: Destination,
        authority: Authority,
        stranger: Authority,
        exporter: Factory,
        protocol: str,
    ) -> None:
        """Out of date, for another host, of another authority; or of ours, which the system does not know."""
        trust = {"ca_file": authority.file}
        said = [
            await outcome(started, exporter, await destination.start(protocol, pair), **tls)
            for pair, tls in (
                (authority.issue(**EXPIRED), trust),
                (authority.issue(**NOT_YET), trust),
                (authority.issue("elsewhere.example"), trust),
                (stranger.issue(), trust),
                (authority.issue(), {}),
            )
        ]

        assert [
            "the destination's certificate has expired",
            "the destination's certificate is not valid yet",
            "the destination's certificate is for another name",
            "the destination's certificate is signed by nobody who is trusted here",
            "the destination's certificate is signed by nobody who is trusted here",
        ] == said
        assert [] == destination.bodies

    async def test_another_name_can_be_expected(
        self, started: Start, destination: Destination, authority: Authority, exporter: Factory, protocol: str
    ) -> None:
        """And then the host's own is not good any more."""
        named = await destination.start(protocol, authority.issue("elsewhere.example"))
        unnamed = await destination.start(protocol, authority.issue())
        tls = {"ca_file": authority.file, "server_name_override": "elsewhere.example"}

        assert "" == await outcome(started, exporter, named, **tls)
        assert "the destination's certificate is for another name" == await outcome(started, exporter, unnamed, **tls)

    async def test_a_certificate_is_shown_to_who_asks(  # noqa: PLR0917 - fixtures
        self,
        started: Start,
        destination: Destination,
        authority: Authority,
        stranger: Authority,
        exporter: Factory,
        protocol: str,
    ) -> None:
        """A destination that wants one takes the right one only, and what it did not take can be sent again."""
        endpoint = await destination.start(protocol, authority.issue(), client_ca_file=str(authority.file))
        for wrong in ({}, stranger.issue("us").settings, authority.issue("us", **EXPIRED).settings):
            assert "" != await outcome(started, exporter, endpoint, ca_file=authority.file, **wrong)
        assert [] == destination.bodies

        right = authority.issue("us").settings
        assert "" == await outcome(started, exporter, endpoint, ca_file=authority.file, **right)

    @pytest.mark.filterwarnings("ignore:ssl.TLSVersion:DeprecationWarning")
    async def test_old_versions_are_not_spoken(
        self, started: Start, authority: Authority, exporter: Factory, protocol: str
    ) -> None:
        """A destination that knows TLS 1.1 and nothing newer gets nothing, for now."""
        del protocol
        async with one_that_speaks_up_to(ssl.TLSVersion.TLSv1_1, authority.issue()) as endpoint:
            assert "" != await outcome(started, exporter, endpoint, ca_file=authority.file)

    async def test_what_waits_arrives_when_the_certificate_is_renewed(
        self,
        destination: Destination,
        authority: Authority,
        exporter: Factory,
        protocol: str,
        caplog: pytest.LogCaptureFixture,
    ) -> None:
        """B12: an expired certificate is a failure like any other: said once, and tried until it is put right."""
        expired, renewed = authority.issue(**EXPIRED), authority.issue()
        endpoint = await destination.start(protocol, expired)
        sending = exporter.build({"endpoint": endpoint, "tls": {"ca_file": str(authority.file)}})
        payloads = [make_request({"number": number}) for number in range(5)]
        delivery = asyncio.create_task(deliver(sending, payloads))
        while "certificate has expired; trying again" not in caplog.text:
            await asyncio.wait({delivery}, timeout=0.01)
            assert not delivery.done(), caplog.text
        expired.replace_by(renewed)
        for _ in range(2):
            await destination.files.poll()
        await delivery

        assert {*payloads} == {*destination.bodies}
        assert 1 == caplog.text.count("certificate has expired")


class TestOtlpHttp:
    async def test_verification_can_be_switched_off(
        self, started: Start, destination: Destination, stranger: Authority
    ) -> None:
        """Whoever is there gets everything."""
        endpoint = await destination.start("http", stranger.issue("elsewhere.example", **EXPIRED))

        assert "" == await outcome(started, otlphttp.factory, endpoint, insecure_skip_verify=True)

    async def test_the_oldest_version_can_be_chosen(self, started: Start, authority: Authority) -> None:
        """With `min_version: "1.3"` a destination that speaks 1.2 gets nothing, for now."""
        async with one_that_speaks_up_to(ssl.TLSVersion.TLSv1_2, authority.issue()) as endpoint:
            tls = {"ca_file": authority.file, "min_version": "1.3"}
            assert "" != await outcome(started, otlphttp.factory, endpoint, **tls)

    @pytest.mark.parametrize("tls", [{"ca_file": "f"}, {"insecure_skip_verify": True}, {"min_version": "1.3"}])
    def test_settings_without_effect_are_refused(self, tls: dict[str, Any]) -> None:
        """Whoever writes http:// and how to encrypt expects something else."""
        with pytest.raises(ValidationError, match="has no effect"):
            otlphttp.factory.build({"endpoint": "http://b", "tls": tls})

    @pytest.mark.parametrize("scheme", ["http", "https"])
    def test_insecure_is_accepted(self, scheme: str) -> None:
        """Collector configs have it beside http://; with https:// it is TLS all the same."""
        otlphttp.factory.build({"endpoint": f"{scheme}://b", "tls": {"insecure": True}})


class TestOtlp:
    @pytest.mark.parametrize("tls", [{"insecure_skip_verify": True}, {"min_version": "1.3"}])
    def test_what_grpc_cannot_do_is_refused(self, tls: dict[str, Any]) -> None:
        """And it is said what can be done instead."""
        with pytest.raises(ValidationError, match="gRPC for Python"):
            otlp.factory.build({"endpoint": "b:1", "tls": tls})


@EXPORTERS
def test_files_that_cannot_be_used_are_named(exporter: Factory, protocol: str, tmp_path: Path) -> None:
    """Before anything starts, by their place."""
    del protocol
    gone = str(tmp_path / "gone.pem")
    with pytest.raises(ConfigError) as raised:
        exporter.build({"endpoint": "https://b:1", "tls": {"ca_file": gone, "cert_file": gone, "key_file": gone}})

    missing = "cannot be read: No such file or directory"
    assert [
        f"exporters.{exporter.name}.tls.ca_file: {missing}",
        f"exporters.{exporter.name}.tls.cert_file: {missing}",
        f"exporters.{exporter.name}.tls.key_file: {missing}",
    ] == list(raised.value.problems)


@asynccontextmanager
async def one_that_speaks_up_to(version: ssl.TLSVersion, pair: Pair) -> AsyncIterator[str]:
    """Run a destination that knows no newer version of TLS, and must not be sent anything; yield its endpoint."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version, context.maximum_version = ssl.TLSVersion.MINIMUM_SUPPORTED, version
    context.set_ciphers("DEFAULT:@SECLEVEL=0")
    context.load_cert_chain(*pair)
    connected: list[object] = []

    def agreed(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        connected.append(writer)
        writer.close()

    server = await asyncio.start_server(agreed, "127.0.0.1", 0, ssl=context)
    yield f"https://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    server.close()
    await server.wait_closed()
    assert [] == connected
