"""What is built of a config."""

from __future__ import annotations

import asyncio
import threading
import time
from typing import TYPE_CHECKING

from otel_llm.host.graph import Graph
from otel_llm.journal.memory import MemoryJournal
from otel_llm.reload import Watched
from otel_llm.request import Request
from otel_llm.signals import Signal
from otel_llm.telemetry import Meter
from otel_llm.testing import make_request
from tests.reload.rig import Stamp

if TYPE_CHECKING:
    import pytest

    from tests.reload.rig import Rig

LARGE = make_request({"gen_ai.system": "x", "size": "x" * 300_000})


async def test_finished_means_that_everything_is_in_the_journal(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    """What was being processed has been appended when the wait is over, so that it can be routed differently then."""
    go_on = threading.Event()
    monkeypatch.setattr(Stamp, "process_span", lambda _self, _span: go_on.wait(20))
    graph = Graph(rig.config(), Meter(), Watched)
    journal = MemoryJournal()
    cursor = journal.open_cursor("sink/a", frozenset({"traces"}))

    async def finish() -> int:
        await graph.finish()
        return cursor.waiting_items

    request = asyncio.create_task(graph.intakes(journal)["otlp"].receive(Request(Signal.TRACES, LARGE)))
    await asyncio.sleep(0)
    finishing = asyncio.create_task(finish())
    await asyncio.sleep(0)
    go_on.set()
    time.sleep(0.2)  # noqa: ASYNC251 - until both threads are done the loop is busy: it hears of both in one turn
    waiting = await finishing
    await request
    graph.discard()

    assert 1 == waiting
