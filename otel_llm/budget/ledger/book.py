"""Gathers what a transaction changes, so that it is written in one go and in the order of the locks."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from otel_llm.budget.ledger.records import HoldState, Line, Move, Posting

if TYPE_CHECKING:
    from collections.abc import Iterable

    from otel_llm.budget.ledger.records import Hold, PostingKind, Usage
    from otel_llm.budget.ledger.tables import Tables

__all__ = ["Book"]


class Book:
    """Moves of counters, the postings that explain them, and holds that have changed."""

    def __init__(self, at_ms: int) -> None:
        self._at_ms = at_ms
        self._moves: dict[Line, list[int]] = {}
        """By how much what is settled and what is held change."""
        self._postings: list[Posting] = []
        self._holds: dict[str, Hold] = {}

    def post(
        self,
        kind: PostingKind,
        line: Line,
        amount: int,
        *,
        reservation_id: str | None = None,
        call: bytes | None = None,
        reason: str | None = None,
    ) -> None:
        """Add to what is settled on a line."""
        if amount:
            self._move(line, settled=amount)
            self._postings.append(
                Posting(self._at_ms, kind, line.counter, line.unit, amount, reservation_id, call, reason)
            )

    def charge(self, kind: PostingKind, lines: Iterable[Line], usage: Usage, *, call: bytes, sign: int = 1) -> None:
        """Charge, or with a *sign* of -1 give back, what a call used on each line."""
        for line in lines:
            if amount := sign * usage.of(line.unit):
                self._move(line, settled=amount)
                self._postings.append(Posting(self._at_ms, kind, line.counter, line.unit, amount, None, call))

    def take(self, hold: Hold) -> None:
        """Hold what is to be held."""
        for counter, unit, amount in hold.lines:
            self._move(Line(counter, unit), held=amount)

    def give_back(self, hold: Hold) -> None:
        """Return what is held, if it still is."""
        if hold.state is HoldState.HELD:
            for counter, unit, amount in hold.lines:
                self._move(Line(counter, unit), held=-amount)

    def put(self, hold: Hold, state: HoldState, usage: Usage) -> None:
        """Change a hold's state."""
        self._holds[hold.id] = replace(hold, state=state, usage=usage)

    def write(self, tables: Tables) -> None:
        """Write all of it."""
        if self._holds:
            tables.save_holds(list(self._holds.values()))
        if self._moves:
            tables.move(
                {line: Move(*move) for line, move in self._moves.items()}
            )  # also what adds up to nothing: its postings name the counter
        if self._postings:
            tables.post(self._postings)

    def _move(self, line: Line, settled: int = 0, held: int = 0) -> None:
        move = self._moves.get(line)
        if move is None:
            self._moves[line] = [settled, held]
        else:
            move[0] += settled
            move[1] += held
