"""The prices of genai-prices, compiled to rates.

`genai_prices.calc_price` takes 0.1 to 0.6 ms a call: it validates, decomposes and matches anew each time. All of that
depends on the model alone, so here it is done once for a model.

Importing this module takes up to a second: do it when the first price is asked for.
"""

from __future__ import annotations

from collections import Counter
from datetime import UTC, date, datetime, time, timedelta
from fractions import Fraction
from functools import cache, lru_cache
from hashlib import sha256
from math import lcm
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Final

from genai_prices import __version__, data
from genai_prices.data_units import unit_data
from genai_prices.types import ModelPrice, StartDateConstraint, TieredPrices, TimeOfDateConstraint
from genai_prices.types import Tier as PriceTier
from genai_prices.units import UnitRegistry

from otel_llm_processors.cost.attributes import CACHED_NAMES, NAME_LENGTH
from otel_llm_processors.cost.matching import find_model
from otel_llm_processors.cost.rates import PARTS, PICO, ModelPrices, Rates, Tier

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from decimal import Decimal

    from genai_prices.types import ModelInfo, Provider
    from genai_prices.units import UnitDef

    from otel_llm_processors.cost.rates import Part, Reason, ServiceTier

__all__ = ["PriceBook", "bundled_prices", "compile_constant", "compile_prices"]

_UNITS: Final = UnitRegistry(unit_data)
_EPOCH: Final = date(1970, 1, 1)
_PART_OF: Final[Mapping[str | None, Part]] = {part: part for part in PARTS}
_STANDARD: Final[Mapping[str, str]] = MappingProxyType({})
_CONTEXTS: Final[Mapping[ServiceTier | None, Mapping[str, str]]] = {
    None: _STANDARD,
    "flex": {"service_tier": "flex"},
    "priority": {"service_tier": "priority"},
    "fast": {"service_tier": "fast", "speed": "fast"},  # OpenAI's name, and Anthropic's
    "batch": {"processing": "batch"},
}


class PriceBook:
    """All prices of one source and version."""

    def __init__(self, providers: Sequence[Provider], source: str, version: str) -> None:
        self.source = source
        self.version = version
        self._providers = list(providers)
        self._cached = lru_cache(CACHED_NAMES)(self._find)

    def lookup(self, provider: str | None, model: str, tier: ServiceTier | None = None) -> ModelPrices | Reason:
        """Return what a model costs, or why that is not known. Names are as they stand on a span."""
        if len(model) > NAME_LENGTH:
            return "unknown_model"
        if provider is not None and len(provider) > NAME_LENGTH:
            return "unknown_provider"
        return self._cached(provider, model, tier)

    def _find(self, provider: str | None, model: str, tier: ServiceTier | None) -> ModelPrices | Reason:
        found = find_model(self._providers, provider, model)
        return found if isinstance(found, str) else compile_prices(found[0].id, found[1], _CONTEXTS[tier])


@cache
def bundled_prices() -> PriceBook:
    """Return the prices that came with the installed genai-prices. Its version names the package and its data."""
    digest = sha256(Path(data.__file__).read_bytes()).hexdigest()
    return PriceBook(data.providers, "genai-prices", f"{__version__}+{digest[:8]}")


def compile_prices(provider: str, model: ModelInfo, context: Mapping[str, str] = _STANDARD) -> ModelPrices:
    """Compile all that a model costs.

    Its prices change only on the dates and at the times of day that its constraints name. Between two of those it is
    enough to ask genai-prices once which of them hold.

    Args:
        provider: Who sells it.
        model: The model.
        context: What selects a variant of the price, such as `{"service_tier": "flex"}`.
    """
    conditional = [] if isinstance(model.prices, ModelPrice) else model.prices
    constraints = [priced.constraint for priced in (*conditional, *(model.price_variants or ()))]
    days = sorted({item.start_date for item in constraints if isinstance(item, StartDateConstraint)})
    clock = sorted({edge for item in constraints if isinstance(item, TimeOfDateConstraint) for edge in _edges(item)})
    before = (days[0] if days else _EPOCH) - timedelta(days=1)
    rates = tuple(
        tuple(_compile(model.get_prices(datetime.combine(day, at, UTC), context)) for at in (time.min, *clock))
        for day in (before, *days)
    )
    return ModelPrices(
        provider, model.id, tuple((day - _EPOCH).days for day in days), tuple(map(_nanoseconds, clock)), rates
    )


