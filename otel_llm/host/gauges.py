"""What the process and its journal are like, read when somebody asks for the metrics."""

from __future__ import annotations

from typing import TYPE_CHECKING

from otel_llm.runtime import observe_process

if TYPE_CHECKING:
    from otel_llm.journal import Journal
    from otel_llm.telemetry import Meter

__all__ = ["show_gauges"]


def show_gauges(meter: Meter, journal: Journal) -> None:
    """Show the process's age and memory, and how full its journal is."""
    observe_process(meter)
    gauge = meter.gauge
    gauge("journal_used_bytes", "Bytes that wait for destinations.").set_function(lambda: journal.used_bytes)
    gauge("journal_capacity_bytes", "Bytes that may wait.").set_function(lambda: journal.capacity_bytes)
