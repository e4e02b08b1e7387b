"""All prices there are, in the order in which they are asked: one's own, those of genai-prices, those of LiteLLM."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, time
from fnmatch import translate
from functools import lru_cache
from typing import TYPE_CHECKING, Final, NamedTuple

from otel_llm import semconv
from otel_llm_processors.cost.attributes import CACHED_NAMES, NAME_LENGTH
from otel_llm_processors.cost.matching import model_refs, provider_names
from otel_llm_processors.cost.price_list import PriceEntry, inline
from otel_llm_processors.cost.prices import bundled_prices, compile_constant
from otel_llm_processors.cost.rates import ALWAYS, ModelPrices, Rates, Reason, ServiceTier, Tier

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import date

    from otel_llm_processors.cost.litellm_prices import LiteLLMPrices
    from otel_llm_processors.cost.price_list import Read, Sheet
    from otel_llm_processors.cost.prices import PriceBook

__all__ = ["Call", "Catalogue", "Offer", "Quote"]

_FREE: Final = Rates((Tier(-1, ()),), 1, frozenset({"input_tokens", "output_tokens"}))


class Call(NamedTuple):
    """What the price of a call depends on, other than its time and its usage. Names are as they stand on a span."""

    provider: str | None
    models: Sequence[str | None]
    """Of the model, the most telling first. The first that has a price is taken."""
    server: str | None = None
    tier: ServiceTier | None = None


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


class _Wanted(NamedTuple):
    provider: str | None
    model: str
    server: str
    tier: ServiceTier | None


class _Rule(NamedTuple):
    entry: PriceEntry
    provider: re.Pattern[str]
    model: re.Pattern[str]
    server: re.Pattern[str]
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
                re.compile(translate(entry.server)),
                sheet.source,
                sheet.version,
            )
            for sheet in sheets
            for entry in sheet.entries
        ]
        self._book = book
        self._overlay = overlay
        self._cached = lru_cache(CACHED_NAMES)(self._find)

    @classmethod
    def of(cls, overrides: Sequence[PriceEntry], read: Read) -> Catalogue:
        """Return what a config and the files that it names make up, with the prices of genai-prices."""
        sheets, overlay = read
        return cls((*inline(overrides), *sheets), bundled_prices(), overlay)

    def quote(self, call: Call, time_unix_nano: int) -> Quote:
        """Return what a call costs that began then, or why that is not known."""
        begin, end = ALWAYS
        reason: Reason = "no_model"
        for model in filter(None, call.models):
            server = (call.server or "")[:NAME_LENGTH].lower()
            offers, reason = self._offers(_Wanted(call.provider, model, server, call.tier))
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

    def _offers(self, wanted: _Wanted) -> tuple[tuple[Offer, ...], Reason]:
        if len(wanted.model) > NAME_LENGTH:
            return (), "unknown_model"
        if len(wanted.provider or "") > NAME_LENGTH:
            return (), "unknown_provider"
        return self._cached(wanted)

    def _find(self, wanted: _Wanted) -> tuple[tuple[Offer, ...], Reason]:
        """Return what a model costs at any time, in the order of preference, and the reason where that is nothing."""
        listed = self._listed(wanted.provider, wanted.model, wanted.tier)
        own = tuple(self._own(wanted, listed))
        return ((*own, listed), "no_price") if isinstance(listed, Offer) else (own, listed)

    def _own(self, wanted: _Wanted, listed: Offer | Reason) -> Iterator[Offer]:
        names, refs = provider_names(wanted.provider), model_refs(wanted.model)
        for rule in self._rules:
            entry = rule.entry
            if (
                entry.service_tier in (None, wanted.tier)
                and any(map(rule.provider.match, names))
                and any(map(rule.model.match, refs))
                and rule.server.match(wanted.server)
            ):
                base = self._listed(wanted.provider, entry.same_as, wanted.tier) if entry.same_as else listed
                if offer := _offer(rule, names[1], refs[0], base):
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


def _offer(rule: _Rule, provider: str, model: str, listed: Offer | Reason) -> Offer | None:
    """Return what one entry makes of a model's price; None if that is relative to one that is not known."""
    entry = rule.entry
    begin, end = _midnight(entry.valid_from, ALWAYS[0]), _midnight(entry.valid_to, ALWAYS[1], days=1)
    provenance = _provenance(rule.source, rule.version)
    if entry.free:
        return Offer(begin, end, ModelPrices(provider, model, (), (), ((_FREE,),)), provenance)
    if entry.usd_per_million:
        tiers = {0: entry.usd_per_million.given}
        tiers |= {tier.above_input_tokens: tier.usd_per_million.given for tier in entry.tiers}
        prices = compile_constant(provider, model, tiers, entry.usd_per_request)
    elif isinstance(listed, Offer):
        prices = listed.prices
        version = f"{listed.provenance[semconv.COST_PRICE_VERSION]}+{rule.version}"
        provenance = _provenance(listed.provenance[semconv.COST_SOURCE], version)
    else:
        return None
    return Offer(begin, end, prices.scaled(entry.factor), provenance)


def _midnight(day: date | None, otherwise: int, *, days: int = 0) -> int:
    if day is None:
        return otherwise
    return int(datetime.combine(day, time(), UTC).timestamp() + days * 86_400) * 10**9


def _provenance(source: str, version: str) -> Mapping[str, str]:
    return {semconv.COST_STATUS: "priced", semconv.COST_SOURCE: source, semconv.COST_PRICE_VERSION: version}
