"""The budget service over HTTP, as any client sees it."""

from __future__ import annotations

import asyncio
import time
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import quote

import aiohttp
import apsw
import pytest

from otel_llm import semconv
from otel_llm.digest import Digests
from otel_llm.testing import make_request
from tests.budget.rig import endpoint, gateway, send

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from otel_llm.host import Host

DAY: Final = "models/gpt-4o/daily_usd"
CALL: Final[dict[str, Any]] = {"provider": "openai", "model": "gpt-4o", "input_tokens": 1000, "max_output_tokens": 100}
"""Of 0.0035 USD."""


class Client:
    """A client of the service."""

    def __init__(self, host: Host, session: aiohttp.ClientSession) -> None:
        self.host = host
        self._base = endpoint(host, "extensions.budgets.http")
        self._session = session

    async def post(self, path: str, body: Any, **options: Any) -> tuple[int, dict[str, Any]]:
        """Post JSON, or bytes as they are."""
        content = {"data": body} if isinstance(body, bytes) else {"json": body}
        async with self._session.post(f"{self._base}{path}", **content, **options) as answer:
            return answer.status, await answer.json()

    async def reserve(self, id_: str, **changes: Any) -> tuple[int, dict[str, Any]]:
        """Reserve a call."""
        return await self.post("/v1/budget/reserve", {**CALL, "reservation_id": id_, **changes})

    async def settle(self, id_: str, **usage: Any) -> tuple[int, dict[str, Any]]:
        """Settle a call."""
        return await self.post("/v1/budget/settle", {"reservation_id": id_, **usage})

    async def listed(self, **options: Any) -> dict[str, dict[str, Any]]:
        """Return all budgets by their ids."""
        async with self._session.get(f"{self._base}/v1/budgets", **options) as answer:
            return {each["id"]: each for each in (await answer.json())["budgets"]}


@asynccontextmanager
async def client(directory: Path, budgets: str, **gateway_options: Any) -> AsyncIterator[Client]:
    """Run a gateway and a client of it."""
    async with gateway(directory, budgets, **gateway_options) as host, aiohttp.ClientSession() as session:
        yield Client(host, session)


async def test_reserve_settle_and_what_is_shown(tmp_path: Path) -> None:
    """A hold is shown beside what is spent, and gives way to what the call has cost."""
    async with client(tmp_path, "models: {gpt-4o: {daily_usd: 0.01}}") as budgets:
        status, granted = await budgets.reserve("r1")
        held = (await budgets.listed())[DAY]
        settled = await budgets.settle("r1", input_tokens=1000, output_tokens=10)
        again = await budgets.settle("r1", cost_usd="5")
        spent = (await budgets.listed())[DAY]

    assert (200, "allow", "r1", "0.0035", 100) == (
        status, granted["decision"], granted["reservation_id"], granted["held_usd"], granted["allowed_max_tokens"],
    )  # fmt: skip
    assert ("0.01", "0", "0.0035") == (held["limit_usd"], held["settled_usd"], held["held_usd"])
    assert (200, {"state": "settled", "reservation_id": "r1", "charged_usd": "0.0026"}) == settled == again
    assert ("0.0026", "0") == (spent["settled_usd"], spent["held_usd"])


async def test_over_the_limit_is_429(tmp_path: Path) -> None:
    """The call after the cap is refused, with what a client needs to know."""
    async with client(tmp_path, "models: {gpt-4o: {daily_usd: 0.01}}") as budgets:
        statuses = [(await budgets.reserve(f"r{each}"))[0] for each in range(2)]
        status, refused = await budgets.reserve("r3")

    assert [200, 200] == statuses
    assert 429 == status
    assert ("budget_exceeded", DAY, DAY) == (refused["error"], refused["budget"], refused["limit_source"])
    assert refused["resets_at"].endswith("T00:00:00Z")
    assert 0 < refused["retry_after_s"] <= 86_400
    assert refused["fallback_model"] is None
    assert 50 == refused["allowed_max_tokens"]
    assert ("0.01", "0", "0.007") == (refused["limit_usd"], refused["settled_usd"], refused["held_usd"])


