"""How a host changes over to another config."""

from __future__ import annotations

import asyncio
import socket
from typing import TYPE_CHECKING

import pytest

from otel_llm.errors import ConfigError, StartError
from otel_llm.testing import make_request
from tests.reload.rig import CONFIG, Client, Rig, endpoint, states

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

SPAN = make_request({"gen_ai.system": "x"})
LARGE = make_request({"gen_ai.system": "x", "size": "x" * 300_000})
NEW = CONFIG.replace("text: old", "text: new")


async def test_new_processors_work_behind_the_same_connection(rig: Rig) -> None:
    """A receiver that is the same in both configs goes on listening, and its clients notice nothing."""
    async with rig.host() as host, Client(host) as client:
        port = endpoint(host).port
        await client.send(SPAN)
        await host.reload(rig.config(NEW))
        await client.send(SPAN)
        stamps = await rig.backends["sink/a"].has(2)

        assert (["old", "new"], port) == (stamps, endpoint(host).port)
        assert [["started"]] == states(rig, "sink/a")


async def test_no_request_is_dropped_and_none_is_half_and_half(rig: Rig) -> None:
    """Under load every request is answered well, and a new destination gets only what the new processors have seen.

    Small and large requests: processed on the event loop, and in threads.
    """
    both = NEW.replace("sink/a: {}", "sink/a: {}, sink/b: {}").replace("[sink/a]", "[sink/a, sink/b]")
    sent = 0
    stop = asyncio.Event()
    async with rig.host() as host, Client(host) as client:

        async def load() -> None:
            nonlocal sent
            while not stop.is_set():
                await client.send(SPAN, LARGE)
                sent += 2

        senders = [asyncio.create_task(load()) for _ in range(4)]
        for text in (both, CONFIG, both, CONFIG, both):
            await rig.backends["sink/a"].has(sent + 10)
            await host.reload(rig.config(text))
        stop.set()
        await asyncio.gather(*senders)
        stamps = await rig.backends["sink/a"].has(sent)

    assert sent == len(stamps)
    assert {"old", "new"} == set(stamps)
    assert {"new"} == set(rig.backends["sink/b"].stamps)


class TestDestinations:
    async def test_a_changed_exporter_goes_on_where_the_old_one_was(self, rig: Rig) -> None:
        """What waits is delivered by the new one."""
        sink = rig.backends["sink/a"]
        sink.away = True
        async with rig.host() as host, Client(host) as client:
            await client.send(SPAN)
            await host.reload(rig.config(NEW.replace("sink/a: {}", "sink/a: {note: changed}")))
            sink.away = False

            assert ["old"] == await sink.has(1)
            assert ["started", "shut down", "started"] == sink.states

    async def test_a_removed_one_gets_what_was_for_it(self, rig: Rig) -> None:
        """What was acknowledged before is delivered, what comes after is not for it, and it is shut down."""
        away = rig.backends["sink/a"]
        away.away = True
        async with rig.host() as host, Client(host) as client:
            await client.send(SPAN)
            reloading = asyncio.create_task(host.reload(rig.config(NEW.replace("sink/a", "sink/b"))))
            await rig.backends["sink/b"].started.wait()  # the old one is there still, until it has delivered
            await client.send(SPAN)
            await rig.backends["sink/b"].has(1)
            away.away = False
            await reloading

            assert (["old"], ["new"]) == (away.stamps, rig.backends["sink/b"].stamps)
            assert [["started", "shut down"], ["started"]] == states(rig, "sink/a", "sink/b")
            assert ["sink/b"] == [destination.name for destination in host.destinations]

    async def test_a_removed_one_that_is_away_is_given_up(self, rig: Rig) -> None:
        """The limit of draining holds; nothing of it is kept any more."""
        rig.backends["sink/a"].away = True
        text = CONFIG.replace("drain: 10s", "drain: 10ms")
        async with rig.host(text) as host, Client(host) as client:
            await client.send(SPAN)
            await host.reload(rig.config(text.replace("sink/a", "sink/b")))

            assert [] == rig.backends["sink/a"].stamps
            assert 0 == host.meter.value("journal_used_bytes")

    async def test_what_waits_from_a_renamed_pipeline_is_delivered(self, rig: Rig) -> None:
        """A pipeline that is gone leaves nothing behind."""
        sink = rig.backends["sink/a"]
        sink.away = True
        async with rig.host() as host, Client(host) as client:
            await client.send(*[LARGE] * 20)  # more than can be under way
            await host.reload(rig.config(NEW.replace("traces:", "traces/renamed:")))
            await client.send(SPAN)
            sink.away = False

            assert ["new", *["old"] * 20] == sorted(await sink.has(21))

    async def test_connections_change_without_a_restart(self, rig: Rig) -> None:
        """Pipelines that change places between running destinations send to the other one from now on."""
        pipelines = "{{traces: {{receivers: [otlp], exporters: [{}]}}, logs: {{receivers: [otlp], exporters: [{}]}}}}"
        text = CONFIG.replace("sink/a: {}", "sink/a: {}, sink/b: {}").partition("  pipelines:")[0] + "  pipelines: "
        async with rig.host(text + pipelines.format("sink/a", "sink/b")) as host, Client(host) as client:
            await client.send(SPAN)
            await rig.backends["sink/a"].has(1)
            await host.reload(rig.config(text + pipelines.format("sink/b", "sink/a")))
            await client.send(SPAN)
            await rig.backends["sink/b"].has(1)

            assert [["started"], ["started"]] == states(rig, "sink/a", "sink/b")
        assert 1 == len(rig.backends["sink/a"].stamps)


