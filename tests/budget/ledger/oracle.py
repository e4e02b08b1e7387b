"""What the ledger has to say, worked out from what has happened and nothing else.

It keeps no balances: it knows which calls there were, how each reservation stands and which call it belongs to, and
adds up anew whenever it is asked.
"""

from __future__ import annotations

from collections import Counter as Sums
from dataclasses import dataclass, field
from itertools import chain
from typing import TYPE_CHECKING

from otel_llm.budget.ledger import Balance, Call, Counter, HoldState, Line, Reservation, Usage

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["Oracle"]


@dataclass
class Reserved:
    """A reservation that was granted."""

    reservation: Reservation
    state: HoldState = HoldState.HELD
    said: Usage | None = None
    """What its client has settled."""


@dataclass
class Charged:
    """A call that has been seen, and by whom it was first."""

    call: Call
    lines: dict[str, Line]
    """What it is charged to, by budget."""
    hold: Reserved | None = None
    """The first reservation that it settled."""


@dataclass
class Oracle:
    """What has happened."""

    reserved: dict[str, Reserved] = field(default_factory=dict)
    spans: set[bytes] = field(default_factory=set)
    announced: dict[bytes, str] = field(default_factory=dict)
    """Reservations by an identity that a client gave."""
    charged: dict[bytes, Charged] = field(default_factory=dict)
    """Calls by the span that is charged."""
    original: dict[bytes, bytes] = field(default_factory=dict)
    """The charged span of each span and each response."""
    child_of: dict[bytes, bytes] = field(default_factory=dict)
    """The first child that was seen of each span."""
    beyond: Sums[Counter] = field(default_factory=Sums)
    """What was posted without having been held."""

    def fits(self, reservation: Reservation) -> bool:
        """Return whether every amount fits."""
        return all(self._total(each.counter, each.first) + each.amount <= each.most for each in reservation.limits)

    def reserve(self, reservation: Reservation) -> bool | None:
        """Return whether it is granted; None if it is already."""
        known = self.reserved.get(reservation.id)
        if known is not None and known.state not in (HoldState.EXPIRED, HoldState.RELEASED):
            return None
        if not self.fits(reservation):
            self.expire(reservation.at_ms)
        fits = self.fits(reservation)
        if fits:
            self.reserved[reservation.id] = Reserved(reservation)
        return fits

    def settle(self, id_: str, usage: Usage, identities: Iterable[bytes]) -> None:
        """Take a client's word."""
        reserved = self.reserved.get(id_)
        if reserved is None:
            return
        seen = [self.original[each] for each in sorted(set(identities)) if each in self.original]
        for each in identities:
            self.announced.setdefault(each, id_)
        if reserved.state is HoldState.CHARGED:
            return
        if seen:
            self._attach(reserved, self._charged(seen[0]))
        elif reserved.state is not HoldState.SETTLED:
            self._note_beyond(reserved, usage)
            reserved.state, reserved.said = HoldState.SETTLED, usage

    def release(self, id_: str) -> None:
        """Take a client's word that nothing was called."""
        reserved = self.reserved.get(id_)
        if reserved is not None and reserved.state in (HoldState.HELD, HoldState.EXPIRED):
            reserved.state = HoldState.RELEASED

    def is_over(self, id_: str) -> bool:
        """Return whether the call of a reservation has come to something."""
        return self.reserved[id_].state in (HoldState.SETTLED, HoldState.CHARGED)

    def expire(self, now_ms: int) -> None:
        """Let time pass."""
        for each in self.reserved.values():
            if each.state is HoldState.HELD and each.reservation.expires_at_ms <= now_ms:
                each.state = HoldState.EXPIRED

    def ingest(self, call: Call) -> None:
        """See a span."""
        if call.identity in self.spans:
            return
        self.spans.add(call.identity)
        response, parent = call.response_identity, call.parent_identity
        names = (call.row.reservation_id, self.announced.get(call.identity), self.announced.get(response or b""))
        open_ = [self.reserved[each] for each in names if each in self.reserved]
        hold = next((each for each in open_ if each.state is not HoldState.CHARGED), None)
        first = self.original.get(response or b"") or self.original.get(self.child_of.get(call.identity, b""))
        if parent in self.charged and parent not in (first, None):
            hold = hold or self.charged[parent].hold
            del self.charged[parent]  # the model's parents have the usage of their child
            self.original[parent] = call.identity
        if first is None:
            self.charged[call.identity] = Charged(call, {})
            first = call.identity
            if hold is not None:
                self._attach(hold, self.charged[first])
            own = {line.counter.budget: line for line in call.lines}
            for line in {budget: own[budget] for budget in own.keys() - self.charged[first].lines.keys()}.values():
                self.beyond[line.counter] += call.usage.of(line.unit)
            self.charged[first].lines = own | self.charged[first].lines
        elif hold is not None:
            self._attach(hold, self._charged(first))
        self.original[call.identity] = first
        if response is not None:
            self.original.setdefault(response, call.identity)
        if parent is not None:
            self.child_of.setdefault(parent, call.identity)

    def balance(self, counter: Counter) -> Balance:
        """Return what one counter has to stand at."""
        called = sum(
            each.call.usage.of(line.unit)
            for each in self.charged.values()
            for line in each.lines.values()
            if line.counter == counter
        )
        said = sum(
            each.said.of(limit.unit)
            for each in self.reserved.values()
            for limit in each.reservation.limits
            if each.state is HoldState.SETTLED and each.said and limit.counter == counter
        )
        held = sum(
            limit.amount
            for each in self.reserved.values()
            for limit in each.reservation.limits
            if each.state is HoldState.HELD and limit.counter == counter
        )
        return Balance(called + said, held)

    def _total(self, counter: Counter, first: str) -> int:
        lines = chain(
            (line.counter for each in self.charged.values() for line in each.lines.values()),
            (limit.counter for each in self.reserved.values() for limit in each.reservation.limits),
        )
        like = {each for each in lines if each[:2] == counter[:2] and first <= each.period <= counter.period}
        return sum(self.balance(each).total for each in like)

    def _charged(self, identity: bytes) -> Charged:
        while identity not in self.charged:
            identity = self.original[identity]
        return self.charged[identity]

    def _attach(self, hold: Reserved, charged: Charged) -> None:
        lines = {each.counter.budget: Line(each.counter, each.unit) for each in hold.reservation.limits}
        self._note_beyond(hold, charged.call.usage)
        charged.lines = lines | charged.lines
        charged.hold = charged.hold or hold
        hold.state = HoldState.CHARGED

    def _note_beyond(self, hold: Reserved, usage: Usage) -> None:
        for limit in hold.reservation.limits:
            covered = 0
            if hold.state is HoldState.HELD:
                covered = limit.amount
            elif hold.state is HoldState.SETTLED and hold.said:
                covered = hold.said.of(limit.unit)
            self.beyond[limit.counter] += max(usage.of(limit.unit) - covered, 0)
