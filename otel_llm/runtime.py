"""What every process of a gateway does with itself, whatever its part is."""

from __future__ import annotations

import gc
import os
import sys
import time
from typing import TYPE_CHECKING

from otel_llm.admission.machine import resident_bytes

if TYPE_CHECKING:
    from otel_llm.telemetry import Meter

__all__ = ["freeze", "observe_process", "prepare"]


def prepare() -> None:
    """Set what the libraries of this process go by, before any of them works."""
    from prometheus_client import disable_created_metrics

    os.environ.setdefault("GRPC_VERBOSITY", "ERROR")  # gRPC's core logs every lost connection; destinations say it once
    disable_created_metrics()  # type: ignore[no-untyped-call]  # a second series for each counter, which nobody reads
    # The journal's threads work in short pieces between system calls; for each they would wait five milliseconds.
    sys.setswitchinterval(0.0005)


def freeze() -> None:
    """Keep what there is out of collections: price tables and the like live as long as the config."""
    gc.unfreeze()
    gc.collect()
    gc.freeze()


def observe_process(meter: Meter) -> None:
    """Show how long this process has run from now on, and what memory it has."""
    started_at = time.monotonic()
    meter.gauge("process_uptime_seconds", "Time since the start.", merge="max").set_function(
        lambda: time.monotonic() - started_at
    )
    meter.gauge("process_memory_rss_bytes", "Resident memory.").set_function(resident_bytes)
