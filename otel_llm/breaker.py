"""Whether to ask a service that has failed: after so many failures in a row not for a while, then once to see."""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["Breaker"]


class Breaker:
    """A circuit breaker. Threads share it."""

    def __init__(self, failures: int, open_for_s: float, clock: Callable[[], float] = time.monotonic) -> None:
        """Open after so many failures in a row, for so many seconds by *clock*."""
        self._limit = failures
        self._open_for_s = open_for_s
        self._clock = clock
        self._failures = 0
        self._open_until = 0.0
        self._lock = threading.Lock()

    def allows(self) -> bool:
        """Tell whether to ask. While it is open, one may in each while: what becomes of that decides for all."""
        with self._lock:
            if self._failures < self._limit:
                return True
            now = self._clock()
            if now < self._open_until:
                return False
            self._open_until = now + self._open_for_s
            return True

    def succeeded(self) -> None:
        """Close."""
        with self._lock:
            self._failures = 0

    def failed(self) -> None:
        """Count a failure."""
        with self._lock:
            self._failures += 1
            self._open_until = self._clock() + self._open_for_s
