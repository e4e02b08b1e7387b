"""What is counted and logged of one destination."""

from __future__ import annotations

import logging
import time
from typing import TYPE_CHECKING, Final

from otel_llm.signals import Signal

if TYPE_CHECKING:
    from otel_llm.journal import Cursor
    from otel_llm.telemetry import Meter

__all__ = ["Condition", "DestinationMetrics"]

_log = logging.getLogger(__name__)


class DestinationMetrics:
    """What is counted for one destination. Named after the Collector's."""

    def __init__(self, meter: Meter, exporter: str, cursor: Cursor) -> None:
        self._exporter = exporter
        self.sent = {
            signal: meter.counter(
                f"exporter_sent_{signal.items}", "Items that the destination has taken.", ["exporter"]
            ).labels(exporter)
            for signal in Signal
        }
        self.failed = {
            signal: meter.counter(
                f"exporter_send_failed_{signal.items}", "Items of requests that were given up.", ["exporter"]
            ).labels(exporter)
            for signal in Signal
        }
        self._dropped = {
            signal: meter.counter(
                f"exporter_dropped_{signal.items}",
                "Items that this destination will not get, and why.",
                ["exporter", "reason"],
            )
            for signal in Signal
        }
        self.retries = meter.counter(
            "exporter_retries", "Attempts that failed and were followed by another.", ["exporter"]
        ).labels(exporter)
        self.in_flight = meter.gauge("exporter_in_flight_requests", "Requests under way.", ["exporter"]).labels(
            exporter
        )
        self.duration = meter.histogram(
            "exporter_send_duration_seconds", "Time of one attempt, whatever its outcome.", ["exporter"]
        ).labels(exporter)
        meter.gauge(
            "exporter_queue_size", "Items waiting for the destination, those under way included.", ["exporter"]
        ).labels(exporter).set_function(lambda: cursor.waiting_items)

    def drop(self, signal: Signal, items: int, reason: str) -> None:
        """Count items that this destination will not get."""
        self._dropped[signal].labels(self._exporter, reason).inc(items)


class Condition:
    """Says in the log how delivery goes: when that changes, and each sentence at most once in `QUIET_S` seconds.

    Where every other request fails, changes alone would be as many as requests.
    """

    QUIET_S: Final = 30.0
    FINE: Final = "delivers again"

    def __init__(self, exporter: str) -> None:
        self._exporter = exporter
        self._last = self.FINE
        self._said: dict[str, float] = {}

    def say(self, level: int, sentence: str) -> None:
        """Log *sentence*, unless it is what was said last or was said a short time ago."""
        if sentence == self._last:
            return
        now = time.monotonic()
        if now - self._said.get(sentence, -self.QUIET_S) < self.QUIET_S:
            return
        self._last = sentence
        self._said[sentence] = now
        _log.log(level, "exporter %s: %s", self._exporter, sentence)
