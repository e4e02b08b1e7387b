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
