"""When a batch that was not taken is tried again."""

from __future__ import annotations

import random
from typing import Annotated, Final

from pydantic import Field

from otel_llm.component import Config, Duration

__all__ = ["RetryPolicy"]

_LONGEST_HINT_S: Final = 60.0
_LAST_STEP: Final = 300
"""From here on intervals grow no more. The greatest multiplier to this power is still a float: an outage of days
must not end in an OverflowError."""


class RetryPolicy(Config):
    """Back-off that grows exponentially, with jitter. Keys and meaning of the Collector's `retry_on_failure`."""

    enabled: bool = True
    """`false`: a batch that is not taken at the first attempt is dropped."""

    initial_interval: Duration = 1.0
    """Wait after the first failure."""

    max_interval: Duration = 30.0
    """Longest wait that is of our own choosing."""

    multiplier: Annotated[float, Field(ge=1, le=10)] = 1.5
    """By how much each wait is longer than the one before."""

    randomization_factor: Annotated[float, Field(ge=0, le=1)] = 0.5
    """How far a wait may differ from its interval, as a part of it. Keeps senders from coming back all at once."""

    max_elapsed_time: Duration = 0.0
    """Give a batch up after this time. `0`: never, as long as it may wait. (The Collector's default is 5m.)"""

    def delay(self, attempt: int, after_s: float | None = None) -> float:
        """Return seconds to wait after *attempt*, counted from 0.

        *after_s* is what the destination asked for. It is honoured as a minimum, unless it is nonsense or longer than a
        minute: no answer may park a batch for a day.
        """
        interval = min(self.max_interval, self.initial_interval * self.multiplier ** min(attempt, _LAST_STEP))
        spread = interval * self.randomization_factor
        # The upper end is cut, not the result: at the longest interval too, waits must differ.
        wait = random.uniform(interval - spread, min(interval + spread, self.max_interval))  # noqa: S311 - jitter
        return max(wait, after_s) if after_s is not None and 0 < after_s <= _LONGEST_HINT_S else wait

    def gives_up(self, elapsed_s: float) -> bool:
        """Tell whether no attempt may begin *elapsed_s* seconds after the first one began."""
        return not self.enabled or 0 < self.max_elapsed_time < elapsed_s
