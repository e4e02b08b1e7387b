"""From usage to money, in whole numbers.

A price list is compiled (`prices.py`) to coefficients: what a call costs is a sum of products of them and of the counts
in its usage. They are integers over one common denominator, so nothing is lost before the one rounding at the end.
Amounts are pico-USD, 1e-12 USD.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Mapping  # noqa: TC003 - looked up when the class is made, where this is compiled
from dataclasses import dataclass, field
from decimal import Decimal
from typing import TYPE_CHECKING, Final, Literal, NamedTuple, TypeAlias

if TYPE_CHECKING:
    from fractions import Fraction

__all__ = [
    "ALWAYS",
    "OVERLAPPING",
    "PARTS",
    "PICO",
    "Cost",
    "ModelPrices",
    "Part",
    "Rates",
    "Reason",
    "ServiceTier",
    "Tier",
    "decimal_usd",
]

PICO: Final = 10**12
"""In one USD. The quotient of two integers is rounded once, to the nearest double."""

_NS_PER_DAY: Final = 86_400 * 10**9
ALWAYS: Final = (-1, 1 << 65)
"""Before and after any time in nanoseconds since 1970 that a span can have."""

OVERLAPPING: Final = "overlapping"
"""Stands in a usage of which some tokens must be both cached and of a modality, but not how many are."""

ServiceTier: TypeAlias = Literal["flex", "priority", "fast", "batch"]
"""How a call was served, where that has a price of its own."""

Part: TypeAlias = Literal["input", "cache_read", "cache_write", "output", "request"]
"""What a part of the cost was paid for. `input` is what was not cached, `request` what is charged by the call."""

Reason: TypeAlias = Literal[
    "no_usage", "no_model", "unknown_provider", "unknown_model", "no_price", "inconsistent_usage", "invalid_usage"
]
"""Why there is no price. `no_price`: the model is known, what its tokens cost is not."""


PARTS: Final[tuple[Part, ...]] = ("input", "cache_read", "cache_write", "output", "request")


class Cost(NamedTuple):
    """What a call cost, in pico-USD. The parts, which are those that cost anything, add up to the total."""

    total: int
    parts: tuple[tuple[Part, int], ...]


@dataclass(frozen=True, slots=True)
class Tier:
    """Coefficients of calls whose input is above a number of tokens. A tier holds for all tokens of the call."""

    above: int
    parts: tuple[tuple[Part, tuple[tuple[str, int], ...]], ...]
    """For each part its terms: a usage key, and pico-USD for one of it, times the denominator. The first term is the
    part's own key. A later one corrects for what that key includes and is priced elsewhere or otherwise."""
    coefficients: Mapping[str, tuple[tuple[int, int], ...]] = field(init=False, repr=False, compare=False)
    """The same by usage key: a usage has few of those that a list can price. A part is its place in `PARTS`."""

    def __post_init__(self) -> None:
        by_key: dict[str, list[tuple[int, int]]] = {}
        for part, terms in self.parts:
            for key, rate in terms:
                by_key.setdefault(key, []).append((PARTS.index(part), rate))
        object.__setattr__(self, "coefficients", {key: tuple(terms) for key, terms in by_key.items()})


_BY_MODALITY: Final = frozenset(
    f"{direction}_{modality}_tokens" for direction in ("input", "output") for modality in ("audio", "image", "video")
)


