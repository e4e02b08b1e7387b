"""All prices there are, in the order in which they are asked: one's own, those of genai-prices, those of LiteLLM."""

from __future__ import annotations

import re
from datetime import UTC, datetime, time
from fnmatch import translate
from fractions import Fraction
from functools import lru_cache
from typing import TYPE_CHECKING, Final, NamedTuple

from otel_llm import semconv
from otel_llm_processors.cost.attributes import CACHED_NAMES, NAME_LENGTH
from otel_llm_processors.cost.matching import model_refs, provider_names
from otel_llm_processors.cost.prices import compile_constant
from otel_llm_processors.cost.rates import ALWAYS, ModelPrices, Rates, Tier

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence
    from datetime import date

    from otel_llm_processors.cost.litellm_prices import LiteLLMPrices
    from otel_llm_processors.cost.price_list import PriceEntry, Sheet
    from otel_llm_processors.cost.prices import PriceBook
    from otel_llm_processors.cost.rates import Reason, ServiceTier

__all__ = ["Catalogue", "Offer", "Quote"]

_FREE: Final = Rates((Tier(-1, ()),), 1, frozenset({"input_tokens", "output_tokens"}))


class Offer(NamedTuple):
    """What a model costs for as long as *begin* <= time < *end*, in nanoseconds since 1970, and who says so."""

    begin: int
    end: int
    prices: ModelPrices
    provenance: Mapping[str, str]
    """What to write on a span besides the amounts."""


class Quote(NamedTuple):
    """The answer for calls that begin at *begin* <= time < *end*: an offer and its rates of that time, or a reason."""

    begin: int
    end: int
    offer: Offer | None
    rates: Rates | None
    reason: Reason


class _Rule(NamedTuple):
    entry: PriceEntry
    provider: re.Pattern[str]
    model: re.Pattern[str]
    source: str
    version: str


class Catalogue:
    """Answers what a model costs. What is on a span, good or bad, is remembered for a bounded number of names."""

    def __init__(self, sheets: Sequence[Sheet], book: PriceBook, overlay: LiteLLMPrices | None = None) -> None:
        self._rules = [
            _Rule(
                entry,
                re.compile(translate(entry.provider)),
                re.compile(translate(entry.model)),
                sheet.source,
                sheet.version,
            )
            for sheet in sheets
            for entry in sheet.entries
        ]
        self._book = book
        self._overlay = overlay
        self._cached = lru_cache(CACHED_NAMES)(self._find)

    def quote(
        self, provider: str | None, models: Iterable[str | None], tier: ServiceTier | None, time_unix_nano: int
    ) -> Quote:
        """Return what a call costs then, or why that is not known.

        Args:
            provider: Its name, as it stands on a span.
            models: The names of the model. The first that has a price is taken.
            tier: How the call was served.
            time_unix_nano: When it began.
        """
        begin, end = ALWAYS
        reason: Reason = "no_model"
        for model in filter(None, models):
            offers, reason = self._offers(provider, model, tier)
            for offer in offers:
                if time_unix_nano < offer.begin:
                    end = min(end, offer.begin)
                elif time_unix_nano >= offer.end:
                    begin = max(begin, offer.end)
                else:
                    since, until = offer.prices.interval(time_unix_nano)
                    interval = max(begin, offer.begin, since), min(end, offer.end, until)
                    return Quote(*interval, offer, offer.prices.at(time_unix_nano), "no_price")
        return Quote(begin, end, None, None, reason)

    def _offers(self, provider: str | None, model: str, tier: ServiceTier | None) -> tuple[tuple[Offer, ...], Reason]:
        if len(model) > NAME_LENGTH:
            return (), "unknown_model"
        if provider is not None and len(provider) > NAME_LENGTH:
            return (), "unknown_provider"
        return self._cached(provider, model, tier)

    def _find(self, provider: str | None, model: str, tier: ServiceTier | None) -> tuple[tuple[Offer, ...], Reason]:
        listed = self._listed(provider, model, tier)
        last = listed if isinstance(listed, Offer) else None
        own = tuple(self._own(provider, model, tier, last))
        return (*own, last) if last else own, "no_price" if isinstance(listed, Offer) else listed

    def _own(self, provider: str | None, model: str, tier: ServiceTier | None, listed: Offer | None) -> Iterator[Offer]:
        names, refs = provider_names(provider), model_refs(model)
        for rule in self._rules:
            entry = rule.entry
            if (
                entry.service_tier in (None, tier)
                and any(map(rule.provider.match, names))
                and any(map(rule.model.match, refs))
                and (offer := _offer(rule, names[1], refs[0], listed))
            ):
                yield offer

    def _listed(self, provider: str | None, model: str, tier: ServiceTier | None) -> Offer | Reason:
        found = self._book.lookup(provider, model, tier)
        if isinstance(found, ModelPrices):
            return Offer(*ALWAYS, found, _provenance(self._book.source, self._book.version))
        if self._overlay:
            name, refs = provider_names(provider)[0], model_refs(model)
            if model_found := self._overlay.find(name, refs):
                prices = compile_constant(model_found.provider, refs[0], model_found.at(tier or ""))
                return Offer(*ALWAYS, prices, _provenance("litellm", self._overlay.version))
        return found


def _offer(rule: _Rule, provider: str, model: str, listed: Offer | None) -> Offer | None:
    """Return what one entry makes of a model's price; None for a discount on a price that is not known."""
    entry = rule.entry
    begin, end = _midnight(entry.valid_from, ALWAYS[0]), _midnight(entry.valid_to, ALWAYS[1], days=1)
    provenance = _provenance(rule.source, rule.version)
    if entry.free:
        return Offer(begin, end, ModelPrices(provider, model, (), (), ((_FREE,),)), provenance)
    if entry.usd_per_million:
        tiers = {0: entry.usd_per_million.given}
        tiers |= {tier.above_input_tokens: tier.usd_per_million.given for tier in entry.tiers}
        prices = compile_constant(provider, model, tiers, entry.usd_per_request)
    elif listed:
        prices = listed.prices
        version = f"{listed.provenance[semconv.COST_PRICE_VERSION]}+{rule.version}"
        provenance = _provenance(listed.provenance[semconv.COST_SOURCE], version)
    else:
        return None
    return Offer(begin, end, prices.discounted(Fraction(entry.discount)) if entry.discount else prices, provenance)


def _midnight(day: date | None, otherwise: int, *, days: int = 0) -> int:
    if day is None:
        return otherwise
    return int(datetime.combine(day, time(), UTC).timestamp() + days * 86_400) * 10**9


def _provenance(source: str, version: str) -> Mapping[str, str]:
    return {semconv.COST_STATUS: "priced", semconv.COST_SOURCE: source, semconv.COST_PRICE_VERSION: version}
