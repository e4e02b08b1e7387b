"""Processes that reserve and settle as fast as they can, until they are refused or have done enough.

usage: python -m bench.spender PROCESSES URL CALLS MOST [ADMISSION]

Every call holds 1,000 and uses 700, under three limits: one that all processes share, of MOST, one of its own user, and
one of calls under way. For each call that is settled a line is printed: how long both took, in microseconds. With
ADMISSION, the URL of a Valkey server, that decides.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
import time
from importlib import import_module
from typing import TYPE_CHECKING, Final
from uuid import uuid4

from otel_llm.budget.ledger import Counter, Denied, Limit, Reservation, Unit, Usage
from otel_llm.errors import Retryable
from otel_llm.store.store import open_store

if TYPE_CHECKING:
    from otel_llm.budget.ledger import Verdict
    from otel_llm.store.store import Store

__all__ = ["HELD", "SHARED", "USED"]

HELD: Final = 1_000
USED: Final = 700
SHARED: Final = Counter("models/m/daily_usd", "", "2026-11-21@UTC")
_SLOTS: Final = Counter("models/m/max_concurrency", "", "total")
_PLENTY: Final = 10**15
_TTL_MS: Final = 3_600_000


async def spend(url: str, name: str, calls: int, most: int, admission: str = "") -> None:
    """Spend."""
    store = open_store(url)
    if admission:
        store = store.admitting(admission, timeout_s=20, grace_s=0.2)
    await store.start()
    user = Counter("routes/r/per_user_daily_usd", f"u:{name}", "2026-11-21@UTC")
    limits = (
        Limit(SHARED, Unit.USD, HELD, most, SHARED.period),
        Limit(user, Unit.USD, HELD, _PLENTY, user.period),
        Limit(_SLOTS, Unit.CONCURRENCY, 1, _PLENTY, _SLOTS.period),
    )
    for number in range(calls):
        now_ms = time.time_ns() // 10**6
        began = time.perf_counter()
        verdict = await decided(store, Reservation(f"{name}-{number}", now_ms, now_ms + _TTL_MS, limits))
        reserved = time.perf_counter()
        if isinstance(verdict, Denied):
            break
        await store.ledger.settle(f"{name}-{number}", Usage(USED), now_ms)
        settled = time.perf_counter()
        line = json.dumps([round((reserved - began) * 1e6), round((settled - reserved) * 1e6)])
        os.write(1, f"{line}\n".encode())  # at once, as a whole
    await store.shutdown()


async def decided(store: Store, reservation: Reservation) -> Verdict:
    """Ask until there is an answer: what decides may be away for a while."""
    while True:
        try:
            return await store.ledger.reserve(reservation)
        except Retryable:
            await asyncio.sleep(0.05)


def main() -> None:
    """Spend in one process, or in several that need not all load the same modules."""
    processes, url, calls, most, *admission = sys.argv[1:]
    if admission:
        import_module("otel_llm.budget.admission")
    children: list[int] = []
    for _ in range(int(processes) - 1):
        child = os.fork()
        if child == 0:
            children.clear()
            break
        children.append(child)
    asyncio.run(spend(url, uuid4().hex, int(calls), int(most), *admission))
    for child in children:
        os.waitpid(child, 0)


if __name__ == "__main__":
    main()
