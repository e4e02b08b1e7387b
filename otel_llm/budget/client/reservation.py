"""What a client gets for an answer."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from otel_llm.errors import Refused, Retryable

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["BudgetExceeded", "BudgetUnavailable", "Reservation"]


class BudgetExceeded(Refused):
    """The call must not be made now."""

    def __init__(self, body: Mapping[str, Any]) -> None:
        super().__init__("the budget does not allow this call")
        self.body = body
        """What the gateway says: `error`, `budget`, `limit_source`, `resets_at`, `retry_after_s`, ..."""

    @property
    def budget(self) -> str | None:
        """The budget that is used up."""
        return self.body.get("budget")

    @property
    def retry_after_s(self) -> int | None:
        """Seconds after which it may be worth asking again; None if time does not help."""
        return self.body.get("retry_after_s")


class BudgetUnavailable(Retryable):
    """The gateway cannot be asked, and a client that fails closed lets nothing through then."""


@dataclass(frozen=True, slots=True)
class Reservation:
    """A call that may be made."""

    id: str
    decision: Literal["allow", "fallback"]
    model: str
    """The model to call: with `fallback` another one than was asked for."""
    state: str
    """`ok`, `warn`, or `unknown` if the gateway could not be asked, or could not ask its store."""
    held_usd: str = "0"
    allowed_max_tokens: int | None = None
    budgets: tuple[str, ...] = ()
    """What the call is charged to."""
    known: bool = True
    """Whether the gateway knows of it. If not, there is nothing to settle."""

    @classmethod
    def read(cls, body: Mapping[str, Any]) -> Reservation:
        """Return what a gateway has answered."""
        return cls(
            body["reservation_id"],
            body["decision"],
            body["model"],
            body["state"],
            body["held_usd"],
            body["allowed_max_tokens"],
            tuple(body["budgets"]),
        )
