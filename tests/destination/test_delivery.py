"""Delivery to one destination, from the journal to an exporter that does as it is told."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from otel_llm.destination import merge
from otel_llm.errors import Permanent, Retryable
from otel_llm.journal import Entry, Record
from otel_llm.signals import Signal
from tests.destination.rig import FAST, Backend, Rig, fail, refuse

if TYPE_CHECKING:
    from collections.abc import Sequence

    from otel_llm.batch import Batch


async def test_delivers(rig: Rig) -> None:
    """What is appended is sent and counted by its signal, and waits no longer."""
    backend = Backend()
    await rig.connect("a", backend)

    await rig.send(b"spans", items=3)
    await rig.send(b"logs", signal=Signal.LOGS, items=2)
    await rig.drain()

    assert [b"logs", b"spans"] == sorted(backend.taken)
    assert (3, 2, 0) == (
        rig.count("exporter_sent_spans_total"),
        rig.count("exporter_sent_log_records_total"),
        rig.count("exporter_queue_size"),
    )


async def test_merges_what_waits(rig: Rig) -> None:
    """Requests of one signal that come together are sent as one; items of them all are counted."""
    backend = Backend()
    await rig.connect("a", backend, {**FAST, "sending_queue": {"batch": {"flush_timeout": "10s", "max_size": 12}}})

    await rig.send(b"one,")
    await rig.send(b"log", signal=Signal.LOGS)
    await rig.send(b"two")
    await rig.send(b"and more")
    await rig.drain()

    assert [b"and more", b"log", b"one,two"] == sorted(backend.taken)
    assert 3 == rig.count("exporter_sent_spans_total")


async def test_a_small_request_is_sent_after_the_linger(rig: Rig) -> None:
    """A request that nothing joins is sent all the same."""
    backend = Backend()
    await rig.connect("a", backend)

    await rig.send(b"alone")
    await rig.drain()

    assert [b"alone"] == backend.taken


@settings(deadline=None)
@given(
    sizes=st.lists(st.tuples(st.sampled_from([*Signal]), st.integers(0, 30)), max_size=30),
    max_bytes=st.integers(1, 40),
)
def test_merge_keeps_everything(sizes: list[tuple[Signal, int]], max_bytes: int) -> None:
    """Every entry is in one request, in order within its signal, and no request of several is too large."""
    entries = [
        Entry(position, Record("traces", signal, 1, bytes(size))) for position, (signal, size) in enumerate(sizes)
    ]

    requests = merge(entries, max_bytes)

    for signal in Signal:
        expected = [entry for entry in entries if entry.record.signal is signal]
        assert expected == [entry for request in requests for entry in request if entry.record.signal is signal]
    for request in requests:
        assert 1 == len({entry.record.signal for entry in request})
        assert 1 == len(request) or sum(len(entry.record.payload) for entry in request) <= max_bytes


def test_merge_fills_requests() -> None:
    """A request is filled to the last byte that it may have."""
    entries = [Entry(position, Record("traces", Signal.TRACES, 1, bytes(5))) for position in range(5)]

    assert [2, 2, 1] == [len(request) for request in merge(entries, 10)]


async def test_requests_under_way_are_limited(rig: Rig) -> None:
    """As many requests as `num_consumers` are under way at once, no more, and the gauge shows them."""
    backend = Backend()
    backend.open.clear()
    queue = {"num_consumers": 3, "batch": {"flush_timeout": "0", "max_size": 1}}
    await rig.connect("a", backend, {**FAST, "sending_queue": queue})

    await rig.send(*[b"x%d" % number for number in range(10)])
    await backend.requested(3)
    in_flight = rig.count("exporter_in_flight_requests")
    backend.open.set()
    await rig.drain()

    assert (3, 3, 10) == (in_flight, backend.most_under_way, len(backend.taken))


async def test_tries_again_until_it_is_taken(rig: Rig) -> None:
    """A request that may be taken later is sent again, the same bytes, and counted once."""
    backend = Backend(fail(Retryable("not now"), times=5))
    await rig.connect("a", backend)

    await rig.send(b"x")
    await rig.drain()

    assert [b"x"] * 6 == backend.requests
    assert (1, 5, 0) == (
        rig.count("exporter_sent_spans_total"),
        rig.count("exporter_retries_total"),
        rig.count("exporter_send_failed_spans_total"),
    )


async def test_an_answer_that_does_not_come_is_tried_again(rig: Rig) -> None:
    """An attempt ends after `timeout`, and is tried again."""
    backend = Backend()
    backend.open.clear()
    await rig.connect("a", backend, {**FAST, "timeout": "10ms"})

    await rig.send(b"x")
    await backend.requested(3)
    backend.open.set()
    await rig.drain()

    assert [b"x"] == backend.taken


@pytest.mark.parametrize(
    "config", [{"enabled": False}, {"initial_interval": "1ms", "max_elapsed_time": "5ms"}], ids=["off", "limited"]
)
async def test_gives_up_as_configured(rig: Rig, config: dict[str, Any]) -> None:
    """Without retries, or after their time, a request is dropped, and its neighbours are not tried again one by one."""
    backend = Backend(fail(Retryable("not now"), times=1000))
    await rig.connect("a", backend, {**FAST, "retry_on_failure": config})

    await rig.send(b"x", b"y")
    await rig.drain()

    assert {b"xy"} == set(backend.requests)
    assert 2 == rig.count("exporter_dropped_spans_total", reason="retries_exhausted")
    assert 2 == rig.count("exporter_send_failed_spans_total")


async def test_waits_grow(rig: Rig) -> None:
    """Every wait is longer than the one before: 1, 10 and 100 ms fit into the time, the next would not."""
    backend = Backend(fail(Retryable("not now"), times=1000))
    retry = {"initial_interval": "1ms", "multiplier": 10, "randomization_factor": 0, "max_elapsed_time": "500ms"}
    await rig.connect("a", backend, {**FAST, "retry_on_failure": retry})

    await rig.send(b"x")
    await rig.drain()

    assert len(backend.requests) in range(1, 5)


async def test_a_permanent_refusal_is_not_tried_again(rig: Rig) -> None:
    """A request that will never be taken is tried once, counted by its reason, and the next one is delivered (B17)."""
    backend = Backend(refuse(b"poison", Permanent("no", reason="internal")))
    await rig.connect("a", backend)

    await rig.send(b"poison", items=7)
    await rig.drain()
    await rig.send(b"good")
    await rig.drain()

    assert [b"poison", b"good"] == backend.requests
    assert 7 == rig.count("exporter_dropped_spans_total", reason="internal")
    assert 1 == rig.count("exporter_sent_spans_total")


async def test_a_poisonous_request_does_not_cost_its_neighbours(rig: Rig) -> None:
    """What was merged is taken apart before it is given up: only the record that is refused alone is dropped (B17)."""
    backend = Backend(refuse(b"poison", Permanent("no", reason="internal")))
    await rig.connect("a", backend)

    await rig.send(b"good1", b"poison", b"good2")
    await rig.drain()

    assert [b"good1poisongood2", b"good1", b"poison", b"good2"] == backend.requests
    assert [b"good1", b"good2"] == backend.taken
    assert 1 == rig.count("exporter_dropped_spans_total", reason="internal")


@pytest.mark.parametrize("bug", [ValueError("secret"), KeyError("secret")], ids=repr)
async def test_a_bug_in_an_exporter_costs_one_request(
    rig: Rig, bug: Exception, caplog: pytest.LogCaptureFixture
) -> None:
    """What else an exporter raises drops the request, names the type in the log, and no word of its text."""
    backend = Backend(refuse(b"x", bug))
    await rig.connect("a", backend)

    await rig.send(b"x")
    await rig.drain()
    await rig.send(b"good")
    await rig.drain()

    assert [b"good"] == backend.taken
    assert 1 == rig.count("exporter_dropped_spans_total", reason="bug")
    assert type(bug).__name__ in caplog.text
    assert "secret" not in caplog.text


@pytest.mark.parametrize(("said", "counted"), [(3, 3), (1000, 10), (-5, 0)])
async def test_partial_success_is_not_tried_again(rig: Rig, said: int, counted: int) -> None:
    """Items that a destination rejects are counted, never more than there were, and the request is done (B9)."""
    backend = Backend(lambda _: said)
    await rig.connect("a", backend)

    await rig.send(b"x", items=10)
    await rig.drain()

    assert [b"x"] == backend.requests
    assert counted == rig.count("exporter_dropped_spans_total", reason="rejected_by_backend")
    assert 10 - counted == rig.count("exporter_sent_spans_total")


async def test_one_destination_is_nothing_to_the_other(rig: Rig) -> None:
    """While one destination takes nothing the other gets everything (B14)."""
    down, up = Backend(fail(Retryable("down"), times=10**9)), Backend()
    await rig.connect("a", down)
    await rig.connect("b", up, {**FAST, "sending_queue": {"batch": {"flush_timeout": "0", "max_size": 1}}})

    payloads = [b"x%d" % number for number in range(50)]
    for payload in payloads:
        await rig.send(payload)
    await rig.destinations[1].drain(30)

    assert payloads == sorted(up.taken, key=payloads.index)
    assert (50, 0) == (rig.cursors["a"].waiting_items, rig.cursors["b"].waiting_items)
    down.answer = lambda _: 0
    await rig.drain()


@settings(deadline=None)
@given(answers=st.lists(st.sampled_from(["ok", "partial", "retry", "never", "bug"]), min_size=1, max_size=25))
def test_accepted_is_sent_and_waiting_and_dropped(answers: Sequence[str]) -> None:
    """Whatever the answers are: accepted = sent + waiting + dropped, at any time and in the end."""
    outcomes: dict[str, Exception] = {"retry": Retryable("r"), "never": Permanent("p"), "bug": ValueError()}
    script = iter(answers)

    def answer(_: Batch) -> int:
        outcome = next(script, "ok")
        if outcome in outcomes:
            raise outcomes[outcome]
        return 1 if outcome == "partial" else 0

    async def run() -> None:
        rig = Rig()
        destination = await rig.connect("a", Backend(answer))
        accepted = 0

        def accounted() -> float:
            dropped = sum(
                rig.count("exporter_dropped_spans_total", reason=reason)
                for reason in ("permanent", "bug", "rejected_by_backend", "retries_exhausted")
            )
            return rig.count("exporter_sent_spans_total") + dropped + rig.count("exporter_queue_size")

        for number in range(8):
            await rig.send(b"x%d" % number, items=number + 1)
            accepted += number + 1
            await asyncio.sleep(0.001)
            assert accepted == accounted()
        await rig.drain()
        assert (accepted, 0) == (accounted(), rig.count("exporter_queue_size"))
        await destination.shutdown()

    asyncio.run(run())


async def test_one_that_may_drop_loses_its_oldest_when_the_journal_is_full() -> None:
    """What it loses is counted with the reason; what is under way and what comes later is delivered."""
    rig = Rig(capacity_bytes=5000)
    backend = Backend()
    backend.open.clear()
    queue = {"num_consumers": 1, "batch": {"flush_timeout": "0s", "max_size": 1}, "when_full": "drop_oldest"}
    await rig.connect("a", backend, {**FAST, "sending_queue": queue})
    await rig.send(b"first")
    await backend.requested(1)
    for number in range(20):
        await rig.send(b"%d" % number)
    backend.open.set()
    await rig.drain()
    await rig.destinations[0].shutdown()
    dropped = rig.count("exporter_dropped_spans_total", reason="queue_full")

    assert b"first" == backend.taken[0]
    assert b"19" == backend.taken[-1]
    assert 21 == dropped + rig.count("exporter_sent_spans_total")
    assert dropped > 0
