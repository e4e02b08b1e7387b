"""Deciding alone, from a share of each limit."""

from __future__ import annotations

from otel_llm.budget.fallback import Fallback
from otel_llm.budget.file import read_budgets
from otel_llm.budget.messages import ReserveRequest, SettleRequest
from otel_llm.budget.quote import Quoter
from otel_llm.dimensions import Dimensions

NOW = 1_790_000_000_000
DAY_MS = 86_400_000


async def decide(fallback: Fallback, id_: str, now_ms: int = NOW) -> int:
    """Return the status of a decision on a call of 1 USD, under a share of 2 USD."""
    book = read_budgets("b", b"models: {m: {daily_usd: 20, on_store_error: share}}")
    request = ReserveRequest(reservation_id=id_, model="m", input_tokens=1)
    quoter = Quoter(lambda *_: 10**12)
    quote = quoter.quote(book, request, "m", Dimensions(), now_ms)
    _, reply = await fallback.decide(quote, request)
    return reply.status


async def test_what_is_settled_counts_and_what_is_released_does_not() -> None:
    """A call counts as what it held, unless told; a share is used up, and new on the next day."""
    fallback = Fallback()
    assert [200, 200, 429] == [await decide(fallback, each) for each in "abc"]
    await fallback.release("a", NOW)
    assert [200, 429] == [await decide(fallback, each) for each in "de"]
    settled = await fallback.settle(SettleRequest(reservation_id="d"), NOW)

    assert settled is not None
    assert "1" == settled.body["charged_usd"]
    assert 429 == await decide(fallback, "f")
    assert 200 == await decide(fallback, "g", NOW + DAY_MS)
    assert await fallback.settle(SettleRequest(reservation_id="d"), NOW) is None


async def test_memory_is_bounded() -> None:
    """A gateway that is alone for long refuses what it has no room to remember."""
    fallback = Fallback(most=1)

    assert [200, 503] == [await decide(fallback, each) for each in "ab"]
