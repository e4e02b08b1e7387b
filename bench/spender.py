"""A process that reserves and settles as fast as it can, until it is refused or has done enough.

usage: python -m bench.spender URL NAME CALLS MOST

Every call holds 1,000 and uses 700, under three limits: one that all processes share, of MOST, one of its own user, and
one of calls under way. For each call that it has settled it prints a line: how long both took, in microseconds.
"""

from __future__ import annotations

import asyncio
import json
import sys
import time
from typing import Final

from otel_llm.budget.ledger import Counter, Denied, Limit, Reservation, Unit, Usage
from otel_llm.store.store import open_store

__all__ = ["HELD", "SHARED", "USED"]

HELD: Final = 1_000
USED: Final = 700
SHARED: Final = Counter("models/m/daily_usd", "", "2026-11-21@UTC")
_SLOTS: Final = Counter("models/m/max_concurrency", "", "total")
_PLENTY: Final = 10**15
_TTL_MS: Final = 3_600_000


async def spend(url: str, name: str, calls: int, most: int) -> None:
    """Spend."""
    store = open_store(url)
    await store.database.start()
    user = Counter("routes/r/per_user_daily_usd", f"u:{name}", "2026-11-21@UTC")
    limits = (
        Limit(SHARED, Unit.USD, HELD, most, SHARED.period),
        Limit(user, Unit.USD, HELD, _PLENTY, user.period),
        Limit(_SLOTS, Unit.CONCURRENCY, 1, _PLENTY, _SLOTS.period),
    )
    for number in range(calls):
        now_ms = time.time_ns() // 10**6
        began = time.perf_counter()
        verdict = await store.ledger.reserve(Reservation(f"{name}-{number}", now_ms, now_ms + _TTL_MS, limits))
        reserved = time.perf_counter()
        if isinstance(verdict, Denied):
            break
        await store.ledger.settle(f"{name}-{number}", Usage(USED), now_ms)
        settled = time.perf_counter()
        line = json.dumps([round((reserved - began) * 1e6), round((settled - reserved) * 1e6)])
        sys.stdout.write(f"{line}\n")
        sys.stdout.flush()
    await store.database.shutdown()


if __name__ == "__main__":
    asyncio.run(spend(sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4])))
