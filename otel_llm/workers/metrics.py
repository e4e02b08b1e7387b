"""One page of metrics for all workers: their counters added up, over all processes that each of them has had."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from otel_llm.telemetry import Family

__all__ = ["Ledger"]

_Key = tuple[str, tuple[tuple[str, str], ...]]

_MERGE: Final[dict[str, Callable[[float, float], float]]] = {"sum": lambda a, b: a + b, "max": max, "min": min}


class Ledger:
    """Keeps what each process said last, and what those have counted that have ended.

    So a counter never goes down. What a process had counted after its last report, and before it died, is lost.
    """

    def __init__(self) -> None:
        self._ended: Sequence[Family] = ()
        self._current: dict[int, tuple[object, Sequence[Family]]] = {}

    def enter(self, worker: int, process: object, families: Sequence[Family]) -> None:
        """Note what a process of a worker has counted.

        What the process before it said stays until the first report of the new one: so does what waits in its journal.
        """
        before = self._current.get(worker)
        if before is not None and before[0] is not process:
            counted = [family for family in before[1] if family.kind != "gauge"]
            self._ended = [_merged(same) for same in _by_name([*self._ended, *counted])]
        self._current[worker] = process, families

    def text(self, own: Sequence[Family]) -> bytes:
        """Return everything as `telemetry.CONTENT_TYPE`, with the supervisor's *own*."""
        current = [family for _, families in self._current.values() for family in families]
        registry = CollectorRegistry(auto_describe=False)
        registry.register(_Page([_merged(same) for same in _by_name([*self._ended, *current, *own])]))
        return generate_latest(registry)


class _Page(Collector):
    """Shows families as they are."""

    def __init__(self, families: Iterable[Family]) -> None:
        self._families = families

    def collect(self) -> Iterator[Metric]:
        for family in self._families:
            metric = Metric(family.name, family.description, family.kind)
            for name, labels, value in family.samples:
                metric.add_sample(name, dict(labels), value)
            yield metric


def _by_name(families: Iterable[Family]) -> list[list[Family]]:
    found: dict[str, list[Family]] = {}
    for family in families:
        found.setdefault(family.name, []).append(family)
    return list(found.values())


def _merged(same: Sequence[Family]) -> Family:
    """Return one family of those of several processes, which have the same name."""
    first = same[0]
    merge = _MERGE[first.merge]
    samples: dict[_Key, float] = {}
    for family in same:
        for name, labels, value in family.samples:
            key = name, tuple(labels.items())
            samples[key] = merge(samples[key], value) if key in samples else value
    return type(first)(
        first.name,
        first.description,
        first.kind,
        first.merge,
        [(name, dict(labels), value) for (name, labels), value in samples.items()],
    )
