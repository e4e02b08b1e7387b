"""From usage to money, in whole numbers.

A price list is compiled (`prices.py`) to coefficients: what a call costs is a sum of products of them and of the counts
in its usage. They are integers over one common denominator, so nothing is lost before the one rounding at the end.
Amounts are pico-USD, 1e-12 USD.
"""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING, Final, Literal, NamedTuple, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Mapping
    from fractions import Fraction

__all__ = [
    "OVERLAPPING",
    "PICO",
    "Cost",
    "ModelPrices",
    "Part",
    "Rates",
    "Reason",
    "ServiceTier",
    "Tier",
    "decimal_usd",
    "float_usd",
]

PICO: Final = 10**12
_NS_PER_DAY: Final = 86_400 * 10**9

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


class Cost(NamedTuple):
    """What a call cost, in pico-USD. The parts, which are those that cost anything, add up to the total."""

    total: int
    parts: tuple[tuple[Part, int], ...]


class Tier(NamedTuple):
    """Coefficients of calls whose input is above a number of tokens. A tier holds for all tokens of the call."""

    above: int
    parts: tuple[tuple[Part, tuple[tuple[str, int], ...]], ...]
    """For each part its terms: a usage key, and pico-USD for one of it, times the denominator. The first term is the
    part's own key. A later one corrects for what that key includes and is priced elsewhere or otherwise."""


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

    def covers(self, usage: Mapping[str, int]) -> bool:
        """Tell whether everything that was used has a price. Embeddings have none for output."""
        return (
            "input_tokens" in self.priced
            and ("output_tokens" in self.priced or not usage.get("output_tokens"))
            and (OVERLAPPING not in usage or self.priced.isdisjoint(_BY_MODALITY))
        )

    def discounted(self, discount: Fraction) -> Rates:
        """Return the rates with that share taken off."""
        left, whole = discount.denominator - discount.numerator, discount.denominator
        tiers = (
            Tier(
                tier.above,
                tuple((part, tuple((key, rate * left) for key, rate in terms)) for part, terms in tier.parts),
            )
            for tier in self.tiers
        )
        return Rates(tuple(tiers), self.denominator * whole, self.priced)

    def tier(self, usage: Mapping[str, int]) -> Tier:
        """Return the tier that a call is in."""
        tokens = usage.get("input_tokens", 0)
        for tier in self.tiers:
            if tokens > tier.above:
                return tier
        return self.tiers[-1]

    def cost(self, usage: Mapping[str, int]) -> Cost:
        """Return what *usage* costs: the exact total, rounded once, half to even."""
        parts: list[tuple[Part, int]] = []
        exact = rounded = 0
        for part, terms in self.tier(usage).parts:
            before = exact
            for key, rate in terms:
                if count := usage.get(key):
                    exact += rate * count
            if exact != before:
                # A part is the step between two rounded running sums: so the parts add up to the rounded total.
                start, rounded = rounded, _round(exact, self.denominator)
                parts.append((part, rounded - start))
        return Cost(rounded, tuple(parts))


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

    def discounted(self, discount: Fraction) -> ModelPrices:
        """Return the prices with that share taken off."""
        rates = tuple(tuple(each.discounted(discount) for each in row) for row in self.rates)
        return ModelPrices(self.provider, self.model, self.days, self.clock, rates)


def float_usd(pico: int) -> float:
    """Return USD as the nearest double."""
    return pico / PICO  # of two integers: rounded once


def decimal_usd(pico: int) -> Decimal:
    """Return USD, exactly."""
    return Decimal(pico).scaleb(-12)


def _round(exact: int, denominator: int) -> int:
    quotient, rest = divmod(exact, denominator)
    return quotient + (2 * rest + (quotient & 1) > denominator)
