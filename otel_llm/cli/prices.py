"""`otel-llm prices`: what follows from a correction of prices."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Annotated

import typer

from otel_llm.cli.options import ConfigOption
from otel_llm.cli.stored import JsonOption, Stored, print_json, print_table, since_ms, with_store

if TYPE_CHECKING:
    from otel_llm.store.recost import Recosted

__all__ = ["prices"]

prices = typer.Typer(help="Charge calls by corrected prices.", no_args_is_help=True)


@prices.callback()
def _prices() -> None:
    """Keep `recost` a command of its own, though it is the only one."""


@prices.command()
def recost(
    config: ConfigOption,
    since: Annotated[str, typer.Option(help="How far back, such as 24h or 30d.")],
    as_json: JsonOption = False,
) -> None:
    """Price stored calls again, and post the differences to the ledger. Nothing in it is changed.

    Calls are priced by their models, tokens and cached tokens: service tiers and sounds are not stored.
    """
    from otel_llm.budget.money import usd_text
    from otel_llm.store.recost import recost as recost_in

    start_ms = since_ms(since)

    async def work(stored: Stored) -> list[Recosted]:
        return await recost_in(stored.store, stored.estimate, start_ms, time.time_ns() // 10**6)

    changed = with_store(config, work)
    if as_json:
        print_json(
            [
                {"model": each.model, "calls": each.calls, "difference_usd": usd_text(each.difference)}
                for each in changed
            ]
        )
        return
    numbers = ("calls", "difference, USD")
    print_table(
        ("model", *numbers),
        [(each.model, f"{each.calls:,}", usd_text(each.difference)) for each in changed],
        right=numbers,
    )
