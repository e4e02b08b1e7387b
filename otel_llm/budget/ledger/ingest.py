"""How a batch of priced spans enters the ledger: each call once, however often and from wherever it was seen."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from typing import TYPE_CHECKING

from otel_llm.budget.ledger.book import Book
from otel_llm.budget.ledger.calls import RESPONSE_WINDOW_MS, Ingested, Sighting
from otel_llm.budget.ledger.records import NOTHING, HoldState, PostingKind
from otel_llm.budget.ledger.rules import HOPS, meet

if TYPE_CHECKING:
    from collections.abc import Sequence

    from otel_llm.budget.ledger.calls import Call, Fate, TraceRow
    from otel_llm.budget.ledger.records import Hold
    from otel_llm.budget.ledger.tables import Tables

__all__ = ["ingest"]


def ingest(tables: Tables, calls: Sequence[Call], now_ms: int) -> Ingested:
    """Store the calls that are new, and charge those that nobody has charged before."""
    return _Batch(tables, calls, now_ms).run()


class _Batch:
    """One batch on its way in.

    Everything is claimed first, under all identities and as if nothing were known about any of it, which is how it
    mostly is. Then each call is looked at in turn, and what turned out otherwise is put right.
    """

    def __init__(self, tables: Tables, calls: Sequence[Call], now_ms: int) -> None:
        self._tables = tables
        self._calls = calls
        self._now_ms = now_ms
        self._book = Book(now_ms)
        self._counts: Counter[str] = Counter()
        self._rows: dict[bytes, TraceRow] = {}
        self._stored: dict[bytes, Sighting] = {}
        """What stands in the store."""
        self._sightings: dict[bytes, Sighting] = {}
        """What was there before the batch, and what the calls looked at so far have made of it."""
        self._holds: dict[str, Hold] = {}

    def run(self) -> Ingested:
        claims: dict[bytes, Sighting] = {}
        for call in self._calls:
            for sighting in _claims(call, self._now_ms):
                claims.setdefault(sighting.identity, sighting)
        known = self._tables.claim(list(claims.values()))
        self._stored = claims | known
        self._sightings = known
        self._find_originals()
        self._find_holds()
        for call in self._calls:
            self._take(call)
        changed = [each for identity, each in self._sightings.items() if each != self._stored.get(identity)]
        if changed:
            self._tables.save_sightings(changed)
        self._book.write(self._tables)
        if self._rows:
            self._tables.add_rows(list(self._rows.values()))
        return Ingested(**self._counts)

    def _find_originals(self) -> None:
        """Read what known responses and duplicates lead to, before the holds, which are locked after sightings."""
        found = self._sightings
        for _ in range(HOPS):
            missing = {each.original for each in found.values() if each.original} - self._sightings.keys()
            if not missing:
                break
            found = self._tables.sightings(missing)
            self._sightings |= found
            self._stored |= found

    def _find_holds(self) -> None:
        asked = {call.row.reservation_id for call in self._calls}
        announced = {sighting.reservation_id for sighting in self._sightings.values()}
        ids = sorted(each for each in asked | announced if each)
        self._holds = self._tables.holds(ids) if ids else {}

    def _take(self, call: Call) -> None:
        span = self._sightings.get(call.identity)
        if span is not None and span.seen:
            self._counts["resent"] += 1
            self._counts["conflicts"] += span.digest != call.digest
            return
        self._counts["inserted"] += 1
        announced = span or Sighting(call.identity, self._now_ms)
        child = self._seen(announced.original)
        span = Sighting(
            call.identity,
            announced.at_ms,
            call.row.start_ms,
            call.digest,
            call.usage,
            call.lines,
            reservation_id=announced.reservation_id,
        )
        if first := self._first_of_response(call):
            self._counts["duplicates"] += 1
            self._counts["conflicts"] += first.usage != call.usage
            self._charge_other(call, span, first, "duplicate")
        elif child is not None and _repeats(child, span):
            self._counts["repeated"] += 1
            self._charge_other(call, span, child, "repeated")
        else:
            self._counts["charged"] += 1
            self._charge(call, span)

    def _seen(self, identity: bytes | None) -> Sighting | None:
        """Return the span that is charged for this one."""
        sighting = self._sightings.get(identity) if identity else None
        while sighting is not None and sighting.original is not None:
            sighting = self._sightings.get(sighting.original)
        return sighting if sighting is not None and sighting.seen else None

    def _first_of_response(self, call: Call) -> Sighting | None:
        """Return the call that the same response was seen with before; None if this is the first."""
        identity = call.response_identity
        if identity is None:
            return None
        response = self._sightings.get(identity)
        if response is not None and response.original is not None and response.start_ms is not None:
            same_trace = response.original.startswith(call.row.trace_id)
            if same_trace or abs(response.start_ms - call.row.start_ms) <= RESPONSE_WINDOW_MS:
                return self._seen(response.original)
        announced = response.reservation_id if response is not None and not response.seen else None
        self._sightings[identity] = _response(call, identity, self._now_ms, announced)
        return None

    def _charge(self, call: Call, span: Sighting) -> None:
        """Charge a call: where it was held, and what its own dimensions name besides."""
        hold = self._open_hold(call, span)
        parent = self._repeating_parent(call, span)
        if parent is not None:
            inherited = self._reverse(parent, call)
            hold = hold or inherited
        own = call.lines
        if hold is not None:
            lines = meet(self._book, hold, call.usage, (), call.identity)
            self._hold_charged(hold)
            budgets = {line.counter.budget for line in lines}
            own = tuple(line for line in own if line.counter.budget not in budgets)
            span = span._replace(lines=(*lines, *own), reservation_id=hold.id)
        elif span.reservation_id is not None:  # announced, but another call has settled it: not this one's to pass on
            span = span._replace(reservation_id=None)
        self._book.charge(PostingKind.CHARGE, own, call.usage, call=call.identity)
        self._sightings[call.identity] = span
        self._announce_to_parent(call)
        self._rows[call.identity] = call.row

    def _charge_other(self, call: Call, span: Sighting, charged: Sighting, fate: Fate) -> None:
        """Store a call that stands charged as another; a hold that it brings along is settled by that one."""
        hold = self._open_hold(call, span)
        parent = self._repeating_parent(call, span)
        if parent is not None and parent.identity != charged.identity:
            inherited = self._reverse(parent, call)
            hold = hold or inherited
        if hold is not None and charged.usage is not None:
            added = meet(self._book, hold, charged.usage, charged.lines, charged.identity)
            self._hold_charged(hold)
            self._sightings[charged.identity] = charged._replace(
                lines=(*charged.lines, *added), reservation_id=charged.reservation_id or hold.id
            )
        self._sightings[call.identity] = span._replace(lines=(), original=charged.identity)
        self._announce_to_parent(call)
        self._rows[call.identity] = call.row._replace(fate=fate)

    def _open_hold(self, call: Call, span: Sighting) -> Hold | None:
        """Return the hold that this call settles, if no other call has."""
        if not self._holds:
            return None
        response = self._sightings.get(call.response_identity or b"")
        for reservation_id in (call.row.reservation_id, span.reservation_id, response and response.reservation_id):
            hold = self._holds.get(reservation_id or "")
            if hold is not None and hold.state is not HoldState.CHARGED:
                return hold
        return None

    def _hold_charged(self, hold: Hold) -> None:
        self._holds[hold.id] = replace(hold, state=HoldState.CHARGED)

    def _repeating_parent(self, call: Call, span: Sighting) -> Sighting | None:
        parent = self._sightings.get(call.parent_identity or b"")
        charged = parent is not None and parent.seen and parent.original is None
        return parent if parent is not None and charged and _repeats(parent, span) else None

    def _reverse(self, parent: Sighting, child: Call) -> Hold | None:
        """Give back what a parent was charged; return the hold that it had settled, for its child to settle."""
        self._counts["reversed"] += 1
        if parent.usage is not None:
            self._book.charge(PostingKind.REVERSAL, parent.lines, parent.usage, call=parent.identity, sign=-1)
        self._sightings[parent.identity] = parent._replace(lines=(), original=child.identity)
        if parent.identity in self._rows:
            self._rows[parent.identity] = self._rows[parent.identity]._replace(fate="repeated")
        elif parent.start_ms is not None:
            self._tables.set_fate(parent.identity, parent.start_ms, "repeated")
        hold = self._holds.get(parent.reservation_id or "")
        # Nothing of it is held or posted any more, which is what a settlement of nothing looks like.
        return None if hold is None else replace(hold, state=HoldState.SETTLED, usage=NOTHING)

    def _announce_to_parent(self, call: Call) -> None:
        """Let a parent that comes later find its child."""
        identity = call.parent_identity
        if identity is None:
            return
        known = self._sightings.get(identity)
        if known is None:
            self._sightings[identity] = _parent(call, identity, self._now_ms)
        elif not known.seen and known.original is None:
            self._sightings[identity] = known._replace(original=call.identity)


def _claims(call: Call, now_ms: int) -> list[Sighting]:
    """Return what a call is claimed as: what will stand there, if nothing is known about it."""
    row = call.row
    claims = [Sighting(call.identity, now_ms, row.start_ms, call.digest, call.usage, call.lines)]
    if identity := call.response_identity:
        claims.append(_response(call, identity, now_ms))
    if identity := call.parent_identity:
        claims.append(_parent(call, identity, now_ms))
    return claims


def _response(call: Call, identity: bytes, now_ms: int, reservation_id: str | None = None) -> Sighting:
    return Sighting(identity, now_ms, call.row.start_ms, original=call.identity, reservation_id=reservation_id)


def _parent(call: Call, identity: bytes, now_ms: int) -> Sighting:
    return Sighting(identity, now_ms, original=call.identity)


def _repeats(one: Sighting, other: Sighting) -> bool:
    """Return whether two spans tell of the same tokens."""
    if one.usage is None or other.usage is None:
        return False
    tokens = one.usage.input_tokens, one.usage.output_tokens
    return any(tokens) and tokens == (other.usage.input_tokens, other.usage.output_tokens)
