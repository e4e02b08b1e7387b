"""The gateway's own metrics, as they were at one time."""

from __future__ import annotations

from typing import Final

from prometheus_client.parser import text_string_to_metric_families

__all__ = ["Metrics"]

_PREFIX: Final = "otel_llm_"


class Metrics:
    """One answer of `GET /metrics`."""

    def __init__(self, text: str) -> None:
        """Read the Prometheus text format."""
        self.text = text
        self._samples = [
            (sample.name, sample.labels, sample.value)
            for family in text_string_to_metric_families(text)
            for sample in family.samples
        ]

    def total(self, name: str, **labels: str) -> float:
        """Return the sum of all samples of that name, without its prefix, that have these labels."""
        return sum(self.by(name, **labels).values())

    def by(self, name: str, label: str = "", **labels: str) -> dict[str, float]:
        """Return the sums of such samples for each value of *label*."""
        sums: dict[str, float] = {}
        for sample, found, value in self._samples:
            if sample == _PREFIX + name and found.items() >= labels.items():
                key = found.get(label, "")
                sums[key] = sums.get(key, 0.0) + value
        return sums
