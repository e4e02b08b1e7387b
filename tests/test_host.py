from __future__ import annotations

import asyncio
import socket
from typing import TYPE_CHECKING

import aiohttp
import grpc
import pytest

from otel_llm.component import Config, Endpoint, Exporter, ExporterFactory, Settings
from otel_llm.config import load_config
from otel_llm.errors import ConfigError, StartError
from otel_llm.host import Host
from otel_llm.registry import Registry
from otel_llm.signals import Signal
from otel_llm.testing import SinkExporter, make_request

if TYPE_CHECKING:
    from collections.abc import Sequence

    from otel_llm.batch import Batch

CONFIG = """
receivers: {otlp: {protocols: {grpc: {endpoint: "127.0.0.1:0"}, http: {endpoint: "127.0.0.1:0"}}}}
exporters: {sink: {}}
extensions: {health: {endpoint: "127.0.0.1:0"}}
service:
  extensions: [health]
  telemetry: {metrics: {endpoint: "127.0.0.1:0"}}
  pipelines: {traces: {receivers: [otlp], exporters: [sink]}}
"""


class SinkConfig(Config):
    """Settings of the sink."""


class Sink(SinkExporter):
    """A sink that can be held shut, and remembers when it was closed."""

    def __init__(self) -> None:
        super().__init__()
        self.opened = asyncio.Event()
        self.opened.set()
        self.closed = False

    async def export(self, batch: Batch, /) -> int:
        await self.opened.wait()
        return await super().export(batch)

    async def shutdown(self) -> None:
        self.closed = True


def host_with(sink: Exporter, text: str = CONFIG) -> Host:
    """Return a host with one exporter of our own."""
    factory = ExporterFactory("sink", SinkConfig, lambda _config, _settings: sink)
    return Host(load_config(text, registry=Registry(extra=[factory])))


def endpoint(host: Host, part: str) -> Endpoint:
    """Return where something listens."""
    return next(each for each in host.endpoints if part in each.name)


async def send(host: Host, body: bytes) -> None:
    """Send one request over gRPC."""
    async with grpc.aio.insecure_channel(str(endpoint(host, ".grpc."))) as channel:
        export: grpc.aio.UnaryUnaryMultiCallable[bytes, bytes] = channel.unary_unary(Signal.TRACES.grpc_method)
        await export(body)


async def get(host: Host, part: str, path: str) -> tuple[int, str]:
    """Get a page."""
    async with aiohttp.ClientSession() as session, session.get(f"http://{endpoint(host, part)}{path}") as answer:
        return answer.status, await answer.text()


async def test_what_comes_in_goes_out() -> None:
    """A span sent over gRPC and one over HTTP reach the destination as they are."""
    sink = Sink()
    body = make_request({"a": 1})
    async with host_with(sink) as host, aiohttp.ClientSession() as session:
        await send(host, body)
        url = f"http://{endpoint(host, '.http.')}/v1/traces"
        async with session.post(url, data=body, headers={"Content-Type": "application/x-protobuf"}) as answer:
            assert 200 == answer.status

    assert body * 2 == b"".join(batch.to_bytes() for batch in sink.batches)


async def test_stopping_delivers_what_was_acknowledged() -> None:
    """What waits when the host is told to stop is delivered within its limit, and only then is the exporter closed."""
    sink = Sink()
    sink.opened.clear()
    async with host_with(sink) as host:
        await send(host, make_request({"a": 1}))
        assert not sink.batches
        asyncio.get_running_loop().call_later(0.05, sink.opened.set)

    assert 1 == len(sink.batches)
    assert sink.closed


async def test_a_destination_that_never_answers_does_not_keep_it_from_stopping() -> None:
    """The drain limit holds."""
    sink = Sink()
    sink.opened.clear()
    text = CONFIG.replace("service:", "service:\n  shutdown: {grace: 0s, drain: 50ms}")
    async with host_with(sink, text) as host:
        await send(host, make_request({"a": 1}))

    assert sink.closed
    assert not host.ready


async def test_health_tells_life_and_readiness() -> None:
    """`/` answers while it runs; `/ready` says whether to send to it."""
    sink = Sink()
    text = CONFIG.replace("extensions: {", "extensions: {storage: {max_size_mib: 1}, ").replace(
        "extensions: [", "extensions: [storage, "
    )
    sink.opened.clear()
    async with host_with(sink, text) as host:
        assert (200, True) == ((found := await get(host, "health", "/"))[0], '"ok"' in found[1])
        assert 200 == (await get(host, "health", "/ready"))[0]
        assert 404 == (await get(host, "health", "/nope"))[0]
        await send(host, make_request({"a": "x" * 1_020_000}))
        assert 503 == (await get(host, "health", "/ready"))[0]
        sink.opened.set()


async def test_metrics_are_shown() -> None:
    """What was taken and where it is can be read at the metrics endpoint."""
    async with host_with(Sink()) as host:
        await send(host, make_request({"a": 1}))
        status, text = await get(host, "metrics", "/metrics")

    assert 200 == status
    assert 'otel_llm_receiver_accepted_spans_total{receiver="otlp",transport="grpc"} 1.0' in text
    assert "otel_llm_process_uptime_seconds" in text
    assert "otel_llm_journal_capacity_bytes 6.7108864e+07" in text


async def test_all_ports_in_use_are_named_at_once() -> None:
    """Whoever starts it beside something else learns of every conflict in one go, and nothing is left running."""
    with socket.create_server(("127.0.0.1", 0)) as one, socket.create_server(("127.0.0.1", 0)) as other:
        ports = [taken.getsockname()[1] for taken in (one, other)]
        text = CONFIG
        for port in ports:
            text = text.replace("127.0.0.1:0", f"127.0.0.1:{port}", 1)
        with pytest.raises(StartError) as caught:
            async with host_with(Sink(), text):
                pass

    assert [
        f"receivers.otlp.protocols.grpc.endpoint: 127.0.0.1:{ports[0]} is in use",
        f"receivers.otlp.protocols.http.endpoint: 127.0.0.1:{ports[1]} is in use",
    ] == list(caught.value.problems)


def test_problems_that_only_components_find_are_reported_together() -> None:
    """A config whose components cannot be made names all of them."""

    def refuse(_config: SinkConfig, settings: Settings) -> SinkExporter:
        raise ConfigError(f"{settings.name}: the file is not there")

    factory = ExporterFactory("sink", SinkConfig, refuse)
    text = CONFIG.replace("sink: {}", "sink: {}, sink/two: {}").replace("[sink]", "[sink, sink/two]")
    with pytest.raises(ConfigError) as caught:
        Host(load_config(text, registry=Registry(extra=[factory])))

    assert ("sink: the file is not there", "sink/two: the file is not there") == caught.value.problems


async def test_it_can_be_stopped_twice_and_without_a_start() -> None:
    """Stopping is safe wherever it had got to."""
    host = host_with(Sink())
    await host.shutdown()
    await host.shutdown()


async def test_no_signal_handler_and_no_loop_of_its_own() -> None:
    """It runs in whatever loop it is in, and leaves the process alone."""
    import signal

    before: Sequence[object] = [signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)]
    async with host_with(Sink()):
        assert before == [signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)]
