"""TLS of the receivers, over real sockets: who gets in, and what changes while they run."""

from __future__ import annotations

import asyncio
import socket
import ssl
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any

import grpc
import pytest
import uvloop
import yaml
from aiohttp import ClientConnectionError, ClientSession

from otel_llm.component import Receiver, Settings
from otel_llm.receivers.otlp import factory
from otel_llm.reload import Files
from otel_llm.request import Answer
from otel_llm.signals import Signal
from otel_llm.telemetry import Meter
from tests.certificates import EXPIRED, Authority, Pair
from tests.receivers.http_client import PROTOBUF

if TYPE_CHECKING:
    from pathlib import Path

    from tests.receivers.conftest import Door, Start

Send = Callable[[Receiver, Authority, Pair | None], Awaitable[None]]


class Refused(Exception):
    """No connection, or none that is answered."""


async def send_grpc(receiver: Receiver, trusted: Authority, shown: Pair | None = None) -> None:
    """Send an empty request over gRPC."""
    pair = (shown.key_file.read_bytes(), shown.cert_file.read_bytes()) if shown else (None, None)
    credentials = grpc.ssl_channel_credentials(trusted.pem, *pair)
    async with grpc.aio.secure_channel(str(receiver.endpoints[0]), credentials) as channel:
        export: grpc.aio.UnaryUnaryMultiCallable[bytes, bytes] = channel.unary_unary(Signal.TRACES.grpc_method)
        try:
            await export(b"")
        except grpc.aio.AioRpcError as error:
            raise Refused(error.code()) from None


async def send_http(receiver: Receiver, trusted: Authority, shown: Pair | None = None) -> None:
    """Send an empty request over HTTPS."""
    url = f"https://{receiver.endpoints[0]}/v1/traces"
    async with ClientSession() as session:
        try:
            async with session.post(url, headers=PROTOBUF, ssl=trusted.context(shown)) as response:
                assert 200 == response.status
        except ClientConnectionError as error:
            raise Refused(type(error)) from None


PROTOCOLS = pytest.mark.parametrize(("protocol", "send"), [("grpc", send_grpc), ("http", send_http)])


def config(protocol: str, pair: Pair, **tls: Any) -> str:
    """Return a receiver's config."""
    settings = {"endpoint": "127.0.0.1:0", "tls": pair.settings | {key: str(value) for key, value in tls.items()}}
    return yaml.safe_dump({"protocols": {protocol: settings}})


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    """Who has signed the server's certificate, and good clients'."""
    return Authority(tmp_path)


@pytest.fixture
def stranger(tmp_path: Path) -> Authority:
    """Who has signed others."""
    return Authority(tmp_path)


def shown_by(receiver: Receiver) -> bytes:
    """Return the certificate that a new connection gets."""
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    endpoint = receiver.endpoints[0]
    with (
        socket.create_connection((endpoint.host, endpoint.port)) as connection,
        context.wrap_socket(connection) as encrypted,
    ):
        return encrypted.getpeercert(binary_form=True) or b""


