"""Reads budgets.yml: all that is wrong with it at once, each with its line and path."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Annotated, Any, Final, Literal
from zoneinfo import ZoneInfo

from pydantic import AfterValidator, BeforeValidator, ConfigDict, Field, SecretStr

from otel_llm.budget.book import BudgetBook
from otel_llm.budget.definition import Budget, LimitName, OnExceed, OnStoreError, Section
from otel_llm.budget.ledger.records import CEILING, Unit
from otel_llm.budget.money import pico_of
from otel_llm.component import Config, Count
from otel_llm.config.strict_yaml import parse
from otel_llm.config.validation import validate
from otel_llm.spelling import did_you_mean

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from otel_llm.config.document import Document, Path

__all__ = ["AlertsConfig", "Defaults", "Options", "read_budgets"]

_EXAMPLES: Final = (
    "daily_usd", "weekly_usd", "monthly_usd", "rolling_24h_usd", "daily_tokens", "monthly_tokens", "tpm", "rpm",
    "max_concurrency", "per_user_daily_usd", "per_tenant_monthly_usd", "per_conv_cap_usd",
)  # fmt: skip
"""Names of limits, for whoever has misspelt one."""


def _percents(value: Any) -> Any:
    """Return per cents for `80%`, 80, or a list of them."""
    return [_percent(each) for each in value] if isinstance(value, list) else [_percent(value)]


def _percent(value: Any) -> int:
    number = value.removesuffix("%") if isinstance(value, str) else value
    if isinstance(number, bool) or not str(number).isdecimal() or not 0 < int(number) <= 1000:  # noqa: PLR2004 - per cent
        raise ValueError("must be per cents from 1% to 1000%")
    return int(number)


def _zone(name: str) -> str:
    try:
        ZoneInfo(name)
    except (KeyError, OSError, ValueError):  # a KeyError where there is none, the others for what is no name at all
        raise ValueError("must be a time zone's IANA name, such as Europe/Berlin") from None
    return name


Percents = Annotated[tuple[int, ...], BeforeValidator(_percents)]
Zone = Annotated[str, AfterValidator(_zone)]
Usd = Annotated[int, BeforeValidator(lambda value: _amount(Unit.USD, value))]


class Options(Config):
    """What an entry may say besides its limits, and `defaults` for all of them."""

    model_config = ConfigDict(extra="ignore")  # an entry's other keys are its limits

    timezone: Zone | None = None
    """Whose days, weeks and months are meant: an IANA name. Unless set: `UTC`."""

    on_exceed: OnExceed | None = None
    """What becomes of a call that does not fit: `deny` (429), `fallback` (the call is let in on `fallback_model`, if it
    fits there), `warn` (it is let in, and marked), `throttle` (429, asking to come back). Unless set: `deny`."""

    fallback_model: str | None = None
    """The model for `fallback`."""

    on_store_error: OnStoreError | None = None
    """What becomes of calls while the store cannot be reached: all are let in (`open`), none (`closed`), or each
    gateway lets in what `share` allows it of the limit. Unless set: `open`."""

    hold_ttl_s: Annotated[float, Field(gt=0, le=86_400)] | None = None
    """Seconds after which what a call holds is given back, if nobody says how it went. Unless set: 120."""

    hold_cap_usd: Usd | None = None
    """What one call holds at most. A call that costs more may pass the limit, by what it costs more."""

    unpriced: Literal["deny", "allow"] | None = None
    """What becomes of calls of models without a price. Unless set: `deny`."""

    environments: tuple[str, ...] | None = None
    """Only calls from these count. Unless set: from all but those in `separate_environments`."""

    notify_over: Percents | None = None
    """Per cents of the limit at which an alert is sent. Unless set, those of `alerts`."""


class Defaults(Options):
    """What holds for every entry that does not say otherwise."""

    model_config = ConfigDict(extra="forbid")

    separate_environments: tuple[str, ...] = ("eval",)
    """Environments whose calls count for budgets that name them, and for no other."""

    max_output_tokens: Annotated[Count, Field(ge=1)] = 4096
    """What a call is taken to answer at most if it does not say so itself."""


class AlertsConfig(Config):
    """Who is told that a budget is nearly used up, or is."""

    notify_over: Percents = (80,)
    """Per cents of the limit at which an alert is sent. At 100 one always is."""

    slack_channel: str | None = None
    """Named in messages to Slack."""

    slack_webhook_url: SecretStr | None = None
    """Slack's incoming webhook. Empty or not set: alerts go to the log."""

    webhook_url: SecretStr | None = None
    """Where alerts are posted in the form of Alertmanager's webhooks."""

    webhook_secret: SecretStr | None = None
    """Signs what is posted there: HMAC-SHA256 of the body, in `X-Otel-Llm-Signature-256`."""


