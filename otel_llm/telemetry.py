"""The program's metrics about itself, in the Prometheus text format.

Names follow the Collector's, with `otel_llm_` in place of `otelcol_`, so that dashboards carry over. No label ever
holds a text that came in a span, other than names whose number is bounded.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Literal, TypeVar

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.core import CounterMetricFamily
from prometheus_client.exposition import CONTENT_TYPE_LATEST
from prometheus_client.metrics import MetricWrapperBase
from prometheus_client.registry import Collector

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

__all__ = [
    "CONTENT_TYPE",
    "OTHER",
    "PREFIX",
    "BoundedCounter",
    "Counter",
    "Family",
    "Gauge",
    "Histogram",
    "Merge",
    "Meter",
]

PREFIX: Final = "otel_llm_"
CONTENT_TYPE: Final = CONTENT_TYPE_LATEST
OTHER: Final = "other"
"""The value of every label of what a bounded counter has no more room for."""

M = TypeVar("M", bound=MetricWrapperBase)


Merge = Literal["sum", "max", "min"]
"""What several workers' values of a gauge come to."""


@dataclass(frozen=True, slots=True)
class Family:
    """One metric with all its samples, at one time."""

    name: str
    description: str
    kind: str
    """`counter`, `gauge` or `histogram`."""
    merge: Merge
    samples: Sequence[tuple[str, Mapping[str, str], float]]
    """Each with its own name, such as that of a histogram's sum, and its labels."""


class BoundedCounter(Collector):
    """A counter whose labels hold names that somebody else chose: so only so many of them, and `other` for the rest."""

    def __init__(self, name: str, description: str, labels: Sequence[str], max_series: int, kind: str | None) -> None:
        self._name = name
        self._description = description
        self._others = (OTHER,) * len(labels)
        self._labels = (*labels, kind) if kind else tuple(labels)
        self._max_series = max_series
        self._values: dict[tuple[str, ...], float] = {}
        self._lock = threading.Lock()

    def add(self, labels: tuple[str, ...], amount: float = 1) -> None:
        """Count. *labels* are in the order in which they were named, the kind last."""
        with self._lock:
            values = self._values
            if labels in values:
                values[labels] += amount
            elif len(values) < self._max_series:
                values[labels] = amount
            else:
                other = (*self._others, *labels[len(self._others) :])
                values[other] = values.get(other, 0.0) + amount

    def collect(self) -> Iterator[CounterMetricFamily]:
        """Return the samples, when Prometheus asks."""
        family = CounterMetricFamily(self._name, self._description, labels=self._labels)
        with self._lock:
            values = dict(self._values)
        for labels, value in values.items():
            family.add_metric(labels, value)
        yield family

    def describe(self) -> Iterator[CounterMetricFamily]:
        """Return the metric without samples, when it is registered."""
        yield CounterMetricFamily(self._name, self._description, labels=self._labels)


class Meter:
    """Makes metrics. Asked twice for one name it gives the same metric, so that every thread's processors share it."""

    def __init__(self) -> None:
        self._registry = CollectorRegistry()
        self._metrics: dict[str, MetricWrapperBase] = {}
        self._bounded: dict[str, BoundedCounter] = {}
        self._merges: dict[str, Merge] = {}
        self._lock = threading.Lock()

    def counter(self, name: str, description: str, labels: Sequence[str] = ()) -> Counter:
        """Return a counter, shown as `otel_llm_<name>_total`."""
        return self._metric(Counter, name, description, labels)

    def gauge(self, name: str, description: str, labels: Sequence[str] = (), *, merge: Merge = "sum") -> Gauge:
        """Return a gauge. `gauge.labels(...).set_function(read)` reads a value when it is asked for.

        *merge* makes one value of those of several workers.
        """
        self._merges[PREFIX + name] = merge
        return self._metric(Gauge, name, description, labels)

    def histogram(
        self, name: str, description: str, labels: Sequence[str] = (), buckets: Sequence[float] | None = None
    ) -> Histogram:
        """Return a histogram; Prometheus' default buckets unless told."""
        extra = {} if buckets is None else {"buckets": tuple(buckets)}
        return self._metric(Histogram, name, description, labels, **extra)

    def bounded_counter(
        self, name: str, description: str, labels: Sequence[str], *, max_series: int, kind: str | None = None
    ) -> BoundedCounter:
        """Return a counter, shown as `otel_llm_<name>_total`, with at most so many series and one for all others.

        Args:
            name: its name.
            description: what is counted.
            labels: labels whose values come from outside.
            max_series: how many combinations are kept.
            kind: a last label whose few values are the program's own: it stays where the others become `other`.
        """
        with self._lock:
            if name not in self._bounded:
                counter = BoundedCounter(PREFIX + name, description, labels, max_series, kind)
                self._registry.register(counter)
                self._bounded[name] = counter
            return self._bounded[name]

    def text(self) -> bytes:
        """Return all metrics as `CONTENT_TYPE`."""
        return generate_latest(self._registry)

    def families(self) -> list[Family]:
        """Return all metrics as they are now."""
        return [
            Family(
                family.name,
                family.documentation,
                family.type,
                self._merges.get(family.name, "sum"),
                [(sample.name, sample.labels, sample.value) for sample in family.samples],
            )
            for family in self._registry.collect()
        ]

    def value(self, name: str, /, **labels: str) -> float:
        """Return one sample, 0 if nothing has been counted there. For tests and summaries."""
        return self._registry.get_sample_value(PREFIX + name, labels) or 0.0

    def requests(self) -> Counter:
        """Return the counter of requests: transports count those that they refuse themselves, the intake all others."""
        return self.counter(
            "receiver_requests",
            "Requests, by the gRPC status they were answered with.",
            ("receiver", "transport", "code"),
        )

    def _metric(self, kind: Callable[..., M], name: str, description: str, labels: Sequence[str], **extra: Any) -> M:
        with self._lock:
            metric = self._metrics.get(name)
            if metric is None:
                metric = kind(PREFIX + name, description, tuple(labels), registry=self._registry, **extra)
                self._metrics[name] = metric
            return metric  # type: ignore[return-value]  # one name, one kind: the name says which
