"""Forgetting somebody: the calls of a user or a conversation, and the name under which they were counted."""

from __future__ import annotations

from secrets import token_hex
from typing import TYPE_CHECKING, Final, Literal

import orjson

if TYPE_CHECKING:
    from otel_llm.store.store import Query, Store

__all__ = ["erase"]

_COLUMNS: Final = {"user": "user_key", "conversation": "conversation_key"}
_PREFIXES: Final = {"user": "u", "conversation": "c"}


async def erase(store: Store, kind: Literal["user", "conversation"], key: str, now_ms: int) -> int:
    """Delete the calls of a user or conversation; return how many there were.

    What was spent stays spent: counters, holds and the ledger go on under a name that means nothing. That it was done
    is written down, without the key.

    Raises:
        Retryable: the store cannot be reached.
    """
    subject, nobody = f"{_PREFIXES[kind]}:{key}", f"{_PREFIXES[kind]}:erased-{token_hex(8)}"
    quoted, instead = orjson.dumps(subject).decode(), orjson.dumps(nobody).decode()

    def work(query: Query) -> int:
        deleted = len(query(f"DELETE FROM llm_traces WHERE {_COLUMNS[kind]} = ? RETURNING 1", (key,)))  # noqa: S608 - a name of ours
        query("UPDATE counters SET subject = ? WHERE subject = ?", (nobody, subject))
        query("UPDATE budget_events SET subject = ? WHERE subject = ?", (nobody, subject))
        for table in ("sightings", "holds"):
            query(f"UPDATE {table} SET lines = replace(lines, ?, ?)", (quoted, instead))  # noqa: S608 - as above
        detail = orjson.dumps({"kind": kind, "calls": deleted}).decode()
        query(
            "INSERT INTO budget_events (budget, subject, period, event, at_ms, detail) VALUES (?, ?, ?, ?, ?, ?)",
            ("", nobody, "", "erased", now_ms, detail),
        )
        return deleted

    return await store.database.run(lambda connection: work(store.query(connection)), durable=True)
