"""One page of metrics for several processes."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from otel_llm.telemetry import Meter
from otel_llm.workers.metrics import Ledger
from tests.faults.metrics import Metrics


def page(ledger: Ledger) -> Metrics:
    """Return what the ledger shows."""
    return Metrics(ledger.text(Meter().families()).decode())


def test_counters_and_histograms_are_added_up() -> None:
    """Label by label, a histogram with all its buckets; of a gauge as it says itself."""
    ledger = Ledger()
    for worker, amount in ((1, 2), (2, 5)):
        meter = Meter()
        meter.counter("requests", "Help.", ["code"]).labels("0").inc(amount)
        meter.histogram("seconds", "Help.", buckets=(1.0, 3.0)).observe(amount)
        meter.gauge("waiting", "Help.").set(amount)
        meter.gauge("age", "Help.", merge="max").set(amount)
        meter.gauge("good", "Help.", merge="min").set(amount)
        ledger.enter(worker, meter, meter.families())

    shown = page(ledger)

    assert 7 == shown.total("requests_total", code="0")
    assert {"1.0": 0, "3.0": 1, "+Inf": 2} == shown.by("seconds_bucket", "le")
    assert 7 == shown.total("seconds_sum")
    assert (7, 5, 2) == (shown.total("waiting"), shown.total("age"), shown.total("good"))


@given(st.lists(st.tuples(st.integers(1, 3), st.integers(0, 9), st.booleans())))
def test_a_counter_never_goes_down(steps: list[tuple[int, int, bool]]) -> None:
    """Whoever counts, reports and is replaced by a process that begins with nothing, in any order: the sum is kept."""
    ledger, meters, counted, last = Ledger(), {number: Meter() for number in (1, 2, 3)}, 0, 0.0
    for worker, amount, dies in steps:
        if dies:
            meters[worker] = Meter()
        meters[worker].counter("spans", "Help.").inc(amount)
        counted += amount
        ledger.enter(worker, meters[worker], meters[worker].families())
        now = page(ledger).total("spans_total")
        assert last <= now == counted
        last = now


def test_what_waits_still_waits_while_a_worker_is_restarted() -> None:
    """Gauges are a dead process' until its successor says something."""
    ledger, first, second = Ledger(), Meter(), Meter()
    first.gauge("waiting", "Help.").set(3)
    ledger.enter(1, first, first.families())
    assert 3 == page(ledger).total("waiting")

    second.gauge("waiting", "Help.").set(2)
    ledger.enter(1, second, second.families())
    assert 2 == page(ledger).total("waiting")