@PROTOCOLS
class TestServerCertificate:
    async def test_whoever_trusts_its_authority_can_send(
        self, start: Start, door: Door, authority: Authority, protocol: str, send: Send
    ) -> None:
        """A request comes through as it does without TLS."""
        await send(await start(config(protocol, authority.issue())), authority, None)

        assert [(b"", protocol)] == [(request.body, request.transport) for request in door.requests]

    async def test_others_send_nothing(  # noqa: PLR0917 - fixtures
        self, start: Start, door: Door, authority: Authority, stranger: Authority, protocol: str, send: Send
    ) -> None:
        """Who trusts another authority, and anybody when the certificate has expired or is for another host."""
        for pair, trusted in (
            (authority.issue(), stranger),
            (authority.issue(**EXPIRED), authority),
            (authority.issue("elsewhere.example"), authority),
        ):
            receiver = await start(config(protocol, pair))
            with pytest.raises(Refused):
                await send(receiver, trusted, None)

        assert [] == door.requests

    async def test_plain_text_is_not_understood(
        self, start: Start, door: Door, authority: Authority, protocol: str, send: Send
    ) -> None:
        """The connection is closed, and the next client served."""
        receiver = await start(config(protocol, authority.issue()))
        endpoint = receiver.endpoints[0]
        reader, writer = await asyncio.open_connection(endpoint.host, endpoint.port)
        writer.write(b"POST /v1/traces HTTP/1.1\r\nHost: test\r\nContent-Length: 0\r\n\r\n")
        answer = await reader.read()
        writer.close()
        await send(receiver, authority, None)

        assert b"HTTP" not in answer
        assert 1 == len(door.requests)

    async def test_old_versions_are_not_spoken(
        self, start: Start, authority: Authority, protocol: str, send: Send
    ) -> None:
        """TLS 1.1 is refused, 1.2 is not."""
        del send
        endpoint = (await start(config(protocol, authority.issue()))).endpoints[0]

        assert "TLSv1.2" == await asyncio.to_thread(version_at_most, endpoint.port, authority, ssl.TLSVersion.TLSv1_2)
        with pytest.raises(ssl.SSLError), pytest.warns(DeprecationWarning, match="TLSv1_1"):
            await asyncio.to_thread(version_at_most, endpoint.port, authority, ssl.TLSVersion.TLSv1_1)


@PROTOCOLS
class TestClientCertificate:
    async def test_only_the_right_one_gets_in(  # noqa: PLR0917 - fixtures
        self, start: Start, door: Door, authority: Authority, stranger: Authority, protocol: str, send: Send
    ) -> None:
        """S4: none, an expired one and another authority's do not."""
        receiver = await start(config(protocol, authority.issue(), client_ca_file=authority.file))
        for shown in (None, authority.issue("client", **EXPIRED), stranger.issue("client")):
            with pytest.raises(Refused):
                await send(receiver, authority, shown)
        assert [] == door.requests
        await send(receiver, authority, authority.issue("client"))

        assert 1 == len(door.requests)
        assert receiver.endpoints[0].protected


@PROTOCOLS
class TestRotation:
    async def test_new_connections_get_the_new_certificate(  # noqa: PLR0917 - fixtures
        self, start: Start, door: Door, files: Files, authority: Authority, protocol: str, send: Send
    ) -> None:
        """S4: without a restart, as soon as both files are there and belong together."""
        pair, new = authority.issue(), authority.issue()
        first, second = pair.der, new.der
        receiver = await start(config(protocol, pair))
        before = await asyncio.to_thread(shown_by, receiver)
        new.cert_file.replace(pair.cert_file)
        await looked_at(files)
        meanwhile = await asyncio.to_thread(shown_by, receiver)
        new.key_file.replace(pair.key_file)
        await looked_at(files)
        after = await asyncio.to_thread(shown_by, receiver)
        await send(receiver, authority, None)

        assert [first, first, second] == [before, meanwhile, after]
        assert 1 == len(door.requests)

    async def test_new_connections_need_the_new_authority(  # noqa: PLR0917 - fixtures
        self,
        start: Start,
        files: Files,
        authority: Authority,
        stranger: Authority,
        protocol: str,
        send: Send,
    ) -> None:
        """Who was let in by an authority that has been taken out is not let in again."""
        clients = authority.file.with_name("clients.pem")
        clients.write_bytes(authority.pem)
        receiver = await start(config(protocol, authority.issue(), client_ca_file=clients))
        old, new = authority.issue("client"), stranger.issue("client")
        await send(receiver, authority, old)
        clients.write_bytes(stranger.pem)
        await looked_at(files)
        with pytest.raises(Refused):
            await send(receiver, authority, old)
        await send(receiver, authority, new)


