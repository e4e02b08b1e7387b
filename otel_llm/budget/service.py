"""The budget service: decides before a call, and hears after it. Transports only translate."""

from __future__ import annotations

import asyncio
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, Final

from otel_llm.budget.fallback import Fallback
from otel_llm.budget.ledger import Denied, Granted, Line, SettleState, Unit, Usage
from otel_llm.budget.listing import list_budgets
from otel_llm.budget.money import usd_text
from otel_llm.budget.quote import Quote, Quoter
from otel_llm.budget.replies import Reply, denial, iso, listed, unknown_reservation
from otel_llm.errors import Permanent, Refused, Retryable

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from typing import TypeVar

    from otel_llm.budget.book import BudgetBook, Charge
    from otel_llm.budget.estimate import Estimate
    from otel_llm.budget.ledger import Exceeded, LedgerStore, Verdict
    from otel_llm.budget.messages import AdjustRequest, ReleaseRequest, ReserveRequest, SettleRequest
    from otel_llm.budget.view import Budgets
    from otel_llm.digest import Digests
    from otel_llm.dimensions import Dimensions
    from otel_llm.telemetry import Meter

    R = TypeVar("R")

__all__ = ["BudgetService"]

_PATIENCE_S: Final = 2.0
"""With the store. A call waits for this: what takes longer is decided as if the store were away."""


