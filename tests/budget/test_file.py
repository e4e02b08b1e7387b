"""Budgets files: what they mean, and what is said of mistakes."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from otel_llm.budget.file import read_budgets
from otel_llm.budget.ledger import Unit
from otel_llm.budget.money import PICO, pico_of, usd_text
from otel_llm.budget.windows import TOTAL, Calendar, Rolling
from otel_llm.dimensions import Dimensions
from otel_llm.errors import ConfigError

FIRST = """
models:
  gpt-4o: {daily_usd: 75, tpm: 120000, rpm: 3000}
routes:
  support_bot: {per_user_daily_usd: 0.30, per_conv_cap_usd: 0.06, max_concurrency: 200}
alerts:
  slack_channel: "#llm-spend"
  notify_over: "80%"
"""
SECOND = """
tenants:
  acme: {monthly_usd: 9000}
environments:
  eval: {daily_usd: 20}
  prod: {weekly_usd: 4000, on_exceed: warn}
alerts:
  slack_webhook_url: "${env:SLACK_WEBHOOK_URL:-}"
defaults: {timezone: Europe/Berlin, on_exceed: deny, fallback_model: gpt-4o-mini, on_store_error: open, hold_ttl_s: 120}
"""


def test_the_form_that_articles_use() -> None:
    """It works as it stands."""
    book = read_budgets("budgets.yml", FIRST.encode())

    assert {
        "models/gpt-4o/daily_usd": (Unit.USD, Calendar("daily", "UTC"), 75 * PICO, None),
        "models/gpt-4o/tpm": (Unit.TOKENS, Rolling(60_000), 120_000, None),
        "models/gpt-4o/rpm": (Unit.REQUESTS, Rolling(60_000), 3_000, None),
        "routes/support_bot/per_user_daily_usd": (Unit.USD, Calendar("daily", "UTC"), 3 * PICO // 10, "user"),
        "routes/support_bot/per_conv_cap_usd": (Unit.USD, TOTAL, 6 * PICO // 100, "conversation"),
        "routes/support_bot/max_concurrency": (Unit.CONCURRENCY, TOTAL, 200, None),
    } == {each.id: (each.unit, each.window, each.limit, each.per) for each in book.budgets}
    assert {(80, 100)} == {each.thresholds for each in book.budgets}
    assert "#llm-spend" == book.alerts.slack_channel


def test_what_it_grows_to() -> None:
    """Defaults hold where an entry does not say otherwise."""
    book = read_budgets("budgets.yml", SECOND.encode(), environ={})
    acme, _, prod = book.budgets

    assert ("deny", "gpt-4o-mini", 120_000) == (acme.on_exceed, acme.fallback_model, acme.hold_ttl_ms)
    assert Calendar("monthly", "Europe/Berlin") == acme.window
    assert "warn" == prod.on_exceed


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("models: {m: {daily_usd: -1}}", "b:1: models.m.daily_usd: must not be less than 0"),
        ("models: {m: {daily_usd: .nan}}", "b:1: models.m.daily_usd: must be a number"),
        ("models: {m: {daily_usd: .inf}}", "b:1: models.m.daily_usd: must be a number"),
        ("models: {m: {daily_usd: 1e30}}", "b:1: models.m.daily_usd: must be at most 9,000,000"),
        ("models: {m: {daily_usd: true}}", "b:1: models.m.daily_usd: must be a number"),
        ("models: {m: {rpm: 0.5}}", "b:1: models.m.rpm: must be a whole number"),
        ("models: {m: {dayly_usd: 1}}", "did you mean daily_usd?"),
        ("models:\n  m:\n    timezone: Mars/Base\n", "b:3: models.m.timezone: must be a time zone's IANA name"),
        ("models: {m: }", "b:1: models.m: expected limits"),
        ("models: [m]", "b:1: models: expected mapping"),
        ("routs: {m: {rpm: 1}}", "b:1: routs: unknown key (did you mean routes?)"),
        ("defaults: {on_exceed: explode}", "b:1: defaults.on_exceed: expected deny, fallback, warn, throttle or null"),
        ("routes: {r: {rpm: 1, on_exceed: fallback}}", "b:1: routes.r.on_exceed: fallback needs a fallback_model"),
        ("alerts: {notify_over: 0%}", "b:1: alerts.notify_over: must be per cents"),
        ("a: &x {}\n", "anchors and aliases"),
    ],
)
def test_mistakes_are_named_with_their_place(text: str, problem: str) -> None:
    """File, line, path, and what is wrong."""
    with pytest.raises(ConfigError) as caught:
        read_budgets("b", text.encode())

    assert problem in str(caught.value)


def charged(text: str, model: str, **dimensions: str) -> list[str]:
    """Return what a call is charged to."""
    return [each.id for each in read_budgets("b", text.encode()).charges(model, Dimensions(**dimensions))]


@pytest.mark.parametrize("model", ["gpt-4o", "gpt-4o-2024-08-06", "openai/gpt-4o", "azure/eu/gpt-4o-2024-08-06"])
def test_a_model_by_its_versions(model: str) -> None:
    """A budget of a model counts its dated versions, by whichever provider."""
    assert ["models/gpt-4o/rpm"] == charged("models: {gpt-4o: {rpm: 1}, gpt-4o-mini: {rpm: 1}}", model)


def test_an_exact_name_comes_first() -> None:
    """A version that has a budget of its own counts there."""
    text = "models: {gpt-4o: {rpm: 1}, gpt-4o-2024-08-06: {rpm: 1}, '*': {rpm: 1}}"

    assert ["models/gpt-4o-2024-08-06/rpm", "models/*/rpm"] == charged(text, "gpt-4o-2024-08-06")


def test_whose_call_it_is() -> None:
    """Each user, conversation or tenant has a counter of its own; calls of nobody share one."""
    text = "routes: {r: {per_user_rpm: 1, per_conv_cap_usd: 1, per_tenant_tpm: 1}}"

    assert [
        "routes/r/per_user_rpm/u:k:1", "routes/r/per_conv_cap_usd/c:k:2", "routes/r/per_tenant_tpm/t:acme",
    ] == charged(text, "m", route="r", user_key="k:1", conversation_key="k:2", tenant="acme")  # fmt: skip
    assert ["routes/r/per_user_rpm/u:-"] == charged("routes: {r: {per_user_rpm: 1}}", "m", route="r")
    assert [] == charged(text, "m", route="other")


def test_environments_of_an_entry() -> None:
    """An entry that names environments counts their calls only, separate ones too."""
    text = "models: {m: {rpm: 1, environments: [eval, dev]}}"

    assert [] == charged(text, "m")
    assert ["models/m/rpm"] == charged(text, "m", environment="eval")


@given(st.integers(0, 9 * 10**18))
def test_money_is_exact(pico: int) -> None:
    """Any amount, written as a decimal number, is read as the same."""
    assert pico == pico_of(usd_text(pico))


@pytest.mark.parametrize("text", ["NaN", "-inf", "1e400", "", "0x1", "9000001"])
def test_what_is_no_money(text: str) -> None:
    """Neither what is no number nor what no counter holds."""
    with pytest.raises(ValueError, match="must be"):
        pico_of(text)