@dataclass(frozen=True, slots=True)
class Rates:
    """What one model costs for as long as its prices stay the same."""

    tiers: tuple[Tier, ...]
    """From the highest to the lowest, which is above -1."""
    denominator: int
    priced: frozenset[str]
    """The usage keys that have a price."""

    complete: bool = field(init=False, repr=False, compare=False)
    """Whether it covers any usage: input and output have a price, and the same one whatever their modality."""

    def __post_init__(self) -> None:
        complete = {"input_tokens", "output_tokens"} <= self.priced and self.priced.isdisjoint(_BY_MODALITY)
        object.__setattr__(self, "complete", complete)

    def covers(self, usage: Mapping[str, int]) -> bool:
        """Tell whether everything that was used has a price. Embeddings have none for output."""
        return (
            "input_tokens" in self.priced
            and ("output_tokens" in self.priced or not usage.get("output_tokens"))
            and (OVERLAPPING not in usage or self.priced.isdisjoint(_BY_MODALITY))
        )

    def scaled(self, factor: Fraction) -> Rates:
        """Return the rates times a factor."""
        tiers = (
            Tier(
                tier.above,
                tuple(
                    (part, tuple((key, rate * factor.numerator) for key, rate in terms)) for part, terms in tier.parts
                ),
            )
            for tier in self.tiers
        )
        return Rates(tuple(tiers), self.denominator * factor.denominator, self.priced)

    def tier(self, usage: Mapping[str, int]) -> Tier:
        """Return the tier that a call is in."""
        tokens = usage.get("input_tokens", 0)
        for tier in self.tiers:
            if tokens > tier.above:
                return tier
        return self.tiers[-1]

    def amounts(self, usage: Mapping[str, int]) -> list[int]:
        """Return what *usage* costs, by part as in `PARTS`. The sum is the exact total, rounded once, half to even."""
        amounts = [0] * len(PARTS)
        tiers = self.tiers
        coefficients = (tiers[0] if len(tiers) == 1 else self.tier(usage)).coefficients
        for key, count in usage.items():
            if count and key in coefficients:
                for part, rate in coefficients[key]:
                    amounts[part] += rate * count
        return amounts if self.denominator == 1 else _rounded(amounts, self.denominator)

    def cost(self, usage: Mapping[str, int]) -> Cost:
        """Return the same with names, without what costs nothing."""
        amounts = self.amounts(usage)
        return Cost(sum(amounts), tuple((part, pico) for part, pico in zip(PARTS, amounts, strict=True) if pico))


@dataclass(frozen=True, slots=True)
class ModelPrices:
    """What one model costs at any time."""

    provider: str
    model: str
    days: tuple[int, ...]
    """Days since 1970, UTC, on which prices change."""
    clock: tuple[int, ...]
    """Nanoseconds since midnight, UTC, at which prices change every day."""
    rates: tuple[tuple[Rates, ...], ...]
    """By the number of `days`, and of `clock` times, that have come."""

    def at(self, time_unix_nano: int) -> Rates:
        """Return the rates of calls that began then."""
        day, clock = divmod(time_unix_nano, _NS_PER_DAY)
        return self.rates[bisect_right(self.days, day)][bisect_right(self.clock, clock)]

    def interval(self, time_unix_nano: int) -> tuple[int, int]:
        """Return since and until when the rates of that moment hold."""
        day, clock = divmod(time_unix_nano, _NS_PER_DAY)
        began, ended = bisect_right(self.days, day), bisect_right(self.clock, clock)
        since = self.days[began - 1] * _NS_PER_DAY if began else ALWAYS[0]
        until = self.days[began] * _NS_PER_DAY if began < len(self.days) else ALWAYS[1]
        if self.clock:
            edges = (0, *self.clock, _NS_PER_DAY)
            midnight = time_unix_nano - clock
            since, until = max(since, midnight + edges[ended]), min(until, midnight + edges[ended + 1])
        return since, until

    def scaled(self, factor: Fraction) -> ModelPrices:
        """Return the prices times a factor."""
        rates = tuple(tuple(each.scaled(factor) for each in row) for row in self.rates)
        return ModelPrices(self.provider, self.model, self.days, self.clock, rates)


def decimal_usd(pico: int) -> Decimal:
    """Return USD, exactly."""
    return Decimal(pico).scaleb(-12)


def _rounded(amounts: list[int], denominator: int) -> list[int]:
    """Return each amount as the step between two rounded running sums: so they add up to the rounded total."""
    exact = before = 0
    steps = []
    for amount in amounts:
        exact += amount
        quotient, rest = divmod(exact, denominator)
        rounded = quotient + (2 * rest + (quotient & 1) > denominator)
        steps.append(rounded - before)
        before = rounded
    return steps
