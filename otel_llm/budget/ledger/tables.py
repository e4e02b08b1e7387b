"""What a store has to do within one transaction. The rules above it are the same for all stores."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from otel_llm.budget.ledger.calls import Fate, Sighting, TraceRow
    from otel_llm.budget.ledger.crowd import Member
    from otel_llm.budget.ledger.records import Balance, Counter, Hold, Line, Move, Posting

__all__ = ["Rollback", "Tables"]


class Rollback(Exception):
    """Ends a transaction without effect. Carries what to answer."""

    def __init__(self, answer: object) -> None:
        super().__init__()
        self.answer = answer


class Tables(Protocol):
    """One transaction, serialised with all others that touch the same keys.

    Methods that read lock what they read. To be free of deadlocks, a transaction calls them in the order in which they
    stand here, and each takes its keys in their own order.
    """

    def claim(self, sightings: Sequence[Sighting], /) -> dict[bytes, Sighting]:
        """Add those whose identities are new; return, unchanged, what stood there before for the others."""
        ...

    def sightings(self, identities: Iterable[bytes], /) -> dict[bytes, Sighting]:
        """Return those that there are."""
        ...

    def save_sightings(self, sightings: Sequence[Sighting], /) -> None:
        """Replace sightings that there are."""
        ...

    def add_holds(self, holds: Sequence[Hold], /) -> set[str]:
        """Add those whose ids are not taken; return the ids of these."""
        ...

    def holds(self, ids: Iterable[str], /) -> dict[str, Hold]:
        """Return those that there are."""
        ...

    def expired(self, now_ms: int, most: int, /) -> list[Hold]:
        """Return holds that are held and past their time, the oldest first; not those that another transaction has."""
        ...

    def save_holds(self, holds: Sequence[Hold], /) -> None:
        """Replace the states and usages of holds that there are."""
        ...

    def move(self, moves: Mapping[Line, Move], /) -> dict[Counter, Balance]:
        """Change counters, which begin at zero, and return what they stand at after that."""
        ...

    def parts(self, counter: Counter, first: str, /) -> dict[str, Balance]:
        """Return what a budget's periods for one subject, from *first* to the counter's own, stand at."""
        ...

    def post(self, postings: Sequence[Posting], /) -> None:
        """Add lines to the ledger."""
        ...

    def add_rows(self, rows: Sequence[TraceRow], /) -> None:
        """Add rows to `llm_traces`, none of which is there."""
        ...

    def set_fate(self, identity: bytes, start_ms: int, fate: Fate, /) -> None:
        """Change what became of a call."""
        ...

    def members(self, wanted: Sequence[Member], /) -> set[Member]:
        """Return those of them that there are."""
        ...

    def crowd(self, budget: str, span: str, more: int, /) -> int:
        """Note that so many more have asked for a place; return how many had before. Serialises those who ask."""
        ...

    def add_members(self, members: Sequence[Member], now_ms: int, /) -> None:
        """Add members, those that there are not."""
        ...

    # What follows only reads, and locks nothing.

    def peek(self, reservation_id: str, /) -> Hold | None:
        """Return a hold."""
        ...

    def held(self) -> list[Hold]:
        """Return all holds that are held."""
        ...

    def balances(self, counters: Sequence[Counter], /) -> dict[Counter, Balance]:
        """Return what counters stand at; not those that there are not."""
        ...

    def subjects(self, budget: str, first: str, last: str, most: int, /) -> dict[str, Balance]:
        """Return what a budget stands at for each subject over some periods, the most that have spent most."""
        ...

    def postings(self, reservation_id: str, /) -> list[Posting]:
        """Return what was posted for a hold, in order."""
        ...

    def drift(self) -> dict[Counter, int]:
        """Return by how much counters differ from the sums of their postings, where they do."""
        ...
