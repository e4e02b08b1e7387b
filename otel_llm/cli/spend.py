"""`otel-llm spend`: what was spent, by what."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from otel_llm.cli.options import ConfigOption
from otel_llm.cli.stored import JsonOption, print_json, print_table, since_ms, with_store
from otel_llm.errors import ConfigError

if TYPE_CHECKING:
    from otel_llm.store.spend import Spend

__all__ = ["spend"]


def spend(
    config: ConfigOption,
    by: Annotated[str, typer.Option(help="What to group by, with commas: model, route, user, ...")] = "model",
    since: Annotated[str, typer.Option(help="How far back, such as 24h or 30d.")] = "24h",
    as_json: JsonOption = False,
) -> None:
    """Show what was spent on calls that began lately, the most expensive first."""
    from otel_llm.budget.money import usd_text
    from otel_llm.store.spend import GROUPS, spend_by

    groups = [each.strip() for each in by.split(",")]
    if unknown := [each for each in groups if each not in GROUPS]:
        raise ConfigError(f"--by: {', '.join(unknown)} is none of {', '.join(GROUPS)}")
    start_ms = since_ms(since)
    rows: list[Spend] = with_store(config, lambda stored: spend_by(stored.store, groups, start_ms))
    if as_json:
        print_json(
            [
                {
                    **dict(zip(groups, row.group, strict=True)),
                    "calls": row.calls,
                    "input_tokens": row.input_tokens,
                    "output_tokens": row.output_tokens,
                    "cost_usd": None if row.cost_pico is None else usd_text(row.cost_pico),
                }
                for row in rows
            ]
        )
        return
    numbers = ("calls", "input tokens", "output tokens", "USD")
    cells = [
        (
            *(name or "-" for name in row.group),
            f"{row.calls:,}",
            f"{row.input_tokens:,}",
            f"{row.output_tokens:,}",
            "unknown" if row.cost_pico is None else usd_text(row.cost_pico),
        )
        for row in rows
    ]
    print_table((*groups, *numbers), cells, right=numbers)
