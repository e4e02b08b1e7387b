from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from otel_llm.batch import Batch
from otel_llm.component import Exporter
from otel_llm.dead_letters import DeadLetters, find
from otel_llm.destination.destination import Destination
from otel_llm.errors import Oversize, Permanent
from otel_llm.exporters.delivery import DeliveryConfig
from otel_llm.journal import Record
from otel_llm.journal.memory import MemoryJournal
from otel_llm.signals import Signal
from otel_llm.telemetry import Meter
from otel_llm.testing import make_request

if TYPE_CHECKING:
    from pathlib import Path


class Narrow(Exporter):
    """Takes so many items at once, and none that is called poison."""

    def __init__(self, at_most: int) -> None:
        self.at_most = at_most
        self.taken: list[int] = []
        self.attempts = 0

    async def export(self, batch: Batch, /) -> int:
        self.attempts += 1
        if batch.item_count > self.at_most:
            raise Oversize("too large", reason="http_413")
        if any("poison" in span for span in batch.spans):
            raise Permanent("refused", reason="http_400")
        self.taken += [span.get("n") for span in batch.spans]
        return 0


async def deliver(exporter: Exporter, *requests: bytes, dead_letters: DeadLetters | None = None) -> Meter:
    """Run a destination until nothing waits."""
    journal = MemoryJournal(1 << 20)
    cursor = journal.open_cursor("sink", frozenset({"traces"}))
    meter = Meter()
    destination = Destination("sink", exporter, cursor, DeliveryConfig(), meter, dead_letters=dead_letters)
    await journal.append([Record("traces", Signal.TRACES, Batch(body).item_count, body) for body in requests])
    await destination.start()
    await destination.drain(10)
    await destination.shutdown()
    return meter


async def test_what_is_too_large_is_split_until_it_fits() -> None:
    """B8: every item arrives once, in order."""
    exporter = Narrow(3)
    meter = await deliver(exporter, make_request(*({"n": n} for n in range(20))))

    assert list(range(20)) == exporter.taken
    assert 20 == meter.value("exporter_sent_spans_total", exporter="sink")


async def test_one_item_that_is_too_large_alone_is_given_up() -> None:
    """B8: it cannot be split any further; it is counted, once."""
    exporter = Narrow(0)
    meter = await deliver(exporter, make_request({"n": 1}, {"n": 2}))

    assert [] == exporter.taken
    assert 2 == meter.value("exporter_dropped_spans_total", exporter="sink", reason="http_413")


async def test_a_refused_batch_becomes_a_dead_letter_and_the_others_go_on(tmp_path: Path) -> None:
    """B17: one try and the head of the queue moves on; what was refused is kept with the reason."""
    exporter = Narrow(100)
    poison = make_request({"n": 2, "poison": True})
    await deliver(
        exporter,
        make_request({"n": 1}), poison, make_request({"n": 3}),
        dead_letters=DeadLetters(tmp_path, "sink", 1 << 20),
    )  # fmt: skip
    (letter,) = find(tmp_path)

    assert [1, 3] == exporter.taken
    assert ("http_400", poison) == (letter.reason, letter.batch().to_bytes())


@given(st.lists(st.integers(0, 4), min_size=1, max_size=6))
def test_halves_hold_every_item_once_and_in_order(scopes: list[int]) -> None:
    """Splitting loses nothing, whatever the resources and scopes."""
    raw = b"".join(make_request(*({"n": n} for n in range(count)), scope=str(at)) for at, count in enumerate(scopes))
    whole = Batch(raw)
    halves = whole.halves()
    expected = [(span.scope.name, span.get("n")) for span in whole.spans]
    found = [(span.scope.name, span.get("n")) for half in halves for span in Batch(half.to_bytes()).spans]

    if len(expected) < 2:
        assert () == halves
    else:
        assert expected == found
        assert abs(halves[0].item_count - halves[1].item_count) <= 1
        assert [half.item_count for half in halves] == [len(half.spans) for half in halves]


@pytest.mark.parametrize("signal", [Signal.LOGS, Signal.METRICS])
def test_an_empty_batch_has_no_halves(signal: Signal) -> None:
    """There is nothing to part."""
    assert () == Batch(b"", signal).halves()
