"""A user is the same whether a budget is asked before a call, or its span comes with nothing but `user.id`."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import aiohttp
import pytest

from otel_llm import semconv
from otel_llm.budget.ledger import Balance
from otel_llm.digest import Digests
from otel_llm.testing import make_request
from tests import model_call
from tests.budget.rig import endpoint, gateway, send
from tests.budget.test_gateway import attributes, spent

if TYPE_CHECKING:
    from pathlib import Path

BUDGETS = "routes: {bot: {per_user_daily_usd: 0.004, per_conv_cap_usd: 1}}\n"
CALL: dict[str, Any] = {**model_call.CALL, "otel_llm.route": "bot", "user.id": "ada", "session.id": "c1"}
COST = model_call.COST_PICO_USD


@pytest.mark.parametrize("raw", [False, True])
async def test_budgets_of_users_by_user_id(tmp_path: Path, *, raw: bool) -> None:
    """What a user's spans have cost is what is left of the budget when the next call is asked for; others have all."""
    key = Digests(b"a key of the tests", raw_users=raw)
    change = ("digest: {", "digest: {user: raw, ") if raw else ("", "")
    ada, conversation = key.of("user", "ada"), key.of("conversation", "c1")
    question = {"model": "gpt-4o", "input_tokens": 1000, "max_output_tokens": 100}
    async with gateway(tmp_path, BUDGETS, change=change) as host:
        await send(host, make_request(CALL, start_time_unix_nano=time.time_ns()))
    async with gateway(tmp_path, BUDGETS, change=change) as host, aiohttp.ClientSession() as session:
        status = {}
        for user in ("ada", "bob"):
            whose = {"route": "bot", "user": user, "conversation": "c1"}
            url = f"{endpoint(host, 'extensions.budgets.http')}/v1/budget/reserve"
            async with session.post(url, json={**question, "dimensions": whose}) as answer:
                status[user] = answer.status

    assert {"ada": 429, "bob": 200} == status
    assert {
        f"routes/bot/per_user_daily_usd u:{ada}": Balance(COST),
        f"routes/bot/per_conv_cap_usd c:{conversation}": Balance(COST),
    } == {name: Balance(each.settled) for name, each in (await spent(f"sqlite:///{tmp_path}/store.db")).items()}
    assert [ada] == [each[semconv.USER_KEY] for each in attributes(tmp_path)]