async def test_what_fits_was_said(tmp_path: Path) -> None:
    """A call with as many tokens as the refusal allowed is let in."""
    async with client(tmp_path, "models: {gpt-4o: {daily_usd: 0.01}}") as budgets:
        await budgets.reserve("r1")
        await budgets.reserve("r2")
        _, refused = await budgets.reserve("r3")
        status, _ = await budgets.reserve("r4", max_output_tokens=refused["allowed_max_tokens"])
        more, _ = await budgets.reserve("r5", max_output_tokens=1, input_tokens=1)

    assert [200, 429] == [status, more]


@pytest.mark.parametrize(
    ("option", "status", "says"),
    [
        ("on_exceed: deny", 429, {"error": "budget_exceeded"}),
        ("on_exceed: throttle", 429, {"error": "throttled"}),
        ("on_exceed: warn", 200, {"decision": "allow", "state": "warn", "exceeded": [DAY]}),
        (
            "on_exceed: fallback, fallback_model: gpt-4o-mini",
            200,
            {"decision": "fallback", "model": "gpt-4o-mini", "held_usd": "0"},
        ),
    ],
)
async def test_what_becomes_of_a_call_that_does_not_fit(
    tmp_path: Path, option: str, status: int, says: dict[str, Any]
) -> None:
    """As its budget says; asked again, the same."""
    async with client(tmp_path, f"models: {{gpt-4o: {{daily_usd: 0.001, {option}}}}}") as budgets:
        answers = [await budgets.reserve("r") for _ in range(2)]

    assert [status, status] == [each for each, _ in answers]
    assert says == {key: answers[0][1][key] for key in says}
    assert answers[0][1].get("decision") == answers[1][1].get("decision")


async def test_the_fallback_has_a_budget_too(tmp_path: Path) -> None:
    """Where it does not fit there either, the call is refused, by the first budget."""
    text = "models: {gpt-4o: {rpm: 0, on_exceed: fallback, fallback_model: gpt-4o-mini}, gpt-4o-mini: {rpm: 1}}"
    async with client(tmp_path, text) as budgets:
        answers = [await budgets.reserve(f"r{each}") for each in range(2)]

    assert ["fallback", "models/gpt-4o/rpm"] == [answers[0][1]["decision"], answers[1][1]["budget"]]


async def test_rates_ask_to_come_back_soon(tmp_path: Path) -> None:
    """A rolling minute frees a part of itself every few seconds, and a slot is soon free."""
    async with client(tmp_path, "models: {gpt-4o: {rpm: 1}}\nroutes: {bot: {max_concurrency: 0}}") as budgets:
        await budgets.reserve("r1")
        _, rate = await budgets.reserve("r2")
        _, slots = await budgets.reserve("r3", model="other", dimensions={"route": "bot"})

    assert [3, 1] == [rate["retry_after_s"], slots["retry_after_s"]]


async def test_a_model_without_a_price(tmp_path: Path) -> None:
    """Under a dollar budget it is refused, unless that says otherwise."""
    denied = "models: {'*': {daily_usd: 1}}"
    allowed = "models: {'*': {daily_usd: 1, unpriced: allow}}"
    answers = []
    for text in (denied, allowed):
        async with client(tmp_path, text) as budgets:
            answers.append(await budgets.reserve("r", model="made-up"))

    assert [429, 200] == [status for status, _ in answers]
    assert "the model has no price" == answers[0][1]["reason"]


async def test_a_hold_may_be_capped(tmp_path: Path) -> None:
    """A call holds no more than the cap, whatever it may cost; so more calls fit than might be paid for."""
    async with client(tmp_path, "models: {gpt-4o: {daily_usd: 0.01, hold_cap_usd: 0.002}}") as budgets:
        statuses = [(await budgets.reserve(f"r{each}"))[0] for each in range(6)]

    assert [200] * 5 + [429] == statuses


async def test_asking_holds_nothing(tmp_path: Path) -> None:
    """A check says what a reservation would be told."""
    async with client(tmp_path, "models: {gpt-4o: {daily_usd: 0.004}}") as budgets:
        asked = [(await budgets.post("/v1/budget/check", CALL))[0] for _ in range(3)]
        await budgets.reserve("r")
        after, _ = await budgets.post("/v1/budget/check", CALL)
        listed = (await budgets.listed())[DAY]

    assert ([200] * 3, 429) == (asked, after)
    assert "0.0035" == listed["held_usd"]


