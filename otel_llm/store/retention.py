"""Removes what is not kept any longer, in steps so small that nobody waits for one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from otel_llm.store.store import Query, Store

__all__ = ["Retention"]

_STEP: Final = 500
_DAY_MS: Final = 86_400_000

_KEYS: Final = {
    "llm_traces": ("trace_id, span_id, start_ms", "start_ms < ?"),
    "sightings": ("identity", "at_ms < ?"),
    "holds": ("id", "expires_at_ms < ? AND state <> 'held'"),
    "members": ("budget, span, subject", "at_ms < ?"),
    "budget_events": ("budget, subject, period, event", "at_ms < ?"),
}
"""Of each table its key, and which rows are old."""


class Retention:
    """What is kept, and for how long."""

    def __init__(self, store: Store, keep_s: Mapping[str, float], clock: Callable[[], float]) -> None:
        """Take a store, and for each table for how many seconds its rows are kept."""
        self._store = store
        self._keep_s = keep_s
        self._clock = clock

    async def run(self) -> int:
        """Remove all that is old; return how many rows that were. PostgreSQL drops whole days of calls at once.

        Raises:
            Retryable: the store cannot be reached.
        """
        now_ms = round(self._clock() * 1000)
        await self._store.keep_days(now_ms, now_ms - round(self._keep_s["llm_traces"] * 1000))
        return sum([await self._clear(table, now_ms - round(keep * 1000)) for table, keep in self._keep_s.items()])

    async def _clear(self, table: str, before_ms: int) -> int:
        key, is_old = _KEYS[table]
        old = f"SELECT {key} FROM {table} WHERE {is_old} LIMIT {_STEP}"  # noqa: S608 - names of ours
        sql = f"DELETE FROM {table} WHERE ({key}) IN ({old}) RETURNING 1"  # noqa: S608 - as above
        removed = 0
        while True:
            step = len(await self._store.change(sql, (before_ms,)))
            removed += step
            if step < _STEP:
                return removed


def keep_days(query: Query, now_ms: int, oldest_ms: int) -> None:
    """Make the partitions of `llm_traces` for today and the days to come; drop those of days before *oldest_ms*."""
    day = now_ms // _DAY_MS
    found: list[tuple[Any, ...]] = query(
        "SELECT inhrelid::regclass::text FROM pg_inherits WHERE inhparent = 'llm_traces'::regclass", ()
    )
    present = {name for (name,) in found}
    for each in range(day, day + 3):
        start, end = each * _DAY_MS, (each + 1) * _DAY_MS
        taken = query("SELECT 1 FROM llm_traces_other WHERE start_ms >= ? AND start_ms < ? LIMIT 1", (start, end))
        if _partition(each) not in present and not taken:
            query(
                f"CREATE TABLE IF NOT EXISTS {_partition(each)} PARTITION OF llm_traces "
                f"FOR VALUES FROM ({start}) TO ({end})",
                (),
            )
    oldest = _partition(oldest_ms // _DAY_MS)
    for name in sorted(present):
        if name.startswith(_PREFIX) and len(name) == len(oldest) and name < oldest:
            query(f"DROP TABLE {name}", ())


_PREFIX: Final = "llm_traces_day_"


def _partition(day: int) -> str:
    return f"{_PREFIX}{day:06d}"
