"""Any interleaving of what can happen to a ledger, on every database, against what it then has to say."""

from __future__ import annotations

import asyncio
import shutil
from itertools import count
from pathlib import Path
from tempfile import mkdtemp
from typing import TYPE_CHECKING, Any, ClassVar, Final

import pytest
from hypothesis import Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test

from otel_llm.budget.ledger import (
    Call,
    Counter,
    Denied,
    Granted,
    Limit,
    Line,
    Reservation,
    TraceRow,
    Unit,
    Usage,
)
from otel_llm.budget.ledger.ingest import ingest
from otel_llm.budget.windows import TOTAL, Calendar, Rolling
from tests.budget.ledger.oracle import Oracle
from tests.budget.stores import STORES, places, store_of

if TYPE_CHECKING:
    from collections.abc import Awaitable, Sequence

    from otel_llm.budget.ledger.tables import Tables
    from otel_llm.budget.windows import Window
    from tests.valkey_server import ValkeyServer

NOON: Final = 1_790_000_000_000
TTL_MS: Final = 60_000
NANO: Final = 1000
"""In pico-USD: admission counts in nothing smaller."""

BUDGETS: Final[dict[str, tuple[Unit, Window, int, bool]]] = {
    "models/m/daily_usd": (Unit.USD, Calendar("daily", "Europe/Berlin"), 60 * NANO, False),
    "models/m/tpm": (Unit.TOKENS, Rolling(60_000), 90, False),
    "routes/r/per_user_rolling_usd": (Unit.USD, Rolling(3_600_000), 40 * NANO, True),
    "routes/r/rpm": (Unit.REQUESTS, Rolling(60_000), 9, False),
    "routes/r/max_concurrency": (Unit.CONCURRENCY, TOTAL, 3, False),
}

budgets = st.lists(st.sampled_from(sorted(BUDGETS)), min_size=1, unique=True)
users = st.sampled_from(["u:1", "u:2"])
usages = st.builds(
    Usage, st.integers(0, 25).map(lambda cost: cost * NANO), st.integers(0, 20), st.integers(0, 20), st.just(1)
)
delays = st.sampled_from([0, 0, 100, 2_500, 30_000, TTL_MS, 4_000_000, 90_000_000])
picks = st.integers(0, 1 << 16)


def line_of(budget: str, user: str, at_ms: int) -> Line:
    """Return what a call is charged to."""
    unit, window, _, per_user = BUDGETS[budget]
    return Line(Counter(budget, user if per_user else "", window.at(at_ms).key), unit)


class Crash(Exception):
    """The end of the process, before a transaction has."""