class TestReceivers:
    async def test_a_changed_one_starts_anew_at_its_port(self, rig: Rig) -> None:
        """The old one is stopped first. Clients connect again."""
        with socket.create_server(("127.0.0.1", 0)) as free:
            port = free.getsockname()[1]
        text = CONFIG.replace("127.0.0.1:0", f"127.0.0.1:{port}")
        changed = text.replace('"}}}}', '", max_concurrent_streams: 7}}}}').replace("text: old", "text: new")
        async with rig.host(text) as host:
            async with Client(host) as client:
                await client.send(SPAN)
            await host.reload(rig.config(changed))
            async with Client(host) as client:
                await client.send(SPAN)
                assert ["old", "new"] == await rig.backends["sink/a"].has(2)

            assert port == endpoint(host).port

    async def test_a_new_one_listens_and_a_removed_one_does_not(self, rig: Rig) -> None:
        """One takes the other's place at a port of its own."""
        async with rig.host() as host:
            old = endpoint(host).port
            await host.reload(rig.config(CONFIG.replace("otlp:", "otlp/new:").replace("[otlp]", "[otlp/new]")))

            assert ["receivers.otlp/new.protocols.grpc.endpoint"] == [each.name for each in host.endpoints]
            with pytest.raises(ConnectionRefusedError):
                await asyncio.open_connection("127.0.0.1", old)


class TestExtensions:
    BELL = CONFIG.replace("service:", "extensions: {bell: {note: one}, bell/two: {note: two}}\nservice:").replace(
        "  telemetry", "  extensions: [bell, bell/two]\n  telemetry"
    )

    async def test_only_those_that_changed_are_replaced(self, rig: Rig) -> None:
        """The others do not notice. All end in the order opposite to the config's."""
        async with rig.host(self.BELL) as host:
            await host.reload(rig.config(self.BELL.replace("note: one", "note: three")))

        assert ["one on", "two on", "one off", "three on", "two off", "three off"] == rig.events

    async def test_the_metrics_page_moves(self, rig: Rig) -> None:
        """It is shown where the new config says."""
        async with rig.host() as host:
            await host.reload(rig.config(CONFIG.replace("endpoint: none", 'endpoint: "127.0.0.1:0"')))
            _, writer = await asyncio.open_connection(
                "127.0.0.1", endpoint(host, "service.telemetry.metrics.endpoint").port
            )
            writer.close()
            await writer.wait_closed()

    async def test_the_journal_cannot_be_exchanged(self, rig: Rig) -> None:
        """Another journal needs a restart, which is said; what ran goes on."""
        storage = CONFIG.replace(
            "service:", "extensions: {storage: {max_size_mib: 1}}\nservice:\n  extensions: [storage]"
        )
        async with rig.host() as host, Client(host) as client:
            with pytest.raises(ConfigError, match=r"extensions\.storage: a change of it needs a restart"):
                await host.reload(rig.config(storage))
            await client.send(SPAN)

            assert ["old"] == await rig.backends["sink/a"].has(1)


