"""The command `otel-llm price`: what a call costs, and why."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated, Any, Final, NamedTuple

import typer

from otel_llm_processors.cost.rates import Cost, ModelPrices, Rates, decimal_usd
from otel_llm_processors.cost.usage import TOKENS_LIMIT, UnusableUsage, check_consistent

if TYPE_CHECKING:
    from decimal import Decimal

    from rich.table import Table

    from otel_llm_processors.cost.prices import PriceBook
    from otel_llm_processors.cost.rates import Part, Reason
    from otel_llm_processors.cost.usage import Usage

__all__ = ["price"]

_MOST: Final = TOKENS_LIMIT - 1
_PROBLEMS: Final[dict[Reason, str]] = {
    "unknown_provider": "no such provider, or no provider that a model of this name could be inferred to be from",
    "unknown_model": "the provider has no such model",
    "no_price": "the model is known, but not what all of these tokens cost",
    "inconsistent_usage": "more tokens were cached than there are: --input is all of them, cached or not",
}


def price(
    model: Annotated[str, typer.Argument(help="The model, named as on a span.")],
    *,
    provider: Annotated[str | None, typer.Option(help="The provider; left out, it is inferred from the model.")] = None,
    input_tokens: Annotated[int, typer.Option("--input", help="Input tokens, cached or not.", min=0, max=_MOST)] = 0,
    output_tokens: Annotated[int, typer.Option("--output", help="Output tokens.", min=0, max=_MOST)] = 0,
    cache_read: Annotated[int, typer.Option(help="Input tokens read from a cache.", min=0, max=_MOST)] = 0,
    cache_write: Annotated[int, typer.Option(help="Input tokens written to a cache.", min=0, max=_MOST)] = 0,
    at: Annotated[datetime | None, typer.Option(help="When the call began, in UTC; left out, now.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON, with amounts as decimal strings.")] = False,
) -> None:
    """Show what a call costs, and why."""
    usage: Usage = {
        "input_tokens": input_tokens,
        "output_tokens": output_tokens,
        "cache_read_tokens": cache_read,
        "cache_write_tokens": cache_write,
        "requests": 1,
    }
    quote = _quote(provider, model, usage, at.replace(tzinfo=UTC) if at else datetime.now(UTC))
    if not isinstance(quote, _Quote):
        typer.echo(f"error: no price: {_PROBLEMS[quote]}", err=True)
        raise typer.Exit(1)
    if as_json:
        import orjson

        typer.echo(orjson.dumps(quote.to_json(), option=orjson.OPT_INDENT_2).decode())
    else:
        from rich.console import Console

        console = Console(markup=False, highlight=False)
        console.print(quote.to_table())
        console.print(quote.why())


class _Line(NamedTuple):
    part: Part
    quantity: int
    """How many tokens, or requests, are charged."""
    usd_per_million: Decimal
    usd: Decimal


@dataclass(frozen=True)
class _Quote:
    book: PriceBook
    prices: ModelPrices
    rates: Rates
    usage: Usage
    cost: Cost
    at: datetime

    def to_json(self) -> dict[str, Any]:
        above = self.rates.tier(self.usage).above
        return {
            "provider": self.prices.provider,
            "model": self.prices.model,
            "source": self.book.source,
            "price_version": self.book.version,
            "at": self.at.isoformat(),
            "above_input_tokens": above if above >= 0 else None,
            "parts": [
                {
                    "part": line.part,
                    "quantity": line.quantity,
                    "usd_per_million": _plain(line.usd_per_million),
                    "usd": _plain(line.usd),
                }
                for line in self._lines()
            ],
            "total_usd": _plain(decimal_usd(self.cost.total)),
        }

    def to_table(self) -> Table:
        from rich.table import Table

        table = Table("part", box=None, pad_edge=False)
        for header in ("quantity", "USD per million", "USD"):
            table.add_column(header, justify="right")
        for line in self._lines():
            table.add_row(line.part, f"{line.quantity:,}", _plain(line.usd_per_million), _plain(line.usd))
        table.add_section()
        table.add_row("total", "", "", _plain(decimal_usd(self.cost.total)))
        return table

    def why(self) -> str:
        above = self.rates.tier(self.usage).above
        tier = f", for calls with more than {above:,} input tokens" if above >= 0 else ""
        return (
            f"{self.prices.model} from {self.prices.provider}, as {self.book.source} {self.book.version} has it "
            f"for {self.at:%Y-%m-%d %H:%M} UTC{tier}"
        )

    def _lines(self) -> list[_Line]:
        terms_of = dict(self.rates.tier(self.usage).parts)
        lines = []
        for part, pico in self.cost.parts:
            terms = terms_of[part]
            rate = terms[0][1]
            quantity = sum(coefficient * self.usage.get(key, 0) for key, coefficient in terms) // rate
            usd_per_million = decimal_usd(rate * 10**6) / self.rates.denominator
            lines.append(_Line(part, quantity, usd_per_million, decimal_usd(pico)))
        return lines


def _quote(provider: str | None, model: str, usage: Usage, at: datetime) -> _Quote | Reason:
    from otel_llm_processors.cost.prices import bundled_prices  # the import takes 0.5 s: not for --help

    try:
        check_consistent(usage)
    except UnusableUsage as unusable:
        return unusable.reason
    book = bundled_prices()
    prices = book.lookup(provider, model)
    if not isinstance(prices, ModelPrices):
        return prices
    rates = prices.at(int(at.timestamp()) * 10**9)
    return _Quote(book, prices, rates, usage, rates.cost(usage), at) if rates.covers(usage) else "no_price"


def _plain(amount: Decimal) -> str:
    """Return a decimal number without an exponent and without zeros at its end."""
    return f"{amount.normalize():f}"
