"""What goes into the ledger and comes out of it.

All amounts are whole numbers: pico-USD (1e-12 USD), tokens, requests, calls under way. All times are milliseconds since
1970. All ids are texts, but for those of spans, which are the bytes of OTLP.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final, NamedTuple, TypeAlias

__all__ = [
    "CEILING",
    "NOTHING",
    "Balance",
    "Counter",
    "Denied",
    "Exceeded",
    "Granted",
    "HeldLine",
    "Hold",
    "HoldState",
    "Limit",
    "Line",
    "Move",
    "Posting",
    "PostingKind",
    "Reservation",
    "SettleState",
    "Settled",
    "Unit",
    "Usage",
    "Verdict",
    "saturated",
]

CEILING: Final = 9 * 10**18
"""The most that a counter holds, 9 million USD, so that it fits in 64 bits. One that would pass it stays there; the
postings still say what was spent."""


class Unit(StrEnum):
    """What is counted."""

    USD = "usd"
    """In pico-USD."""
    TOKENS = "tokens"
    REQUESTS = "requests"
    CONCURRENCY = "concurrency"
    """Calls under way: held, and never settled."""


class Usage(NamedTuple):
    """What one call used up."""

    cost: int = 0
    """Pico-USD."""
    input_tokens: int = 0
    output_tokens: int = 0
    requests: int = 1

    def of(self, unit: Unit) -> int:
        """Return how much of one unit that is."""
        if unit is Unit.USD:
            return self.cost
        if unit is Unit.TOKENS:
            return self.input_tokens + self.output_tokens
        return self.requests if unit is Unit.REQUESTS else 0


NOTHING: Final = Usage(requests=0)


class Counter(NamedTuple):
    """One number that a limit is held against. Sorts in the order in which counters are locked."""

    budget: str
    """`<section>/<key>/<limit>`, such as `routes/support_bot/per_user_daily_usd`."""
    subject: str
    """Whom it is counted for, such as `u:3f9a...`; empty where for all together."""
    period: str
    """A `Period`'s key."""


class Line(NamedTuple):
    """A counter that a call is charged to, and what it counts there."""

    counter: Counter
    unit: Unit


class HeldLine(NamedTuple):
    """A line, and how much is held on it until the call is over."""

    counter: Counter
    unit: Unit
    amount: int


@dataclass(frozen=True, slots=True)
class Limit:
    """What a reservation asks of one budget."""

    counter: Counter
    unit: Unit
    amount: int
    """To be held."""
    most: int
    """What may be settled and held together, this amount included."""
    first: str
    """The earliest period that counts towards it: the counter's own, unless the window rolls."""
    blocking: bool = True
    """Whether the reservation is denied when it does not fit. Without, it is only counted."""

    @property
    def rolling(self) -> bool:
        """Whether other periods count towards it too."""
        return self.first != self.counter.period


@dataclass(frozen=True, slots=True)
class Reservation:
    """A call that is about to be made."""

    id: str
    at_ms: int
    expires_at_ms: int
    limits: tuple[Limit, ...]
    """All that apply, each counter once."""
    provider: str = ""
    model: str = ""


class HoldState(StrEnum):
    """How far a call has come."""

    HELD = "held"
    """Nobody has said how it went."""
    SETTLED = "settled"
    """The client has said what it used, provisionally."""
    RELEASED = "released"
    """The client has said that it was not made."""
    EXPIRED = "expired"
    """Nobody said anything in time."""
    CHARGED = "charged"
    """Its priced span has been seen, and nothing will change any more."""


@dataclass(frozen=True, slots=True)
class Hold:
    """A reservation that was granted."""

    id: str
    state: HoldState
    at_ms: int
    expires_at_ms: int
    lines: tuple[HeldLine, ...]
    usage: Usage = NOTHING
    """What has been posted for it, or was said to have been used."""
    provider: str = ""
    model: str = ""


class Move(NamedTuple):
    """By how much a counter changes."""

    settled: int = 0
    held: int = 0


@dataclass(frozen=True, slots=True)
class Balance:
    """What a counter stands at."""

    settled: int = 0
    held: int = 0
    version: int = field(default=0, compare=False)
    """Of two balances of one counter the one with more is the later, where the store says so."""

    @property
    def total(self) -> int:
        """What counts towards a limit."""
        return self.settled + self.held

    def moved(self, move: Move) -> Balance:
        """Return the balance after a move."""
        return Balance(saturated(self.settled + move.settled), max(saturated(self.held + move.held), 0))

    def plus(self, other: Balance) -> Balance:
        """Return both together."""
        return self.moved(Move(other.settled, other.held))


class PostingKind(StrEnum):
    """Why something was posted."""

    SETTLE = "settle"
    """A client said so, provisionally."""
    CHARGE = "charge"
    """A priced span said so: the difference from what was posted before."""
    REVERSAL = "reversal"
    """The same usage has turned out to be another call's."""
    RECOST = "recost"
    """Prices were corrected: the difference."""
    ADJUST = "adjust"
    """An operator said so."""


class Posting(NamedTuple):
    """One line of the ledger, never changed. A counter's settled amount is the sum of its postings."""

    at_ms: int
    kind: PostingKind
    counter: Counter
    unit: Unit
    amount: int
    reservation_id: str | None = None
    call: bytes | None = None
    """Trace id and span id."""
    reason: str | None = None


class Exceeded(NamedTuple):
    """A limit that a reservation did not fit under."""

    limit: Limit
    balance: Balance
    """Without the reservation."""

    @property
    def left(self) -> int:
        """What would have fitted."""
        return max(self.limit.most - self.balance.total, 0)


@dataclass(frozen=True, slots=True)
class Granted:
    """A reservation is held."""

    hold: Hold
    balances: tuple[Balance, ...]
    """What each limit's window stands at with it, in the order of the limits. Empty when it had been granted before."""
    replayed: bool = False
    """Whether it was held already, and nothing was done."""


@dataclass(frozen=True, slots=True)
class Denied:
    """A reservation is not held, on none of its lines."""

    exceeded: tuple[Exceeded, ...]


Verdict: TypeAlias = Granted | Denied


class SettleState(StrEnum):
    """What a settlement has led to."""

    SETTLED = "settled"
    REPEATED = "repeated"
    """It had been settled before, and the first settlement stands."""
    CHARGED = "charged"
    """Its span has been seen, before or after a settlement, and stands."""
    UNKNOWN = "unknown"
    """There is no such reservation."""


class Settled(NamedTuple):
    """The answer to a settlement."""

    state: SettleState
    usage: Usage
    """What stands."""


def saturated(amount: int) -> int:
    """Return *amount*, kept within what a counter holds."""
    return max(-CEILING, min(amount, CEILING))
