"""What every ledger does, on every database: each failure that others are known for has a test by its name."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

import pytest

from otel_llm.budget.ledger import (
    Balance,
    Counter,
    Denied,
    Granted,
    HoldState,
    Limit,
    Line,
    PostingKind,
    Reservation,
    SettleState,
    Unit,
    Usage,
    response_identity,
)
from tests.budget.one_day import DAY, NANO, NOW, TTL, call, reservation, used

if TYPE_CHECKING:
    from otel_llm.budget.ledger import Ledger

USER: Final = Counter("routes/chat/per_user_daily_usd", "u:1", "2026-09-21@UTC")
SLOTS: Final = Counter("routes/chat/max_concurrency", "", "total")


async def balance(ledger: Ledger[Any], counter: Counter = DAY) -> Balance:
    """Return what a counter stands at."""
    found = (await ledger.balances([counter])).get(counter, Balance())
    assert 0 == found.settled % NANO == found.held % NANO
    return Balance(found.settled // NANO, found.held // NANO)


async def test_check_and_hold_are_one_step(ledger: Ledger[Any]) -> None:
    """Of a hundred calls that come at once, those that fit are let in, and no other (LiteLLM 34732; G7)."""
    verdicts = await asyncio.gather(*(ledger.reserve(reservation(f"r{each}", 7)) for each in range(100)))

    assert 14 == sum(isinstance(verdict, Granted) for verdict in verdicts)
    assert Balance(held=98) == await balance(ledger)


async def test_all_limits_or_none(ledger: Ledger[Any]) -> None:
    """A call that one limit refuses holds nothing under the others."""
    await ledger.reserve(reservation("first", 60, 100, USER))
    verdict = await ledger.reserve(reservation("second", 60, 100, DAY, USER))

    assert isinstance(verdict, Denied)
    assert [USER] == [each.limit.counter for each in verdict.exceeded]
    assert [40] == [each.left // NANO for each in verdict.exceeded]
    assert Balance() == await balance(ledger)


async def test_asked_again_is_held_once(ledger: Ledger[Any]) -> None:
    """A client that lost the answer asks again, and holds no more (G8)."""
    await ledger.reserve(reservation("r", 60))
    again = await ledger.reserve(reservation("r", 60))

    assert isinstance(again, Granted)
    assert again.replayed
    assert Balance(held=60) == await balance(ledger)


async def test_a_lost_hold_expires(ledger: Ledger[Any]) -> None:
    """What a client that was killed has held is given back, and denies nobody for longer (LiteLLM 27639; G4)."""
    await ledger.reserve(reservation("killed", 100))
    before = await ledger.reserve(reservation("next", 100, at=NOW + TTL - 1))
    after = await ledger.reserve(reservation("next", 100, at=NOW + TTL))

    assert isinstance(before, Denied)
    assert isinstance(after, Granted)
    hold = await ledger.hold("killed")
    assert hold is not None
    assert HoldState.EXPIRED is hold.state


async def test_a_settlement_is_provisional(ledger: Ledger[Any]) -> None:
    """Who settles nothing erases nothing: the priced span posts the difference, and neither is charged twice."""
    await ledger.reserve(reservation("r", 60))
    await ledger.settle("r", Usage(), NOW)
    assert Balance() == await balance(ledger)

    await ledger.ingest([call(1, 42, reserved="r")], NOW)
    late = await ledger.settle("r", used(1), NOW)

    assert Balance(settled=42) == await balance(ledger)
    assert (SettleState.CHARGED, 42) == (late.state, late.usage.cost // NANO)
    assert [PostingKind.CHARGE] == [each.kind for each in await ledger.postings("r")]


async def test_settled_twice_by_another_amount(ledger: Ledger[Any]) -> None:
    """The first settlement stands."""
    await ledger.reserve(reservation("r", 60))
    states = [(await ledger.settle("r", used(cost), NOW)).state for cost in (10, 99)]

    assert [SettleState.SETTLED, SettleState.REPEATED] == states
    assert Balance(settled=10) == await balance(ledger)


async def test_settled_after_it_expired_or_was_released(ledger: Ledger[Any]) -> None:
    """What was spent is charged all the same, also beyond the limit."""
    await ledger.reserve(reservation("late", 60))
    await ledger.expire(NOW + TTL)
    await ledger.reserve(reservation("released", 60))
    await ledger.release("released", NOW)
    for each in ("late", "released"):
        await ledger.settle(each, used(70), NOW + TTL)

    assert Balance(settled=140) == await balance(ledger)


async def test_a_settlement_for_no_reservation(ledger: Ledger[Any]) -> None:
    """It is answered, and nothing is charged."""
    assert SettleState.UNKNOWN is (await ledger.settle("nobody's", used(5), NOW)).state
    assert await ledger.release("nobody's", NOW) is None


async def test_the_span_is_found_by_response_or_span_id(ledger: Ledger[Any]) -> None:
    """A span that does not carry the reservation is recognised by what the client said at settling."""
    for number, known_by in enumerate((response_identity("resp", "m"), call(1, 0).identity)):
        await ledger.reserve(reservation(f"r{number}", 60, 1000))
        await ledger.settle(f"r{number}", used(50), NOW, [known_by] if known_by else [])
    await ledger.ingest([call(0, 40, response_id="resp", response_model="m"), call(1, 40)], NOW)

    assert Balance(settled=80) == await balance(ledger)


async def test_resent_in_any_order_is_charged_once(ledger: Ledger[Any]) -> None:
    """The same stream three times, the last time backwards, from clients that ran at once (G3)."""
    calls = [call(number, number) for number in range(50)]
    await asyncio.gather(*(ledger.ingest(part, NOW) for part in (calls, calls, calls[::-1])))

    assert Balance(settled=sum(range(50))) == await balance(ledger)
    assert {} == await ledger.drift()


async def test_a_conflict_keeps_the_first(ledger: Ledger[Any]) -> None:
    """The same ids with other content are counted, and change nothing."""
    done = await ledger.ingest([call(1, 10), call(1, 20)], NOW)

    assert (1, 1, 1) == (done.charged, done.resent, done.conflicts)
    assert Balance(settled=10) == await balance(ledger)


@pytest.mark.parametrize(("hours", "settled"), [(24, 10), (25, 20)])
async def test_one_response_seen_twice(ledger: Ledger[Any], hours: int, settled: int) -> None:
    """An SDK and a gateway see one call: charged once in 24 hours, as providers may use an id again after that."""
    names: dict[str, Any] = {"response_id": "resp", "response_model": "m"}
    later = {**names, "start_ms": NOW + hours * 3_600_000}
    done = [await ledger.ingest([each], NOW) for each in (call(1, 10, **names), call(2, 10, **later))]

    assert Balance(settled=settled) == await balance(ledger)
    assert (20 - settled) // 10 == done[1].duplicates


async def test_no_response_id_is_no_identity(ledger: Ledger[Any]) -> None:
    """Empty ids are nobody's, and make no two calls one (LiteLLM 6633)."""
    await ledger.ingest([call(number, 10, response_id="", response_model="m") for number in range(3)], NOW)

    assert Balance(settled=30) == await balance(ledger)


