"""What a call may cost before it is made. Who can say that is a component, found by an entry point."""

from __future__ import annotations

from importlib.metadata import entry_points
from typing import Final, Protocol

from otel_llm.errors import ConfigError

__all__ = ["GROUP", "Estimate", "load_estimate"]

GROUP: Final = "otel_llm.estimators"


class Estimate(Protocol):
    """What an entry point of the group names."""

    def __call__(
        self, provider: str | None, model: str, input_tokens: int, output_tokens: int, time_unix_nano: int, /
    ) -> int | None:
        """Return pico-USD, by the prices with which spans are priced; None for a model without a price."""
        ...


def load_estimate() -> Estimate:
    """Return what is installed.

    Raises:
        ConfigError: nothing is.
    """
    installed = sorted(entry_points(group=GROUP), key=lambda point: point.name)
    if not installed:
        raise ConfigError("budgets need something that knows prices, such as the processor cost, and none is installed")
    estimate: Estimate = installed[0].load()
    return estimate
