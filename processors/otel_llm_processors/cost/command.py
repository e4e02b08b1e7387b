"""The command `otel-llm price`: what a call costs, and why."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from enum import StrEnum
from pathlib import Path  # noqa: TC003 - typer reads the annotations at run time
from typing import TYPE_CHECKING, Annotated, Any, Final, NamedTuple

import typer

from otel_llm import semconv
from otel_llm.errors import ConfigError
from otel_llm_processors.cost.rates import Cost, ModelPrices, Part, Rates, decimal_usd
from otel_llm_processors.cost.usage import TOKENS_LIMIT, UnusableUsage, check_consistent

if TYPE_CHECKING:
    from collections.abc import Mapping

    from rich.table import Table

    from otel_llm_processors.cost.catalogue import Call
    from otel_llm_processors.cost.price_list import PriceSources
    from otel_llm_processors.cost.rates import Reason
    from otel_llm_processors.cost.usage import Usage

__all__ = ["price"]

_MOST: Final = TOKENS_LIMIT - 1
_MICRO: Final = Decimal("1e-6")
_PROBLEMS: Final[dict[Reason, str]] = {
    "no_model": "the model has no name",
    "unknown_provider": "no such provider, or no provider that a model of this name could be inferred to be from",
    "unknown_model": "the provider has no such model",
    "no_price": "the model is known, but not what all of these tokens cost",
    "inconsistent_usage": "a part of the tokens is more than the whole: --input is all input, cached or not, and "
    "--output all output, reasoning or not",
}


class _Tier(StrEnum):
    """The tiers of `ServiceTier`, as typer wants them."""

    FLEX = "flex"
    PRIORITY = "priority"
    FAST = "fast"
    BATCH = "batch"


def _tokens(text: str, name: str | None = None) -> Any:
    return typer.Option(*([name] if name else []), help=text, min=0, max=_MOST)


def price(
    model: Annotated[str, typer.Argument(help="The model, named as on a span.")],
    *,
    provider: Annotated[str | None, typer.Option(help="The provider; left out, it is inferred from the model.")] = None,
    input_tokens: Annotated[int, _tokens("Input tokens, cached or not.", "--input")] = 0,
    output_tokens: Annotated[int, _tokens("Output tokens, reasoning or not.", "--output")] = 0,
    cache_read: Annotated[int, _tokens("Input tokens read from a cache.")] = 0,
    cache_write: Annotated[int, _tokens("Input tokens written to a cache.")] = 0,
    cache_write_1h: Annotated[int, _tokens("Those of them that it keeps for an hour.", "--cache-write-1h")] = 0,
    reasoning: Annotated[int, _tokens("Output tokens that are reasoning.")] = 0,
    service_tier: Annotated[_Tier | None, typer.Option(help="How the call was served; left out, as usual.")] = None,
    server: Annotated[str | None, typer.Option(help="`server.address`, where prices depend on it.")] = None,
    at: Annotated[datetime | None, typer.Option(help="When the call began, in UTC; left out, now.")] = None,
    config: Annotated[
        Path | None, typer.Option("--config", "-c", help="A config with prices of one's own.", show_default=False)
    ] = None,
    processor: Annotated[
        str | None, typer.Option(help="Its cost processor, where it has several.", show_default=False)
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON, with amounts as decimal strings.")] = False,
) -> None:
    """Show what a call costs, and why: by the prices of a config and of the files that it names, and by the list."""
    usage: Usage = {
        "input_tokens": input_tokens,
        "output_tokens": output_tokens,
        "cache_read_tokens": cache_read,
        "cache_write_tokens": cache_write,
        "cache_write_1h_tokens": cache_write_1h,
        "output_reasoning_tokens": reasoning,
        "requests": 1,
    }
    sources = _sources(config, processor)
    from otel_llm_processors.cost.catalogue import Call  # the import takes 0.5 s: not for --help

    call = Call(provider, (model,), server, service_tier.value if service_tier else None)
    quoted = _price(sources, call, usage, at.replace(tzinfo=UTC) if at else datetime.now(UTC))
    if not isinstance(quoted, _Priced):
        typer.echo(f"error: no price: {_PROBLEMS[quoted]}", err=True)
        raise typer.Exit(1)
    if as_json:
        import orjson

        typer.echo(orjson.dumps(quoted.to_json(), option=orjson.OPT_INDENT_2).decode())
    else:
        from rich.console import Console

        console = Console(markup=False, highlight=False)
        console.print(quoted.to_table())
        console.print(quoted.why(), soft_wrap=True)


class _Line(NamedTuple):
    part: Part
    quantity: int
    """How many tokens, or requests, are charged."""
    usd_per_million: Decimal
    """Where some of them have a price of their own, the average."""
    usd: Decimal


@dataclass(frozen=True)
class _Priced:
    prices: ModelPrices
    rates: Rates
    provenance: Mapping[str, str]
    usage: Usage
    cost: Cost
    at: datetime

    def to_json(self) -> dict[str, Any]:
        above = self.rates.tier(self.usage).above
        return {
            "provider": self.prices.provider,
            "model": self.prices.model,
            "source": self.provenance[semconv.COST_SOURCE],
            "price_version": self.provenance[semconv.COST_PRICE_VERSION],
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
        source, version = self.provenance[semconv.COST_SOURCE], self.provenance[semconv.COST_PRICE_VERSION]
        return (
            f"{self.prices.model} from {self.prices.provider or 'any provider'}, as {source} {version} has it "
            f"for {self.at:%Y-%m-%d %H:%M} UTC{tier}"
        )

    def _lines(self) -> list[_Line]:
        terms_of = dict(self.rates.tier(self.usage).parts)
        whole = {terms[0][0] for terms in terms_of.values()}
        lines = []
        for part, pico in self.cost.parts:
            terms = [(key, rate) for key, rate in terms_of[part] if self.usage.get(key)]
            own, rate = terms[0]
            elsewhere = {key for key, _ in terms if key in whole} - {own}
            quantity = self.usage[own] - sum(self.usage[key] for key in elsewhere)
            if len(terms) == len(elsewhere) + 1:
                each = decimal_usd(rate * 10**6) / self.rates.denominator
            else:  # some of them have a price of their own: the average
                each = (decimal_usd(pico * 10**6) / quantity).quantize(_MICRO)
            lines.append(_Line(part, quantity, each, decimal_usd(pico)))
        return lines


def _sources(config: Path | None, processor: str | None) -> PriceSources:
    """Return the prices that a config has besides the list's; none without a config.

    Raises:
        ConfigError: the config is wrong, or it is not clear which of its processors is meant.
    """
    from otel_llm.cli.options import read_config
    from otel_llm_processors.cost.config import CostConfig
    from otel_llm_processors.cost.price_list import PriceSources

    if config is None:
        return PriceSources()
    found = {name: each.config for name, each in read_config(config).processors.items()}
    costs = {name: each for name, each in found.items() if isinstance(each, CostConfig) and processor in (None, name)}
    if len(costs) != 1:
        asked = "the cost processor to use" if processor is None else "the cost processor of that name"
        known = ", ".join(name for name, each in found.items() if isinstance(each, CostConfig)) or "none"
        raise ConfigError(f"{config}: cannot tell {asked}; in use: {known}")
    return next(iter(costs.values())).prices


def _price(sources: PriceSources, call: Call, usage: Usage, at: datetime) -> _Priced | Reason:
    from otel_llm.reload.files import Watched
    from otel_llm_processors.cost.catalogue import Catalogue
    from otel_llm_processors.cost.price_list import Reader

    try:
        check_consistent(usage)
    except UnusableUsage as unusable:
        return unusable.reason
    reader = Reader(sources.files, sources.litellm)
    catalogue = Catalogue.of(sources.overrides, Watched(reader, *reader.paths).value)
    quote = catalogue.quote(call, int(at.timestamp()) * 10**9)
    if quote.offer is None or quote.rates is None or not quote.rates.covers(usage):
        return quote.reason
    prices, provenance = quote.offer.prices, quote.offer.provenance
    return _Priced(prices, quote.rates, provenance, usage, quote.rates.cost(usage), at)


def _plain(amount: Decimal) -> str:
    """Return a decimal number without an exponent and without zeros at its end."""
    return f"{amount.normalize():f}"