@pytest.mark.parametrize("parent_first", [True, False])
async def test_a_parent_that_repeats_its_child_is_not_charged(ledger: Ledger[Any], *, parent_first: bool) -> None:
    """Whichever comes first, the child is charged, by new entries and never a change of one."""
    parent = call(1, 10, span_id=b"parent--")
    child = call(1, 10, parent_span_id=b"parent--")
    for each in (parent, child) if parent_first else (child, parent):
        await ledger.ingest([each], NOW)

    assert Balance(settled=10) == await balance(ledger)
    assert {} == await ledger.drift()


async def test_calls_under_way_are_counted(ledger: Ledger[Any]) -> None:
    """A slot is free again when its call is over, however it ended, and is never settled (LiteLLM 16011)."""
    slots = (Limit(SLOTS, Unit.CONCURRENCY, 1, 2, SLOTS.period),)
    first, second, third = (Reservation(each, NOW, NOW + TTL, slots) for each in "abc")
    assert isinstance(await ledger.reserve(first), Granted)
    assert isinstance(await ledger.reserve(second), Granted)
    assert isinstance(await ledger.reserve(third), Denied)

    await ledger.settle("a", used(5), NOW)

    assert isinstance(await ledger.reserve(third), Granted)
    assert {SLOTS: Balance(settled=0, held=2)} == await ledger.balances([SLOTS])


