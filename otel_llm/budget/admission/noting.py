"""Sees what a transaction of the truth has changed, for those who keep copies."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from otel_llm.budget.ledger.records import HoldState

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from otel_llm.budget.ledger.records import Balance, Counter, Hold, Line, Move, Unit
    from otel_llm.budget.ledger.tables import Tables

__all__ = ["Noting"]


class Noting:
    """A transaction's tables, and what was written through them."""

    def __init__(self, tables: Tables) -> None:
        self._tables = tables
        self.settled: dict[Counter, tuple[Unit, Balance]] = {}
        """Counters of which what is settled has changed."""
        self.over: dict[str, Hold] = {}
        """Holds that are not held any more."""

    def __getattr__(self, name: str) -> Any:
        return getattr(self._tables, name)

    def move(self, moves: Mapping[Line, Move], /) -> dict[Counter, Balance]:
        """See `Tables`."""
        balances = self._tables.move(moves)
        self.settled |= {
            line.counter: (line.unit, balances[line.counter]) for line, move in moves.items() if move.settled
        }
        return balances

    def save_holds(self, holds: Sequence[Hold], /) -> None:
        """See `Tables`."""
        self._tables.save_holds(holds)
        self.over |= {hold.id: hold for hold in holds if hold.state is not HoldState.HELD}
