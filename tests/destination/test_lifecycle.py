"""What a destination says, and how it starts and ends."""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING

from otel_llm.destination import Destination
from otel_llm.errors import Retryable
from otel_llm.exporters.delivery import DeliveryConfig
from otel_llm.journal.memory import MemoryJournal
from otel_llm.signals import Signal
from otel_llm.telemetry import Meter
from tests.destination.rig import FAST, Backend, Rig, fail

if TYPE_CHECKING:
    import pytest

    from otel_llm.batch import Batch


class TestLog:
    async def test_says_changes_only(self, rig: Rig, caplog: pytest.LogCaptureFixture) -> None:
        """A destination that flaps is in the log once for each thing there is to say, however many requests fail."""
        caplog.set_level(logging.INFO)
        answers = iter([Retryable("it is down"), None] * 50)

        def answer(_: Batch) -> int:
            if error := next(answers, None):
                raise error
            return 0

        await rig.connect("a", Backend(answer), {**FAST, "sending_queue": {"batch": {"max_size": 1}}})
        await rig.send(*[b"x"] * 50)
        await rig.drain()

        assert ["exporter a: it is down; trying again", "exporter a: delivers again"] == caplog.messages

    async def test_says_nothing_while_all_is_well(self, rig: Rig, caplog: pytest.LogCaptureFixture) -> None:
        """Deliveries that succeed are not logged."""
        caplog.set_level(logging.INFO)
        await rig.connect("a", Backend())

        await rig.send(b"x")
        await rig.drain()

        assert [] == caplog.messages


class TestLifecycle:
    async def test_starts_and_shuts_down_the_exporter(self, rig: Rig) -> None:
        """The exporter is started with its destination, and shut down with it."""
        backend = Backend()
        destination = await rig.connect("a", backend)
        states = [backend.state]

        await destination.shutdown()

        assert ["started", "shut down"] == [*states, backend.state]

    async def test_says_what_was_not_delivered(self, rig: Rig, caplog: pytest.LogCaptureFixture) -> None:
        """A drain ends when its time is over; what is left is said once, by its number, at shutdown."""
        destination = await rig.connect("a", Backend(fail(Retryable("down"), times=10**9)))
        await rig.send(b"x", items=42)

        await destination.drain(0.01)
        await destination.shutdown()
        await destination.shutdown()

        assert ["exporter a: 42 items were not delivered"] == [m for m in caplog.messages if "delivered" in m]
        assert 42 == rig.count("exporter_queue_size")

    async def test_shutdown_without_start(self) -> None:
        """A destination that was never started can be shut down."""
        journal = MemoryJournal()
        destination = Destination(
            "a", Backend(), journal.open_cursor("a", frozenset({"traces"})), DeliveryConfig(), Meter()
        )

        await destination.shutdown()
        await destination.drain(0)

    async def test_what_was_under_way_waits_still(self, rig: Rig) -> None:
        """A request that is cut off by the shutdown is not acknowledged: a cursor opened anew reads it again."""
        backend = Backend()
        backend.open.clear()
        destination = await rig.connect("a", backend)
        await rig.send(b"x")
        await backend.requested(1)

        await destination.shutdown()

        again = rig.journal.open_cursor("a", frozenset(Signal))
        assert [b"x"] == [entry.record.payload for entry in await asyncio.wait_for(again.read(10), 20)]