async def test_an_adjustment_is_a_posting(ledger: Ledger[Any]) -> None:
    """A refund makes room, and the sum of the postings is still what is settled."""
    await ledger.ingest([call(1, 100)], NOW)
    after = await ledger.adjust(Line(DAY, Unit.USD), -30 * NANO, "refund", NOW)

    assert Balance(settled=70 * NANO) == after
    assert {} == await ledger.drift()


async def test_a_crowd_from_one_client(ledger: Ledger[Any]) -> None:
    """So many users have counters of their own; all others share one, under one limit, and nothing is lost (G11)."""
    ledger._most_subjects = 3
    asked = [USER._replace(subject=f"u:{number:02}") for number in range(20)]
    for counter in asked:
        await ledger.reserve(reservation(counter.subject, 30, 100, counter))
    again = [await ledger.reserve(reservation(f"{each.subject} again", 30, 100, each)) for each in (asked[0], asked[9])]
    lines = [(Line(each, Unit.USD),) for each in asked]
    await ledger.ingest([replace(call(number, 1), lines=each) for number, each in enumerate(lines)], NOW)
    stands = {
        counter.subject: await balance(ledger, counter) for counter in [*asked[:4], USER._replace(subject="other")]
    }

    assert [Granted, Denied] == [type(each) for each in again]
    assert [asked[9]] == [
        each.limit.counter for verdict in again if isinstance(verdict, Denied) for each in verdict.exceeded
    ]
    assert {
        "u:00": Balance(1, 60),
        "u:01": Balance(1, 30),
        "u:02": Balance(1, 30),
        "u:03": Balance(),
        "other": Balance(17, 90),
    } == stands
    assert {} == await ledger.drift()


async def test_the_edge_of_a_window(ledger: Ledger[Any]) -> None:
    """Of fifty calls that are under way when a day ends, each is charged to its own, and none is lost (G6)."""
    days = DAY, DAY._replace(period="2026-09-22@UTC")

    async def cross(number: int) -> None:
        counter = days[number % 2]
        await ledger.reserve(reservation(f"r{number}", 2, 100, counter, at=NOW + number))
        await ledger.settle(f"r{number}", used(1), NOW + 50)
        line = (Line(days[1], Unit.USD),)  # the gateway that sees its span has crossed already
        await ledger.ingest([replace(call(number, 2, reserved=f"r{number}"), lines=line)], NOW + 60)

    await asyncio.gather(*map(cross, range(50)))

    assert [Balance(50), Balance(50)] == [await balance(ledger, each) for each in days]
    assert {} == await ledger.drift()


async def test_absurd_amounts_stay_within_the_counter(ledger: Ledger[Any]) -> None:
    """A counter that would overflow stays at its most, and is over any limit."""
    for number in range(3):
        await ledger.ingest([call(number, 5 * 10**15)], NOW)

    assert 9 * 10**15 == (await balance(ledger)).settled
    assert isinstance(await ledger.reserve(reservation("r", 1)), Denied)


async def test_who_has_spent_most(ledger: Ledger[Any]) -> None:
    """The subjects of a budget, those that have spent most first."""
    for number in range(4):
        line = Line(USER._replace(subject=f"u:{number}"), Unit.USD)
        await ledger.adjust(line, number * 10, "import", NOW)

    assert {"u:3": Balance(30), "u:2": Balance(20)} == dict(
        await ledger.subjects(USER.budget, USER.period, USER.period, 2)
    )