def compile_constant(
    provider: str, model: str, tiers: Mapping[int, Mapping[str, Decimal]], usd_per_request: Decimal | None = None
) -> ModelPrices:
    """Compile prices that no date changes.

    Args:
        provider: Who sells it.
        model: The model.
        tiers: USD per million tokens by the kind of token, such as `cache_read`; those at 0, which every kind must be
            in, for all calls, the others for calls with more input tokens than that.
        usd_per_request: What a call costs besides its tokens.
    """
    by_tier = {above: _with_joins(of_tier) for above, of_tier in tiers.items()}
    prices: dict[str, Decimal | TieredPrices] = {
        f"{kind}_mtok": TieredPrices(
            price, [PriceTier(above, of_tier[kind]) for above, of_tier in by_tier.items() if above and kind in of_tier]
        )
        for kind, price in by_tier[0].items()
    }
    if usd_per_request is not None:
        prices["requests_kcount"] = usd_per_request * 1000
    return ModelPrices(provider, model, (), (), ((_compile(ModelPrice(**prices)),),))


def _with_joins(prices: Mapping[str, Decimal]) -> Mapping[str, Decimal]:
    """Return the prices with one for what is cached and of a modality: as cached, where none is given."""
    joins = {
        f"cache_{modality}_read": prices["cache_read"]
        for modality in ("audio", "image", "video")
        if "cache_read" in prices and f"input_{modality}" in prices
    }
    return {**joins, **prices}


def _edges(constraint: TimeOfDateConstraint) -> tuple[time, time]:
    """Return the times of day, UTC, at which the constraint begins and ceases to hold."""
    return _utc(constraint.start_time), _utc(constraint.end_time)


def _utc(at: time) -> time:
    return at if at.tzinfo is None else datetime.combine(_EPOCH, at).astimezone(UTC).time()


def _nanoseconds(at: time) -> int:
    return ((at.hour * 60 + at.minute) * 60 + at.second) * 10**9 + at.microsecond * 1000


def _compile(prices: ModelPrice) -> Rates:
    """Compile one price list, whatever it prices."""
    # From the general to the specific, so that the first term of a part is its own key.
    priced = sorted(
        ((_UNITS.unit_for_price_key(key), price) for key, price in vars(prices).items() if price is not None),
        key=lambda item: (len(item[0].dimensions), item[0].usage_key),
    )
    starts = {tier.start for _, price in priced if isinstance(price, TieredPrices) for tier in price.tiers}
    exact = [(above, _coefficients(priced, above)) for above in sorted(starts | {-1}, reverse=True)]
    denominator = lcm(*(rate.denominator for _, parts in exact for terms in parts.values() for rate in terms.values()))
    tiers = (
        Tier(
            above,
            tuple(
                (part, tuple((key, int(rate * denominator)) for key, rate in parts[part].items() if rate))
                for part in PARTS
                if part in parts
            ),
        )
        for above, parts in exact
    )
    return Rates(tuple(tiers), denominator, frozenset(unit.usage_key for unit, _ in priced))


def _coefficients(
    priced: Sequence[tuple[UnitDef, Decimal | TieredPrices]], above: int
) -> dict[Part, dict[str, Fraction]]:
    """Return pico-USD for one of each usage key, by part, of calls with more than *above* input tokens."""
    remainders = _remainders([unit for unit, _ in priced])
    parts: dict[Part, dict[str, Fraction]] = {}
    for unit, price in priced:
        rate = Fraction(_price_above(price, above)) * PICO / unit.per
        terms = parts.setdefault(_part(unit), {})
        for key, count in remainders[unit.usage_key].items():
            terms[key] = terms.get(key, Fraction()) + rate * count
    return parts


def _remainders(units: Sequence[UnitDef]) -> dict[str, Counter[str]]:
    """Return for each unit how many of it are charged at its own price, as a sum over the counts in a usage.

    A count includes what is priced more specifically: input includes what was read from the cache. So from each count
    that of every more specific unit is taken away.
    """
    remainders: dict[str, Counter[str]] = {}
    for unit in sorted(units, key=lambda unit: -len(unit.dimensions)):
        remainder = Counter({unit.usage_key: 1})
        for other in units:
            if unit.dimensions.items() < other.dimensions.items():
                remainder.subtract(remainders[other.usage_key])
        remainders[unit.usage_key] = remainder
    return remainders


def _price_above(price: Decimal | TieredPrices, above: int) -> Decimal:
    if not isinstance(price, TieredPrices):
        return price
    return next((tier.price for tier in reversed(price.tiers) if tier.start <= above), price.base)


def _part(unit: UnitDef) -> Part:
    """Return the part that a unit is charged to, by what kind of token it is, then by where the tokens go."""
    kind, direction = unit.dimensions.get("token_type"), unit.dimensions.get("direction")
    return _PART_OF.get(kind) or _PART_OF.get(direction) or "request"
