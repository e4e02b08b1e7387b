"""`otel-llm budgets`: what may be spent, and what was; and what became of one reservation."""

from __future__ import annotations

import time
from datetime import datetime
from typing import Annotated, Any, Final

import typer

from otel_llm.cli.options import ConfigOption, OptionalConfigOption
from otel_llm.cli.stored import JsonOption, Stored, print_json, print_table, with_store
from otel_llm.errors import ConfigError

__all__ = ["budgets"]

_HEADERS: Final = ("budget", "settled", "held", "limit", "%", "resets", "state")
_NUMBERS: Final = ("settled", "held", "limit", "%")

budgets = typer.Typer(help="Show budgets: what may be spent, and what was.", no_args_is_help=False)


@budgets.callback(invoke_without_command=True)
def show(context: typer.Context, config: OptionalConfigOption = None, as_json: JsonOption = False) -> None:
    """Show all budgets: settled, held, limit, when they reset in local time, and their state."""
    if context.invoked_subcommand is not None:
        return
    if config is None:
        raise ConfigError("needs --config: the embedded default has no budgets")
    rows = with_store(config, _listed)
    if as_json:
        print_json({"budgets": rows})
    else:
        print_table(_HEADERS, [_cells(row) for row in rows], right=_NUMBERS)


@budgets.command()
def explain(
    reservation: Annotated[str, typer.Argument(help="Its id.")], config: ConfigOption, as_json: JsonOption = False
) -> None:
    """Show what became of a reservation: what it held where, and every line of the ledger that it led to."""
    explained = with_store(config, lambda stored: _explained(stored, reservation))
    if explained is None:
        typer.echo("error: no such reservation", err=True)
        raise typer.Exit(1)
    if as_json:
        print_json(explained)
        return
    typer.echo(f"{explained['reservation_id']}: {explained['state']}, {explained['model']}")
    typer.echo(f"reserved {explained['at']}, expires {explained['expires_at']}, charged {explained['charged_usd']} USD")
    print_table(("held for", "amount"), [(each["budget"], each["amount"]) for each in explained["held"]])
    postings = [(each["at"], each["kind"], each["budget"], each["amount"]) for each in explained["ledger"]]
    print_table(("posted", "why", "budget", "amount"), postings)


async def _listed(stored: Stored) -> list[dict[str, Any]]:
    from otel_llm.budget.listing import list_budgets
    from otel_llm.budget.replies import listed

    now_ms = time.time_ns() // 10**6
    rows = await list_budgets(stored.store.ledger, stored.book, now_ms)
    return [listed(charge, balance, now_ms) for charge, balance in rows]


async def _explained(stored: Stored, reservation: str) -> dict[str, Any] | None:
    from otel_llm.budget.ledger import Unit
    from otel_llm.budget.money import usd_text
    from otel_llm.budget.replies import iso

    hold = await stored.store.ledger.hold(reservation)
    if hold is None:
        return None

    def amount(unit: Unit, number: int) -> str:
        return f"{usd_text(number)} USD" if unit is Unit.USD else f"{number} {unit}"

    def name(budget: str, subject: str) -> str:
        return f"{budget}/{subject}" if subject else budget

    return {
        "reservation_id": hold.id,
        "state": str(hold.state),
        "provider": hold.provider or None,
        "model": hold.model,
        "at": iso(hold.at_ms),
        "expires_at": iso(hold.expires_at_ms),
        "charged_usd": usd_text(hold.usage.cost),
        "held": [
            {"budget": name(*each.counter[:2]), "window": each.counter.period, "amount": amount(each.unit, each.amount)}
            for each in hold.lines
        ],
        "ledger": [
            {
                "at": iso(each.at_ms),
                "kind": str(each.kind),
                "budget": name(*each.counter[:2]),
                "amount": amount(each.unit, each.amount),
                "span": each.call.hex() if each.call else None,
            }
            for each in await stored.store.ledger.postings(reservation)
        ],
    }


def _cells(row: dict[str, Any]) -> tuple[str, ...]:
    money = "limit_usd" in row
    numbers = (f"${row[f'{name}_usd']}" if money else f"{row[name]:,}" for name in ("settled", "held", "limit"))
    resets = datetime.fromisoformat(row["resets_at"]).astimezone() if row["resets_at"] else None
    return (
        row["id"],
        *numbers,
        f"{row['utilization']:.0%}",
        f"{resets:%a %d %b %H:%M}" if resets else "never",
        row["state"],
    )