class TestHttps:
    async def test_only_the_newest_version_where_asked_for(self, start: Start, authority: Authority) -> None:
        """`min_version: "1.3"` refuses TLS 1.2."""
        endpoint = (await start(config("http", authority.issue(), min_version="1.3"))).endpoints[0]

        assert "TLSv1.3" == await asyncio.to_thread(version_at_most, endpoint.port, authority, ssl.TLSVersion.TLSv1_3)
        with pytest.raises(ssl.SSLError):
            await asyncio.to_thread(version_at_most, endpoint.port, authority, ssl.TLSVersion.TLSv1_2)

    async def test_a_session_is_not_resumed_after_a_rotation(
        self, start: Start, files: Files, authority: Authority, stranger: Authority
    ) -> None:
        """Or a client could stay whose authority is no longer trusted."""
        clients = authority.file.with_name("clients.pem")
        clients.write_bytes(authority.pem)
        receiver = await start(config("http", authority.issue(), client_ca_file=clients))
        context = authority.context(authority.issue("client"))
        context.maximum_version = ssl.TLSVersion.TLSv1_2  # there a refused client learns of it in the handshake
        session = await asyncio.to_thread(resume, receiver, context, None)
        assert session == await asyncio.to_thread(resume, receiver, context, session)
        clients.write_bytes(stranger.pem)
        await looked_at(files)
        with pytest.raises((ssl.SSLError, ConnectionError)):
            await asyncio.to_thread(resume, receiver, context, session)

    @pytest.mark.parametrize("run", [asyncio.run, uvloop.run])
    def test_any_event_loop_does(self, authority: Authority, stranger: Authority, run: Callable[..., None]) -> None:
        """Certificates are asked for and changed in asyncio's own loop and in uvloop, which the program runs in."""

        async def main() -> None:
            files = Files(Meter())
            pair, new = authority.issue(), authority.issue()
            second = new.der
            raw = yaml.safe_load(config("http", pair, client_ca_file=authority.file))
            receiver = factory.build(raw, Settings("otlp", watch=files.watch))
            await receiver.start(taken)
            with pytest.raises(Refused):
                await send_http(receiver, authority, stranger.issue("client"))
            pair.replace_by(new)
            await looked_at(files)
            client = authority.context(authority.issue("client"))
            assert second == await asyncio.to_thread(peer_of, receiver, client)
            await receiver.shutdown()

        run(main())


class TestGrpc:
    def test_versions_cannot_be_chosen(self, authority: Authority) -> None:
        """A promise that gRPC for Python cannot keep is refused."""
        with pytest.raises(ValueError, match="cannot be kept"):
            factory.build(yaml.safe_load(config("grpc", authority.issue(), min_version="1.3")))


async def taken(_: object) -> Answer:
    """Take any request."""
    return Answer()


async def looked_at(files: Files) -> None:
    """Let the files be read that have changed: it takes two looks, to see that they are whole."""
    await files.poll()
    await files.poll()


def version_at_most(port: int, trusted: Authority, version: ssl.TLSVersion) -> str | None:
    """Return the version of TLS that is agreed on with a client that speaks no newer one."""
    context = trusted.context()
    context.minimum_version = ssl.TLSVersion.MINIMUM_SUPPORTED
    context.maximum_version = version
    context.set_ciphers("DEFAULT:@SECLEVEL=0")
    context.set_alpn_protocols(["h2", "http/1.1"])
    with (
        socket.create_connection(("127.0.0.1", port)) as connection,
        context.wrap_socket(connection, server_hostname="127.0.0.1") as encrypted,
    ):
        return encrypted.version()


def peer_of(receiver: Receiver, context: ssl.SSLContext) -> bytes:
    """Return the certificate that this client gets."""
    endpoint = receiver.endpoints[0]
    with (
        socket.create_connection((endpoint.host, endpoint.port)) as connection,
        context.wrap_socket(connection, server_hostname=endpoint.host) as encrypted,
    ):
        return encrypted.getpeercert(binary_form=True) or b""


def resume(receiver: Receiver, context: ssl.SSLContext, session: ssl.SSLSession | None) -> ssl.SSLSession | None:
    """Connect with a session of before, if there is one; return the session."""
    endpoint = receiver.endpoints[0]
    with (
        socket.create_connection((endpoint.host, endpoint.port)) as connection,
        context.wrap_socket(connection, server_hostname=endpoint.host, session=session) as encrypted,
    ):
        assert encrypted.session_reused is (session is not None)
        return encrypted.session