class LedgerMachine(RuleBasedStateMachine):
    """A ledger and an oracle."""

    kind: ClassVar[str]
    valkey: ClassVar[ValkeyServer | None]
    places: ClassVar[tuple[str, str]]

    def __init__(self) -> None:
        super().__init__()
        self.runner = asyncio.Runner()
        self.directory = Path(mkdtemp())
        self.oracle = Oracle()
        self.now = NOON
        self.numbers = count()
        self.ids: list[str] = []
        self.waiting: list[Call] = []
        """Spans that have ended, and are on their way."""
        self.sent: list[Call] = []
        self.counters: set[Counter] = set()
        self.open()

    def open(self) -> None:
        """Open the database."""
        self.store = store_of(self.kind, self.directory, *self.places)
        self.ledger = self.store.ledger
        self.do(self.store.start())

    def do(self, work: Awaitable[Any]) -> Any:
        """Wait for something."""

        async def wait() -> Any:
            return await work

        return self.runner.run(wait())

    @initialize()
    def empty(self) -> None:
        """Begin with an empty database."""
        if self.kind.startswith("postgres"):
            tables = "llm_traces, sightings, counters, holds, ledger, members, crowds"
            self.do(self.store.database.run(lambda each: each.execute(f"TRUNCATE {tables}")))
            self.lose()

    def lose(self) -> None:
        """Let the admission server lose what it has, if there is one."""
        if self.valkey is not None:
            assert self.valkey.command("FLUSHALL") == b"+OK"
            # It grants the id of a call that is over anew. The truth does not hold that again.
            self.ids = [each for each in self.ids if not self.oracle.is_over(each)]
            self.now += 1000  # nothing is granted for a while

    @rule(chosen=budgets, user=users, usage=usages, again=st.booleans(), pick=picks)
    def reserve(self, chosen: list[str], user: str, usage: Usage, pick: int, *, again: bool) -> None:
        """Reserve, perhaps with an id that has been used."""
        id_ = self.ids[pick % len(self.ids)] if again and self.ids else f"r{next(self.numbers)}"
        limits = tuple(self.limit(budget, user, usage) for budget in chosen)
        reservation = Reservation(id_, self.now, self.now + TTL_MS, limits)
        expected = self.oracle.reserve(reservation)
        verdict = self.do(self.ledger.reserve(reservation))
        if expected is False:
            assert isinstance(verdict, Denied)
            assert all(each.balance.total + each.limit.amount > each.limit.most for each in verdict.exceeded)
        else:
            assert isinstance(verdict, Granted)
            assert (expected is None) == verdict.replayed
            self.ids.append(id_)

    def limit(self, budget: str, user: str, usage: Usage) -> Limit:
        """Return what one budget allows."""
        unit, window, most, _ = BUDGETS[budget]
        counter, _ = line_of(budget, user, self.now)
        self.counters.add(counter)
        amount = 1 if unit is Unit.CONCURRENCY else usage.of(unit)
        return Limit(counter, unit, amount, most, window.at(self.now).first)

    @rule(chosen=budgets, user=users, usage=usages, late=delays, pick=picks, shape=st.integers(0, 63))
    def call(self, chosen: list[str], user: str, usage: Usage, late: int, *, pick: int, shape: int) -> None:
        """Make a call, under a reservation or none. It leaves up to three spans: of an SDK, a framework, a gateway."""
        number = next(self.numbers)
        reservation = self.ids[pick % len(self.ids)] if shape & 1 and self.ids else None
        lines = tuple(line_of(budget, user, self.now - late) for budget in chosen)
        self.counters |= {line.counter for line in lines}
        row = TraceRow(
            trace_id=number.to_bytes(16, "big"),
            span_id=b"sdk-----",
            parent_span_id=b"framewrk" if shape & 2 else b"",
            start_ms=self.now - late,
            response_model="m",
            response_id=f"response {number}" if shape & 4 else "",
            reservation_id=reservation if shape & 8 else None,
        )
        calls = [Call(row, usage, lines, b"sdk")]
        if shape & 2:
            framework = row._replace(span_id=b"framewrk", parent_span_id=b"", response_id="", reservation_id=None)
            calls.append(Call(framework, usage, lines, b"framework"))
        if shape & 4 and shape & 16:
            gateway = row._replace(span_id=b"gateway-", parent_span_id=b"", reservation_id=None)
            calls.append(Call(gateway, usage, lines, b"gateway"))
        if shape & 2 and not usage.input_tokens + usage.output_tokens:
            calls = [calls[0]]  # of no tokens none can be a repetition
        self.waiting += calls
        if reservation is not None and shape & 32:
            self.settle_as(reservation, usage, calls[0])

    @rule(pick=picks, usage=usages, named=st.booleans())
    def settle(self, pick: int, usage: Usage, *, named: bool) -> None:
        """Settle, perhaps again, perhaps with another amount, perhaps naming some call."""
        if self.ids:
            calls = self.waiting + self.sent
            call = calls[pick % len(calls)] if named and calls else None
            self.settle_as(self.ids[pick % len(self.ids)], usage, call)

    def settle_as(self, id_: str, usage: Usage, call: Call | None) -> None:
        """Settle; of a call say how it can be recognised."""
        identity = (call.response_identity or call.identity) if call else None
        self.oracle.settle(id_, usage, [identity] if identity else [])
        self.do(self.ledger.settle(id_, usage, self.now, [identity] if identity else []))

    @rule(pick=picks)
    def release(self, pick: int) -> None:
        """Release, perhaps what is over."""
        if self.ids:
            id_ = self.ids[pick % len(self.ids)]
            self.oracle.release(id_)
            assert self.oracle.reserved[id_].state == self.do(self.ledger.release(id_, self.now))

    @rule(delay=delays)
    def expire(self, delay: int) -> None:
        """Let time pass, and look for holds whose time is over."""
        self.now += delay
        self.oracle.expire(self.now)
        self.do(self.ledger.expire(self.now))

    @rule(delay=delays)
    def wait(self, delay: int) -> None:
        """Let time pass."""
        self.now += delay

    @rule(order=st.randoms(use_true_random=False), size=st.integers(1, 8), crash=st.booleans())
    def ingest(self, order: Any, size: int, *, crash: bool) -> None:
        """Let spans come in any order, some for the second time; perhaps crash, and let them come again."""
        order.shuffle(self.waiting)
        batch = self.waiting[:size] + [order.choice(self.sent) for _ in range(min(size // 3, len(self.sent)))]
        if crash:
            with pytest.raises(Crash):
                self.do(self.ledger._transact(lambda tables: self.crash(tables, batch)))
            self.is_exact()
        self.sent += self.waiting[:size]
        del self.waiting[:size]
        for call in batch:
            self.oracle.ingest(call)
        self.do(self.ledger.ingest(batch, self.now))

    def crash(self, tables: Tables, batch: Sequence[Call]) -> None:
        """Do all of it, and end before it counts."""
        ingest(tables, batch, self.now)
        raise Crash

    @rule()
    def restart(self) -> None:
        """End the process, and start it again."""
        if self.kind != "memory":
            self.do(self.store.shutdown())
            self.open()

    @rule()
    def flush(self) -> None:
        """Lose the state of the admission server: it is put together again from the truth (G10)."""
        if self.valkey is not None:
            self.do(self.store.shutdown())  # which writes down what waits to be
            self.lose()
            self.open()

    @invariant()
    def is_exact(self) -> None:
        """Every counter stands at the sum of distinct calls and of what is held, as the ledger's lines have it too."""
        wanted = sorted(self.counters)
        stored = self.do(self.ledger.balances(wanted))
        nothing = self.oracle.balance(Counter("", "", ""))
        expected = {counter: self.oracle.balance(counter) for counter in wanted}
        assert expected == {counter: stored.get(counter, nothing) for counter in wanted}
        assert {} == self.do(self.ledger.drift())

    @invariant()
    def overshoot_is_what_was_not_held(self) -> None:
        """A limit is passed by no more than was spent without having been held."""
        for counter in self.counters:
            unit, window, most, _ = BUDGETS[counter.budget]
            if not isinstance(window, Rolling) and unit is not Unit.REQUESTS:
                assert self.oracle.balance(counter).total <= most + self.oracle.beyond[counter]

    def teardown(self) -> None:
        """In the end, when all spans have come, nobody holds anything, and everything else still holds."""
        try:
            self.finish()
        finally:
            self.do(self.store.shutdown())
            self.runner.close()
            shutil.rmtree(self.directory)

    def finish(self) -> None:
        """Let everything come that is on its way."""
        while self.waiting:
            batch, self.waiting = self.waiting[:50], self.waiting[50:]
            for call in batch:
                self.oracle.ingest(call)
            self.do(self.ledger.ingest(batch, self.now))
        self.now += TTL_MS
        self.expire(0)
        self.is_exact()
        assert all(self.oracle.balance(counter).held == 0 for counter in self.counters)


EXAMPLES: Final = {"memory": 150, "sqlite": 30, "postgres": 8, "postgres+valkey": 8}


@pytest.mark.parametrize("kind", STORES)
def test_any_interleaving_ends_at_the_sum_of_distinct_calls(kind: str, request: pytest.FixtureRequest) -> None:
    """Whatever happens, in whatever order and however often, is counted once, and limits are passed by no more."""
    server = request.getfixturevalue("valkey") if kind.endswith("valkey") else None
    machine = type("Machine", (LedgerMachine,), {"kind": kind, "places": places(kind, request), "valkey": server})
    chosen = settings(
        max_examples=EXAMPLES[kind],
        stateful_step_count=30,
        deadline=None,
        phases=[each for each in Phase if each is not Phase.shrink or not server],  # that would take minutes
    )
    run_state_machine_as_test(machine, settings=chosen)