def read_budgets(source: str, content: bytes, environ: Mapping[str, str] = os.environ) -> BudgetBook:
    """Read a budgets file.

    Args:
        source: What to call it in messages.
        content: Its bytes.
        environ: Where `${env:NAME}` is looked up.

    Raises:
        ConfigError: with every problem, as `source:line: path: what is wrong`.
    """
    document = parse(content.decode("utf-8", "replace"), environ, source=source)
    known = (*Section, "defaults", "alerts")
    for key, node in document.entries(()).items():
        if key not in known:
            document.report((key,), f"unknown key{did_you_mean(key, known)}")
        elif not isinstance(node.value, dict | None):
            document.report((key,), "expected mapping")
    defaults = validate(Defaults, document, ("defaults",)) or Defaults()
    alerts = validate(AlertsConfig, document, ("alerts",)) or AlertsConfig()
    budgets = [budget for section in Section for budget in _section(document, section, defaults, alerts)]
    document.raise_problems()
    return BudgetBook(budgets, defaults, alerts)


def _section(document: Document, section: Section, defaults: Defaults, alerts: AlertsConfig) -> Iterator[Budget]:
    for key, entry in document.entries((section,)).items():
        path: Path = (section, key)
        if not isinstance(entry.value, dict) or not entry.value:
            document.report(path, "expected limits, such as daily_usd: 10")
            continue
        own = validate(Options, document, path) or Options()
        options = defaults.model_copy(update={name: getattr(own, name) for name in own.model_fields_set})
        if options.on_exceed == "fallback" and options.fallback_model is None:
            document.report((*path, "on_exceed"), "fallback needs a fallback_model")
        for name, node in entry.value.items():
            if name in Options.model_fields:
                continue
            limit = LimitName.parse(name)
            if limit is None:
                known = [*_EXAMPLES, *Options.model_fields]
                document.report((*path, name), f"neither a limit nor an option{did_you_mean(name, known)}")
                continue
            try:
                most = _amount(limit.unit, node.data)
            except ValueError as error:
                document.report((*path, name), str(error))
                continue
            yield _budget(section, key, name, limit, most, options, alerts)


def _budget(  # noqa: PLR0917 - what a budget is made of
    section: Section, key: str, name: str, limit: LimitName, most: int, options: Options, alerts: AlertsConfig
) -> Budget:
    return Budget(
        id=f"{section}/{key}/{name}",
        section=section,
        key=key,
        unit=limit.unit,
        window=limit.window(options.timezone or "UTC"),
        window_name=limit.title,
        limit=most,
        per=limit.per,
        on_exceed=options.on_exceed or "deny",
        fallback_model=options.fallback_model,
        on_store_error=options.on_store_error or "open",
        hold_ttl_ms=round((options.hold_ttl_s or 120) * 1000),
        hold_cap=options.hold_cap_usd,
        unpriced=options.unpriced or "deny",
        thresholds=tuple(sorted({*(options.notify_over or alerts.notify_over), 100})),
        environments=None if options.environments is None else frozenset(options.environments),
    )


def _amount(unit: Unit, value: Any) -> int:
    """Return a limit as it is counted.

    Raises:
        ValueError: it is none.
    """
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        raise ValueError("must be a number")  # noqa: TRY004 - reported with its place, as the others
    if unit is Unit.USD:
        amount = pico_of(value)
    elif isinstance(value, int):
        amount = value
    else:
        raise ValueError("must be a whole number")
    if amount < 0:
        raise ValueError("must not be less than 0")
    if amount > CEILING:
        raise ValueError(f"must be at most {CEILING:,}")
    return amount
