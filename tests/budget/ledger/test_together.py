"""Settling many at once is settling one after the other."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from hypothesis import given
from hypothesis import strategies as st

from otel_llm.budget.ledger import (
    Call,
    Counter,
    Hold,
    HoldState,
    Limit,
    Line,
    Posting,
    Reservation,
    Settled,
    TraceRow,
    Unit,
    Usage,
    rules,
)
from otel_llm.budget.ledger.calls import Sighting
from otel_llm.budget.ledger.ingest import ingest
from otel_llm.budget.ledger.memory import MemoryTables
from otel_llm.budget.ledger.tables import Rollback
from otel_llm.budget.ledger.together import Settlement, record, settle_together

if TYPE_CHECKING:
    from collections.abc import Callable

NOW: Final = 1_790_000_000_000
TTL_MS: Final = 60_000
COUNTERS: Final = (Counter("models/m/daily_usd", "", "day"), Counter("routes/r/daily_usd", "u:1", "day"))
IDS: Final = tuple("abcdef")
SPANS: Final = tuple(bytes([number] * 16) + b"span----" for number in range(4))


def reservation(id_: str, at_ms: int = NOW) -> Reservation:
    """Return one that asks for ten of each counter."""
    limits = tuple(Limit(each, Unit.USD, 10, 10**9, each.period) for each in COUNTERS)
    return Reservation(id_, at_ms, at_ms + TTL_MS, limits)


def call(span: bytes, cost: int, reserved: str | None) -> Call:
    """Return a call that is charged to the first counter."""
    row = TraceRow(span[:16], span[16:], start_ms=NOW, reservation_id=reserved)
    return Call(row, Usage(cost, cost), (Line(COUNTERS[0], Unit.USD),), b"digest")


ids = st.sampled_from(IDS)
spans = st.sampled_from(SPANS)
steps = st.lists(
    st.one_of(
        st.tuples(st.just(rules.reserve), st.builds(reservation, ids)),
        st.tuples(st.just(rules.release), ids, st.just(NOW)),
        st.tuples(st.just(rules.expire), st.sampled_from([NOW, NOW + TTL_MS]), st.just(9)),
        st.tuples(st.just(rules.settle), ids, st.builds(Usage, st.integers(0, 20)), st.just(NOW), st.sets(spans)),
        st.tuples(st.just(ingest), st.lists(st.builds(call, spans, st.integers(0, 20), st.none() | ids)), st.just(NOW)),
    ),
    max_size=8,
)
settlements = st.lists(
    st.builds(
        Settlement, ids, st.builds(Usage, st.integers(0, 20)), st.just(NOW), st.sets(spans, max_size=2).map(tuple)
    ),
    min_size=1,
    unique_by=lambda each: each.reservation_id,
)
granted = st.lists(
    st.builds(reservation, ids, st.sampled_from([NOW - 1, NOW, NOW + 1])).map(rules.hold_of),
    max_size=4,
    unique_by=lambda each: each.id,
)

State = tuple[dict[Any, Any], list[Hold | None], dict[bytes, Sighting], set[Posting]]


def do(tables: MemoryTables, step: Callable[..., Any], *arguments: Any) -> Any:
    """Do a step in a transaction."""
    try:
        answer = step(tables, *arguments)
    except Rollback as rollback:
        tables.rollback()
        return rollback.answer
    tables.commit()
    return answer


def state_of(tables: MemoryTables) -> State:
    """Return all that a settlement could have changed."""
    postings = {posting for id_ in IDS for posting in tables.postings(id_)}
    return tables.balances(COUNTERS), [tables.peek(each) for each in IDS], tables.sightings(SPANS), postings


def one_by_one(tables: MemoryTables, asked: list[Settlement], holds: list[Hold]) -> dict[str, Settled]:
    """Settle each in a transaction of its own."""
    do(tables, record, holds)
    return {each.reservation_id: do(tables, rules.settle, *each) for each in asked}


def together(tables: MemoryTables, asked: list[Settlement], holds: list[Hold]) -> dict[str, Settled]:
    """Settle as many as can be in one transaction."""
    answers: dict[str, Settled] = {}
    rest = asked
    while rest:
        answer = do(tables, settle_together, rest, holds)
        answers |= answer[0] if isinstance(answer, tuple) else answer
        rest = [] if isinstance(answer, tuple) else [each for each in rest if each.reservation_id not in answers]
    do(tables, record, holds)  # where all were unknown
    return answers | {
        each.reservation_id: do(tables, rules.settle, *each) for each in asked if each.reservation_id not in answers
    }


@given(steps, settlements, granted)
def test_together_is_one_after_the_other(steps: list[Any], asked: list[Settlement], holds: list[Hold]) -> None:
    """The answers are the same, and so is what stands after them, whatever has happened before."""
    found = []
    for settle in (one_by_one, together):
        tables = MemoryTables()
        for step in steps:
            do(tables, *step)
        found.append((settle(tables, asked, holds), state_of(tables)))

    assert found[0] == found[1]


@given(steps, settlements, granted)
def test_over_is_what_is_over(steps: list[Any], asked: list[Settlement], holds: list[Hold]) -> None:
    """Who granted a hold is told which of its calls were over before it was written down, by either way."""
    found = []
    for step in (lambda tables: record(tables, holds), lambda tables: settle_together(tables, asked, holds)[1]):
        tables = MemoryTables()
        for before in steps:
            do(tables, *before)
        over = do(tables, step)
        found.append(over if isinstance(over, list) else None)  # not if a reservation was unknown

    assert found[1] is None or found[0] == found[1]
    assert all(hold.state is HoldState.HELD for hold in found[0] or ())
