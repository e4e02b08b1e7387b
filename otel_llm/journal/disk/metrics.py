"""What the journal on disk counts."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from otel_llm.telemetry import Meter

__all__ = ["Metrics"]

_SYNC_SECONDS: Final = (0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5)


class Metrics:
    """Its metrics, by name."""

    def __init__(self, meter: Meter) -> None:
        self.corrupt_records = meter.counter(
            "queue_corrupt_records", "Records on disk that could not be read, and files put aside."
        )
        self.sync_seconds = meter.histogram("fsync_seconds", "Time until the device had a write.", (), _SYNC_SECONDS)
        self.appended_bytes = meter.counter("journal_appended_bytes", "Bytes written to segments.")
        self.oldest_age_seconds = meter.gauge(
            "journal_oldest_age_seconds", "How long the oldest record has waited for a destination.", merge="max"
        )
        self.segments = meter.gauge("journal_segments", "Files that records are in.")
