from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

from otel_llm.telemetry import Meter


def test_one_name_is_one_metric() -> None:
    """Processors of several threads count into the same counter."""
    meter = Meter()
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda _: meter.counter("calls", "Calls.", ["model"]).labels("m").inc(), range(100)))

    assert 100 == meter.value("calls_total", model="m")


def test_metrics_are_shown_under_the_programs_prefix() -> None:
    """Names are the Collector's with another prefix."""
    meter = Meter()
    meter.counter("receiver_accepted_spans", "Taken.", ["receiver"]).labels("otlp").inc(3)

    assert b'otel_llm_receiver_accepted_spans_total{receiver="otlp"} 3.0' in meter.text()


def test_meters_are_apart() -> None:
    """Two hosts in one process do not count into each other's metrics."""
    one, other = Meter(), Meter()
    one.gauge("size", "Size.").set(1)

    assert (1, 0) == (one.value("size"), other.value("size"))


def test_a_histogram_has_the_buckets_it_is_given() -> None:
    """Buckets may be the conventions'."""
    meter = Meter()
    meter.histogram("tokens", "Tokens.", buckets=[1, 4]).observe(3)

    assert (0, 1) == (meter.value("tokens_bucket", le="1.0"), meter.value("tokens_bucket", le="4.0"))


def test_a_bounded_counter_has_room_for_so_many_names() -> None:
    """Names beyond the cap are counted together; those that have a series keep it."""
    meter = Meter()
    counter = meter.bounded_counter("calls", "Calls.", ["model"], max_series=2)
    for model in ("a", "b", "c", "d", "a"):
        counter.add((model,))

    assert [2, 1, 0, 2] == [meter.value("calls_total", model=model) for model in ("a", "b", "c", "other")]


def test_a_kind_stays_where_the_names_go() -> None:
    """Of what is counted together, the program's own label still tells the kinds apart."""
    meter = Meter()
    counter = meter.bounded_counter("tokens", "Tokens.", ["model"], max_series=1, kind="type")
    for model, kind in (("a", "input"), ("b", "input"), ("c", "output")):
        counter.add((model, kind), 5)

    assert (5, 5) == tuple(meter.value("tokens_total", model="other", type=kind) for kind in ("input", "output"))


def test_a_bounded_counter_is_shared_and_loses_nothing() -> None:
    """Asked twice it is the same one, and threads add to it at once."""
    meter = Meter()

    def count(_: int) -> None:
        meter.bounded_counter("calls", "Calls.", ["model"], max_series=3).add(("m",), 0.5)

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(count, range(100)))

    assert b'otel_llm_calls_total{model="m"} 50.0' in meter.text()