async def test_a_released_call_costs_nothing(tmp_path: Path) -> None:
    """What it held is free at once."""
    async with client(tmp_path, "models: {gpt-4o: {daily_usd: 0.004}}") as budgets:
        await budgets.reserve("r1")
        released = await budgets.post("/v1/budget/release", {"reservation_id": "r1"})
        status, _ = await budgets.reserve("r2")

    assert (200, {"state": "released", "reservation_id": "r1"}) == released
    assert 200 == status


async def test_the_span_settles_its_hold(tmp_path: Path) -> None:
    """The same user by name at reserving and by digest on the span; what the span says is charged, once."""
    user = Digests(b"a key of the tests").of("user", "Ada")
    span: dict[str, Any] = {
        "gen_ai.operation.name": "chat",
        "gen_ai.provider.name": "openai",
        "gen_ai.request.model": "gpt-4o",
        "gen_ai.usage.input_tokens": 1000,
        "gen_ai.usage.output_tokens": 40,
        semconv.ROUTE: "bot",
        semconv.USER_KEY: user,
        semconv.RESERVATION_ID: "r1",
    }
    async with client(tmp_path, "routes: {bot: {per_user_daily_usd: 0.3}}") as budgets:
        _, granted = await budgets.reserve("r1", dimensions={"route": "bot", "user": "Ada"})
        await budgets.settle("r1", cost_usd=0)
        await send(budgets.host, make_request(span, start_time_unix_nano=time.time_ns()))
        late = await budgets.settle("r1", cost_usd=1)
        listed = await budgets.listed()

    assert [f"routes/bot/per_user_daily_usd/u:{user}"] == granted["budgets"] == list(listed)
    assert (200, "charged", "0.0029") == (late[0], late[1]["state"], late[1]["charged_usd"])
    assert "0.0029" == listed[f"routes/bot/per_user_daily_usd/u:{user}"]["settled_usd"]


async def test_an_adjustment_makes_room(tmp_path: Path) -> None:
    """A top-up of a budget, by name, with a reason; negative it takes room away."""
    path = f"/v1/budgets/{quote(DAY, safe='')}/adjust"
    async with client(tmp_path, "models: {gpt-4o: {daily_usd: 0.004, tpm: 9}}") as budgets:
        before, _ = await budgets.reserve("r0", max_output_tokens=1000)
        _, row = await budgets.post(f"/v1/budgets/{DAY}/adjust", {"amount_usd": "1.5", "reason": "top-up"})
        _, after = await budgets.post(path, {"amount_usd": -0.5, "reason": "refund taken back"})
        unknown, _ = await budgets.post("/v1/budgets/models/x/daily_usd/adjust", {"amount_usd": 1, "reason": "-"})
        tokens, _ = await budgets.post("/v1/budgets/models/gpt-4o/tpm/adjust", {"amount_usd": 1, "reason": "-"})

    assert [429, 404, 400] == [before, unknown, tokens]
    assert ["-1.5", "-1"] == [row["settled_usd"], after["settled_usd"]]


@pytest.mark.parametrize(
    "wrong",
    [
        b"", b"[]", b"{", b"\xff", b'{"model": "m", "input_tokens": NaN}',
        {}, {"model": ""}, {"model": 7}, {"model": "m" * 300}, {"model": "m\0"}, {"model": "m\n"},
        {"model": "m", "input_tokens": -1}, {"model": "m", "input_tokens": 1.5}, {"model": "m", "input_tokens": True},
        {"model": "m", "input_tokens": 10**30}, {"model": "m", "max_output_tokens": "many"},
        {"model": "m", "sekrit": 1}, {"model": "m", "dimensions": {"user": [1]}}, {"model": "m", "reservation_id": ""},
    ],
    ids=str,
)  # fmt: skip
async def test_requests_that_are_none(tmp_path: Path, wrong: Any) -> None:
    """They are refused with what is wrong, and nothing of what was sent."""
    async with client(tmp_path, "models: {m: {rpm: 9}}") as budgets:
        status, refused = await budgets.post("/v1/budget/reserve", wrong)
        listed = await budgets.listed()

    assert (400, "invalid_request") == (status, refused["error"])
    assert "sekrit" not in refused["message"]
    assert 0 == listed["models/m/rpm"]["held"]


