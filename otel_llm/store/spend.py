"""What was spent, by what: from the rows of calls."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from otel_llm.store.store import Store

__all__ = ["GROUPS", "Spend", "spend_by"]

GROUPS: Final[Mapping[str, str]] = {
    "model": "coalesce(request_model, response_model)",
    "provider": "provider",
    "operation": "operation",
    "route": "route",
    "tenant": "tenant",
    "environment": "environment",
    "user": "user_key",
    "conversation": "conversation_key",
    "prompt": "prompt",
    "app_version": "app_version",
    "eval": "eval_id",
}
"""What can be grouped by, and the column for it."""


class Spend(NamedTuple):
    """What one group has spent."""

    group: tuple[str | None, ...]
    calls: int
    input_tokens: int
    output_tokens: int
    cost_pico: int | None
    """None: no call of it has a price."""


async def spend_by(store: Store, by: Sequence[str], since_ms: int) -> list[Spend]:
    """Return what each group has spent on calls that began since then, the most expensive first.

    Raises:
        Retryable: the store cannot be reached.
    """
    columns = ", ".join(GROUPS[each] for each in by)
    # In halves: SQLite's sum of integers fails where it overflows.
    rows = await store.ask(
        f"SELECT {columns}, count(*), sum(input_tokens), sum(output_tokens), "  # noqa: S608 - names of ours
        "sum(cost_pico >> 32), sum(cost_pico & 4294967295) "
        "FROM llm_traces WHERE start_ms >= ? AND fate = 'charged' "
        "AND cost_status IN ('priced', 'reported', 'unpriced', 'invalid_usage') "
        f"GROUP BY {columns}",
        (since_ms,),
    )
    found = [
        Spend(
            tuple(row[: len(by)]),
            int(row[-5]),
            int(row[-4] or 0),
            int(row[-3] or 0),
            None if row[-2] is None else (int(row[-2]) << 32) + int(row[-1]),
        )
        for row in rows
    ]
    return sorted(found, key=lambda each: (-(each.cost_pico or 0), -each.calls, *map(str, each.group)))
