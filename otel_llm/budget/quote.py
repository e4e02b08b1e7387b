"""From a request to what it asks of each budget."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from otel_llm.budget.book import Charge
from otel_llm.budget.ledger.records import CEILING, Limit, Reservation, Unit

if TYPE_CHECKING:
    from otel_llm.budget.book import BudgetBook
    from otel_llm.budget.definition import Budget
    from otel_llm.budget.estimate import Estimate
    from otel_llm.budget.messages import ReserveRequest
    from otel_llm.dimensions import Dimensions

__all__ = ["DEFAULT_TTL_MS", "Quote", "Quoter"]

DEFAULT_TTL_MS = 120_000
"""Of a hold that is on no budget."""


class Quote(NamedTuple):
    """A call on one model, as its budgets see it."""

    reservation: Reservation
    charges: list[Charge]
    """In the order of the reservation's limits."""
    output_tokens: int
    unpriced: Charge | None
    """A budget that takes no calls of unknown price, where this one's is unknown."""


class Quoter:
    """Estimates calls."""

    def __init__(self, estimate: Estimate) -> None:
        self._estimate = estimate

    def quote(self, book: BudgetBook, request: ReserveRequest, model: str, whose: Dimensions, now_ms: int) -> Quote:
        """Return what a call asks for: what it costs at worst, within the cap of a hold."""
        charges = book.charges(model, whose)
        output = request.max_output_tokens
        if output is None:
            output = book.defaults.max_output_tokens
        provider = request.provider if model == request.model else None
        cost = self._estimate(provider, model, request.tokens, output, now_ms * 10**6)
        limits = tuple(
            _limit(budget, subject, _amount(budget, cost, request.tokens + output), now_ms)
            for budget, subject in charges
        )
        expires = now_ms + max((budget.hold_ttl_ms for budget, _ in charges), default=DEFAULT_TTL_MS)
        unpriced = next((each for each in charges if cost is None and _needs_price(each.budget)), None)
        reservation = Reservation(request.reservation_id, now_ms, expires, limits, provider or "", model)
        return Quote(reservation, charges, output, unpriced)

    def affordable(self, request: ReserveRequest, model: str, left: int, most: int, now_ms: int) -> int:
        """Return how many output tokens, of at most so many, a call may have that costs no more than *left*."""
        low, high = 0, most
        while low < high:
            middle = (low + high + 1) // 2
            cost = self._estimate(request.provider, model, request.tokens, middle, now_ms * 10**6)
            low, high = (middle, high) if cost is not None and cost <= left else (low, middle - 1)
        return low

    def cost(self, provider: str, model: str, input_tokens: int, output_tokens: int, now_ms: int) -> int:
        """Return what a call has cost, in pico-USD; nothing where there is no price."""
        return self._estimate(provider or None, model, input_tokens, output_tokens, now_ms * 10**6) or 0


def _needs_price(budget: Budget) -> bool:
    return budget.unit is Unit.USD and budget.unpriced == "deny" and budget.on_exceed != "warn"


def _amount(budget: Budget, cost: int | None, tokens: int) -> int:
    match budget.unit:
        case Unit.USD:
            worst = min(cost or 0, CEILING)
            return worst if budget.hold_cap is None else min(worst, budget.hold_cap)
        case Unit.TOKENS:
            return tokens
        case Unit.REQUESTS | Unit.CONCURRENCY:
            return 1


def _limit(budget: Budget, subject: str, amount: int, now_ms: int) -> Limit:
    first = budget.window.at(now_ms).first
    blocking = budget.on_exceed != "warn"
    return Limit(budget.counter(subject, now_ms), budget.unit, amount, budget.limit, first, blocking)
