"""What a call may cost before it is made. Who can say that is a component, found by an entry point."""

from __future__ import annotations

from importlib.metadata import entry_points
from typing import TYPE_CHECKING, Final, Protocol

from otel_llm.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Callable

    from otel_llm.budget.ledger.calls import TraceRow
    from otel_llm.component import Settings

__all__ = ["GROUP", "Estimate", "Estimator", "make_estimate"]

GROUP: Final = "otel_llm.estimators"
"""Each entry point names what makes an `Estimate` of a component's `Settings`."""


class Estimate(Protocol):
    """Says what a call may cost."""

    def __call__(
        self, provider: str | None, model: str, input_tokens: int, output_tokens: int, time_unix_nano: int, /
    ) -> int | None:
        """Return pico-USD, by the prices with which spans are priced; None for a model without a price."""
        ...


class Estimator(Estimate, Protocol):
    """Says it of calls that were made, too."""

    def cost_again(self, row: TraceRow, /) -> int | None:
        """Return what a call that was made costs by the prices known today; None for a model without a price."""
        ...


def make_estimate(settings: Settings) -> Estimator:
    """Return what is installed.

    Raises:
        ConfigError: nothing is, or the prices that the config names cannot be used.
    """
    installed = sorted(entry_points(group=GROUP), key=lambda point: point.name)
    if not installed:
        raise ConfigError("budgets need something that knows prices, such as the processor cost, and none is installed")
    make: Callable[[Settings], Estimator] = installed[0].load()
    return make(settings)
