"""What is decided while the store is away: as each budget says, never silently."""

from __future__ import annotations

from dataclasses import replace
from http import HTTPStatus
from typing import TYPE_CHECKING, Final

from otel_llm.budget.ledger import Granted, Ledger, Unit, Usage
from otel_llm.budget.ledger.memory import MemoryTables
from otel_llm.budget.money import usd_text
from otel_llm.budget.replies import Reply, denial, iso
from otel_llm.store.memory import MemoryDatabase

if TYPE_CHECKING:
    from otel_llm.budget.definition import OnStoreError
    from otel_llm.budget.messages import ReserveRequest, SettleRequest
    from otel_llm.budget.quote import Quote

__all__ = ["SHARE", "Fallback"]

SHARE: Final = 10
"""With `share`, a gateway that cannot reach the store lets in one such part of each limit."""

_RETRY_S: Final = 1


class Fallback:
    """Decides alone. What it lets in is not in the store: the spans of those calls will say what they cost."""

    def __init__(self) -> None:
        self._ledger = Ledger(MemoryDatabase(MemoryTables()), lambda tables: tables)

    async def decide(self, quote: Quote, request: ReserveRequest) -> tuple[OnStoreError, Reply]:
        """Return the policy and what it makes of a call: that of the strictest of its budgets."""
        policies = {charge.budget.on_store_error for charge in quote.charges}
        if "closed" in policies:
            return "closed", Reply(
                {"error": "budget_unavailable", "retry_after_s": _RETRY_S},
                HTTPStatus.SERVICE_UNAVAILABLE,
                {"Retry-After": str(_RETRY_S)},
            )
        if "share" in policies:
            return "share", await self._share(quote, request)
        return "open", _let_in(quote, request)

    async def settle(self, request: SettleRequest, now_ms: int) -> Reply | None:
        """Count a call that was let in from a share, as what it held unless told; None if it was not."""
        hold = await self._ledger.hold(request.reservation_id)
        if hold is None:
            return None
        held = max((each.amount for each in hold.lines if each.unit is Unit.USD), default=0)
        cost = held if request.cost_usd is None else request.cost_usd
        usage = Usage(cost, request.input_tokens, request.output_tokens)
        _, stands = await self._ledger.settle(hold.id, usage, now_ms)
        return Reply({"state": "settled", "reservation_id": hold.id, "charged_usd": usd_text(stands.cost)})

    async def release(self, reservation_id: str, now_ms: int) -> Reply | None:
        """Forget a call that was let in from a share; None if it was not."""
        state = await self._ledger.release(reservation_id, now_ms)
        return None if state is None else Reply({"state": str(state), "reservation_id": reservation_id})

    async def _share(self, quote: Quote, request: ReserveRequest) -> Reply:
        wanted = quote.reservation
        shares = tuple(replace(each, most=each.most // SHARE) for each in wanted.limits)
        verdict = await self._ledger.reserve(replace(wanted, limits=shares))
        if isinstance(verdict, Granted):
            return _let_in(quote, request)
        exceeded = verdict.exceeded[0]
        return denial(quote.charges[shares.index(exceeded.limit)], exceeded, wanted.at_ms)


def _let_in(quote: Quote, request: ReserveRequest) -> Reply:
    return Reply(
        {
            "decision": "allow",
            "reservation_id": request.reservation_id,
            "model": request.model,
            "state": "unknown",
            "held_usd": "0",
            "allowed_max_tokens": quote.output_tokens,
            "expires_at": iso(quote.reservation.expires_at_ms),
            "budgets": [charge.id for charge in quote.charges],
        }
    )