class BudgetService:
    """Reserve, settle, release, check, list, adjust."""

    def __init__(  # noqa: PLR0917 - what it is made of
        self,
        ledger: LedgerStore,
        budgets: Budgets,
        estimate: Estimate,
        digests: Digests,
        clock: Callable[[], float],
        meter: Meter,
    ) -> None:
        self._ledger = ledger
        self._budgets = budgets
        self._quoter = Quoter(estimate)
        self._digests = digests
        self._clock = clock
        self._fallback = Fallback()
        self._decisions = meter.counter("budget_decisions", "Reservations, by what was decided.", ["decision"])
        self._away = meter.counter("budget_store_away", "Reservations decided without the store.", ["policy"])

    async def reserve(self, request: ReserveRequest, tenant: str | None = None) -> Reply:
        """Decide on a call, and hold what it may cost. *tenant*: whom the client's token stands for."""
        reply = await self._decide(request, tenant, hold_it=True)
        self._decisions.labels(reply.body.get("decision") or reply.body["error"]).inc()
        return reply

    async def check(self, request: ReserveRequest, tenant: str | None = None) -> Reply:
        """Decide on a call, and hold nothing."""
        return await self._decide(request, tenant, hold_it=False)

    async def settle(self, request: SettleRequest) -> Reply:
        """Hear what a call has cost."""
        now_ms = self._now_ms()
        if alone := await self._fallback.settle(request, now_ms):
            return alone
        hold = await self._within(self._ledger.hold(request.reservation_id))
        if hold is None:
            return unknown_reservation()
        cost = request.cost_usd
        if cost is None:
            model = request.model or hold.model
            cost = self._quoter.cost(hold.provider, model, request.input_tokens, request.output_tokens, now_ms)
        usage = Usage(cost, request.input_tokens, request.output_tokens)
        state, stands = await self._within(self._ledger.settle(hold.id, usage, now_ms, request.identities))
        charged = "charged" if state is SettleState.CHARGED else "settled"
        return Reply({"state": charged, "reservation_id": hold.id, "charged_usd": usd_text(stands.cost)})

    async def release(self, request: ReleaseRequest) -> Reply:
        """Hear that a call was not made."""
        now_ms = self._now_ms()
        if alone := await self._fallback.release(request.reservation_id, now_ms):
            return alone
        state = await self._within(self._ledger.release(request.reservation_id, now_ms))
        if state is None:
            return unknown_reservation()
        return Reply({"state": str(state), "reservation_id": request.reservation_id})

    async def list(self, tenant: str | None = None) -> Reply:
        """Return all budgets; of a *tenant*, only its own."""
        now_ms = self._now_ms()
        rows = await self._within(list_budgets(self._ledger, self._budgets.book, now_ms, tenant))
        return Reply({"budgets": [listed(charge, balance, now_ms) for charge, balance in rows]})

    async def adjust(self, budget_id: str, request: AdjustRequest) -> Reply:
        """Correct what is settled, by hand.

        Raises:
            Refused: it is not counted in USD.
        """
        charge = self._budgets.book.charge(budget_id)
        if charge is None:
            return Reply({"error": "unknown_budget"}, HTTPStatus.NOT_FOUND)
        if charge.budget.unit is not Unit.USD:
            raise Refused("this budget is not counted in USD")
        now_ms = self._now_ms()
        line = Line(charge.budget.counter(charge.subject, now_ms), Unit.USD)
        balance = await self._within(self._ledger.adjust(line, -request.amount_usd, request.reason, now_ms))
        return Reply(listed(charge, balance, now_ms))

    async def _decide(self, request: ReserveRequest, tenant: str | None, *, hold_it: bool) -> Reply:
        now_ms = self._now_ms()
        book = self._budgets.book
        whose = request.dimensions.resolved(self._digests, tenant)
        quote = self._quoter.quote(book, request, request.model, whose, now_ms)
        try:
            return await self._try(request, quote, book, whose, hold_it=hold_it)
        except (Retryable, Permanent):
            policy, reply = await self._fallback.decide(quote, request)
            self._away.labels(policy).inc()
            return reply

    async def _try(
        self, request: ReserveRequest, quote: Quote, book: BudgetBook, whose: Dimensions, *, hold_it: bool
    ) -> Reply:
        now_ms = quote.reservation.at_ms
        if quote.unpriced is not None:
            return denial(quote.unpriced, None, now_ms, reason="the model has no price")
        verdict = await self._reserve(quote, hold_it=hold_it)
        if isinstance(verdict, Granted):
            return self._granted(request, quote, verdict)
        charge, exceeded = _strictest(quote, verdict)
        other = charge.budget.fallback_model
        if charge.budget.on_exceed == "fallback" and other is not None and other != request.model:
            instead = self._quoter.quote(book, request, other, whose, now_ms)
            if instead.unpriced is None:
                second = await self._reserve(instead, hold_it=hold_it)
                if isinstance(second, Granted):
                    return self._granted(request, instead, second)
        most = quote.output_tokens
        affordable = (
            self._quoter.affordable(request, request.model, exceeded.left, most, now_ms)
            if charge.budget.unit is Unit.USD
            else max(min(exceeded.left - request.tokens, most), 0)
        )
        return denial(charge, exceeded, now_ms, allowed_max_tokens=affordable)

    async def _reserve(self, quote: Quote, *, hold_it: bool) -> Verdict:
        return await self._within(self._ledger.reserve(quote.reservation, hold_it=hold_it))

    def _granted(self, request: ReserveRequest, quote: Quote, verdict: Granted) -> Reply:
        hold = verdict.hold
        over = [
            charge.id
            for charge, limit, balance in zip(quote.charges, quote.reservation.limits, verdict.balances, strict=False)
            if balance.total > limit.most
        ]
        body: dict[str, Any] = {
            "decision": "allow" if hold.model == request.model else "fallback",
            "reservation_id": hold.id,
            "model": hold.model,
            "state": "warn" if over else "ok",
            "held_usd": usd_text(max((each.amount for each in hold.lines if each.unit is Unit.USD), default=0)),
            "allowed_max_tokens": quote.output_tokens,
            "expires_at": iso(hold.expires_at_ms),
            "budgets": [charge.id for charge in quote.charges],
        }
        return Reply(body | ({"exceeded": over} if over else {}))

    async def _within(self, work: Awaitable[R]) -> R:
        """Wait for the store, but not for long.

        Raises:
            Retryable: it takes too long.
        """
        try:
            async with asyncio.timeout(_PATIENCE_S):
                return await work
        except TimeoutError:
            raise Retryable("the store takes too long") from None

    def _now_ms(self) -> int:
        return round(self._clock() * 1000)


def _strictest(quote: Quote, denied: Denied) -> tuple[Charge, Exceeded]:
    """Return the budget that a denial names: one for which no other model helps before one for which one may."""
    limits = quote.reservation.limits
    found = [(quote.charges[limits.index(each.limit)], each) for each in denied.exceeded]
    return min(found, key=lambda each: each[0].budget.on_exceed == "fallback")