class TestRefused:
    async def test_what_a_component_refuses_changes_nothing(self, rig: Rig, tmp_path: Path) -> None:
        """The problem is told; the old processors go on."""
        async with rig.host() as host, Client(host) as client:
            with pytest.raises(ConfigError, match="nope: cannot be read"):
                await host.reload(rig.config(CONFIG.replace("text: old", f"file: {tmp_path}/nope")))
            await client.send(SPAN)

            assert ["old"] == await rig.backends["sink/a"].has(1)

    async def test_ports_in_use_change_nothing(self, rig: Rig) -> None:
        """They are named before anything is stopped."""
        with socket.create_server(("127.0.0.1", 0)) as taken:
            there = f"127.0.0.1:{taken.getsockname()[1]}"
            async with rig.host() as host, Client(host) as client:
                with pytest.raises(StartError, match=f"{there} is in use"):
                    await host.reload(rig.config(NEW.replace("127.0.0.1:0", there)))
                await client.send(SPAN)

                assert ["old"] == await rig.backends["sink/a"].has(1)
                assert [["started"]] == states(rig, "sink/a")

    @pytest.mark.parametrize(
        "change",
        [
            lambda text: text.replace("sink/a: {}", "sink/a: {breaks: true}"),
            lambda text: text.replace("sink/a: {}", "sink/a: {note: x}, sink/b: {breaks: true}").replace(
                "[sink/a]", "[sink/a, sink/b]"
            ),
        ],
        ids=["changed", "added"],
    )
    async def test_what_was_stopped_already_is_started_again(self, rig: Rig, change: Callable[[str], str]) -> None:
        """An exporter that cannot be started is found out late: the config before comes back, with what waited."""
        sink = rig.backends["sink/a"]
        sink.away = True
        async with rig.host() as host, Client(host) as client:
            await client.send(SPAN)
            with pytest.raises(StartError, match="the sink cannot be started"):
                await host.reload(rig.config(change(NEW)))
            await client.send(SPAN)
            sink.away = False

            assert ["old", "old"] == await sink.has(2)
            assert ["sink/a"] == [destination.name for destination in host.destinations]
            assert host.ready

    async def test_when_nothing_can_be_had_back_it_says_so(self, rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
        """A host that can run neither config is not ready, and tells whoever runs it to end."""
        async with rig.host() as host:

            async def no_disk(_readers: object) -> None:
                raise StartError("no disk")

            monkeypatch.setattr(host._journal, "subscribe", no_disk)
            with pytest.raises(StartError):
                await host.reload(rig.config(NEW))

            assert not host.ready
            assert (await host.failure()).startswith("after a reload that failed")


@pytest.mark.parametrize("stop", ["cancel", "shutdown"])
async def test_it_can_be_stopped_in_the_middle(rig: Rig, stop: str) -> None:
    """A reload that waits for a destination does not keep the host from stopping, nor from delivering."""
    rig.backends["sink/a"].away = True
    host = rig.host()
    async with host, Client(host) as client:
        await client.send(SPAN)
        reloading = asyncio.create_task(host.reload(rig.config(NEW.replace("sink/a", "sink/b"))))
        await rig.backends["sink/b"].started.wait()
        if stop == "cancel":
            reloading.cancel()
        asyncio.get_running_loop().call_later(0.05, setattr, rig.backends["sink/a"], "away", False)
    await asyncio.gather(reloading, return_exceptions=True)

    assert ["old"] == rig.backends["sink/a"].stamps
    assert [["started", "shut down"]] * 2 == states(rig, "sink/a", "sink/b")
