"""The memory limiter: refuses in time, and for a time, what might take more memory than there is."""

from __future__ import annotations

import logging
import threading
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

from otel_llm.admission import machine
from otel_llm.errors import Retryable, TooLarge

if TYPE_CHECKING:
    from collections.abc import Iterator

    from otel_llm.admission.config import MemoryConfig
    from otel_llm.telemetry import Meter

__all__ = ["MemoryLimiter"]

_MIB: Final = 1024 * 1024
_LOOK_EVERY_S: Final = 1.0
_GIVE_BACK_EVERY_S: Final = 10.0
"""Over the soft limit. Giving back holds the event loop for as long as it takes to walk over all objects."""

_log = logging.getLogger(__name__)


class MemoryLimiter:
    """Knows what memory is taken, and what requests under way may still come to.

    Two limits, as the Collector's `memory_limiter` has. Over the soft one, nothing is taken. What a request reserves
    must fit under the hard one, beside what is resident and what others have reserved.
    """

    def __init__(self, config: MemoryConfig, meter: Meter) -> None:
        total = machine.memory_bytes()
        if config.limit_mib:
            self.hard_bytes = config.limit_mib * _MIB
            spike_bytes = config.spike_limit_mib * _MIB
        else:
            self.hard_bytes = total * config.limit_percentage // 100
            spike_bytes = total * config.spike_limit_percentage // 100
        self.soft_bytes = self.hard_bytes - (spike_bytes or self.hard_bytes // 5)
        self._reserved_bytes = 0
        self._lock = threading.Lock()
        self._short = False
        self._look_at = 0.0
        self._give_back_at = 0.0
        self._refused = meter.counter(
            "memory_limiter_refused_requests", "Requests refused because memory is short.", ("limit",)
        )
        meter.gauge("memory_limiter_limit_bytes", "Resident memory that may not be passed.").set(self.hard_bytes)
        meter.gauge("memory_limiter_reserved_bytes", "What large requests under way may come to.").set_function(
            lambda: self._reserved_bytes
        )

    @property
    def room_bytes(self) -> int:
        """What could be reserved now."""
        return self.hard_bytes - machine.resident_bytes() - self._reserved_bytes

    def check(self) -> None:
        """Look at most once a second; for the event loop.

        Raises:
            Retryable: memory is over the soft limit.
        """
        now = time.monotonic()
        if now >= self._look_at:
            self._look(now)
        if self._short:
            self._refused.labels("soft").inc()
            raise _memory_is_short()

    @contextmanager
    def reserve(self, size: int) -> Iterator[None]:
        """Set *size* bytes aside for the time of the context; from any thread.

        Raises:
            Retryable: there is no room for them now.
            TooLarge: there never will be.
        """
        if size > self.hard_bytes:
            self._refused.labels("hard").inc()
            raise TooLarge("the request might take more memory than there is: send less at once")
        with self._lock:
            fits = size <= self.room_bytes
            if fits:
                self._reserved_bytes += size
        if not fits:
            self._refused.labels("hard").inc()
            raise _memory_is_short()
        try:
            yield
        finally:
            with self._lock:
                self._reserved_bytes -= size

    def _look(self, now: float) -> None:
        self._look_at = now + _LOOK_EVERY_S
        resident = machine.resident_bytes()
        if resident > self.soft_bytes and now >= self._give_back_at:
            machine.give_back()
            # Over the hard limit at every look: then nothing is more urgent.
            self._give_back_at = now + (_GIVE_BACK_EVERY_S if resident <= self.hard_bytes else 0.0)
            resident = machine.resident_bytes()
        short = resident > self.soft_bytes
        if short and not self._short:
            _log.warning("memory is short: %d MiB of %d; refusing requests", resident // _MIB, self.hard_bytes // _MIB)
        elif self._short and not short:
            _log.warning("memory is no longer short: %d MiB", resident // _MIB)
        self._short = short


def _memory_is_short() -> Retryable:
    return Retryable("memory is short")
