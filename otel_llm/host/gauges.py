"""What the process and its journal are like, read when somebody asks for the metrics."""

from __future__ import annotations

import os
import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from otel_llm.journal import Journal
    from otel_llm.telemetry import Meter

__all__ = ["show_gauges"]


def show_gauges(meter: Meter, journal: Journal) -> None:
    """Show the process's age and memory, and how full its journal is."""
    started_at = time.monotonic()
    gauge = meter.gauge
    gauge("process_uptime_seconds", "Time since the start.").set_function(lambda: time.monotonic() - started_at)
    gauge("process_memory_rss_bytes", "Resident memory.").set_function(_resident_bytes)
    gauge("journal_used_bytes", "Bytes that wait for destinations.").set_function(lambda: journal.used_bytes)
    gauge("journal_capacity_bytes", "Bytes that may wait.").set_function(lambda: journal.capacity_bytes)


def _resident_bytes() -> float:
    try:
        with open("/proc/self/statm", encoding="ascii") as statm:  # noqa: PTH123 - a kernel file, read at every scrape
            return int(statm.read().split()[1]) * os.sysconf("SC_PAGESIZE")
    except OSError:  # not Linux
        return float("nan")