@pytest.mark.parametrize("cost", ["-1", "NaN", "inf", "1e30", True, None, "one"])
async def test_amounts_that_are_none(tmp_path: Path, cost: Any) -> None:
    """Nothing is settled by them; without any, it is what was used."""
    async with client(tmp_path, "models: {gpt-4o: {daily_usd: 1}}") as budgets:
        await budgets.reserve("r")
        status, _ = await budgets.settle("r", cost_usd=cost)
        listed = (await budgets.listed())[DAY]

    assert (200 if cost is None else 400) == status
    assert "0" == listed["settled_usd"]


async def test_what_nobody_reserved(tmp_path: Path) -> None:
    """It cannot be settled or released, and paths that are not served are not found."""
    async with client(tmp_path, "models: {m: {rpm: 9}}") as budgets:
        statuses = [
            (await budgets.settle("r"))[0],
            (await budgets.post("/v1/budget/release", {"reservation_id": "r"}))[0],
            (await budgets.post("/v1/other", {}))[0],
        ]

    assert [404, 404, 404] == statuses


async def test_many_at_once(tmp_path: Path) -> None:
    """Of fifty calls at once ten fit; the others are told so."""
    async with client(tmp_path, "models: {gpt-4o: {daily_usd: 0.035}}") as budgets:
        answers = await asyncio.gather(*(budgets.reserve(f"r{each}") for each in range(50)))

    assert (10, 40) == tuple(sum(status == wanted for status, _ in answers) for wanted in (200, 429))


@pytest.mark.parametrize(
    ("policy", "statuses"), [("open", [200] * 4), ("closed", [503] * 4), ("share", [200, 200, 429, 429])]
)
async def test_the_store_is_away(tmp_path: Path, policy: str, statuses: list[int]) -> None:
    """Each budget says what then becomes of its calls; a tenth of the limit is a gateway's share."""
    text = f"models: {{gpt-4o: {{daily_usd: 0.09, on_store_error: {policy}}}}}"
    async with client(tmp_path, text) as budgets:
        other = apsw.Connection(str(tmp_path / "store.db"))
        other.execute("BEGIN EXCLUSIVE")
        answers = await asyncio.gather(*(budgets.reserve(f"r{each}") for each in range(4)))
        other.execute("ROLLBACK")
        other.close()
        away = budgets.host.meter.value("budget_store_away_total", policy=policy)

    assert statuses == sorted(status for status, _ in answers)
    assert 4 == away


AUTH: Final = """http:
      endpoint: "127.0.0.1:0"
      auth: {tokens: [{name: acme, token: of-acme, tenant: acme}, {name: ops, token: of-ops}]}"""


async def test_a_token_stands_for_its_tenant(tmp_path: Path) -> None:
    """Whoever shows it reserves for that tenant, sees its budgets, and adjusts none; others get no answer."""
    text = "tenants: {acme: {rpm: 1}, other: {rpm: 9}}\nmodels: {m: {per_tenant_rpm: 9, tpm: 900}}"
    acme, ops = ({"headers": {"Authorization": f"Bearer of-{name}"}} for name in ("acme", "ops"))
    change = ('http: {endpoint: "127.0.0.1:0"}\n    grpc', f"{AUTH}\n    grpc")
    body = {"model": "m", "input_tokens": 1, "max_output_tokens": 1, "dimensions": {"tenant": "other"}}
    async with client(tmp_path, text, change=change) as budgets:
        nobody, _ = await budgets.post("/v1/budget/reserve", body)
        first, granted = await budgets.post("/v1/budget/reserve", body, **acme)
        second, _ = await budgets.post("/v1/budget/reserve", body, **acme)
        seen = await budgets.listed(**acme)
        all_of_them = await budgets.listed(**ops)
        adjusted, _ = await budgets.post(
            "/v1/budgets/tenants/acme/rpm/adjust", {"amount_usd": 1, "reason": "-"}, **acme
        )

    assert [401, 200, 429, 403] == [nobody, first, second, adjusted]
    assert ["models/m/per_tenant_rpm/t:acme", "models/m/tpm", "tenants/acme/rpm"] == sorted(granted["budgets"])
    assert ["models/m/per_tenant_rpm/t:acme", "tenants/acme/rpm"] == sorted(seen)
    assert 4 == len(all_of_them)
