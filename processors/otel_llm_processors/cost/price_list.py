"""Prices of one's own: what a price file, or `prices.overrides` of a config, says.

Nothing here needs genai-prices: a config is checked without its half a second.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from fractions import Fraction
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final, Literal, NamedTuple

from pydantic import BeforeValidator, Field, field_validator, model_validator

from otel_llm.component import Config, Count
from otel_llm.config.strict_yaml import load
from otel_llm.config.validation import validate
from otel_llm.errors import ConfigError
from otel_llm.reload.files import stamp
from otel_llm_processors.cost.litellm_prices import LiteLLMPrices
from otel_llm_processors.cost.rates import ServiceTier

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

__all__ = ["PriceEntry", "PriceSources", "PriceTier", "Reader", "Sheet", "TokenPrices", "age_s", "inline"]


_DAY_S: Final = 86_400
_OLD_DAYS: Final = 30
"""Providers change prices more often than that."""


def _number(value: Any) -> Any:
    if isinstance(value, bool):
        raise ValueError("must be a number, not true or false")  # noqa: TRY004 - pydantic passes on ValueError only
    return value


def _date_text(value: Any) -> Any:
    if not isinstance(value, date | str):
        raise ValueError("must be a date such as 2026-01-31")  # noqa: TRY004 - pydantic passes on ValueError only
    return value


Usd = Annotated[Decimal, BeforeValidator(_number), Field(ge=0, le=10**6, decimal_places=12)]
Share = Annotated[Decimal, BeforeValidator(_number), Field(gt=0, le=1, decimal_places=6)]
Day = Annotated[date, BeforeValidator(_date_text)]


class TokenPrices(Config):
    """USD for a million tokens of each kind. What is left out is charged as the kind that it is a part of."""

    input: Usd | None = None
    """Input that no other price here is for."""
    output: Usd | None = None
    """Output that no other price here is for. Left out: calls with output have no price."""
    cache_read: Usd | None = None
    """Input read from a cache."""
    cache_write: Usd | None = None
    """Input written to a cache."""
    cache_write_1h: Usd | None = None
    """Input written to a cache that keeps it for an hour."""
    input_audio: Usd | None = None
    """Audio input."""
    input_image: Usd | None = None
    """Image input."""
    input_video: Usd | None = None
    """Video input."""
    cache_audio_read: Usd | None = None
    """Audio input read from a cache. Left out: as `cache_read`."""
    cache_image_read: Usd | None = None
    """Image input read from a cache, likewise."""
    output_audio: Usd | None = None
    """Audio output."""
    output_image: Usd | None = None
    """Image output."""
    output_video: Usd | None = None
    """Video output."""
    output_reasoning: Usd | None = None
    """Reasoning."""

    @property
    def given(self) -> dict[str, Decimal]:
        """The prices that are there, by their field."""
        return {key: price for key, price in self if price is not None}

    @model_validator(mode="after")
    def _has_its_general_price(self) -> TokenPrices:
        if self.cache_write_1h is not None and self.cache_write is None:
            raise ValueError("cache_write_1h needs cache_write")
        for modality in ("audio", "image"):
            given = self.given
            if f"cache_{modality}_read" in given and not {"cache_read", f"input_{modality}"} <= given.keys():
                raise ValueError(f"cache_{modality}_read needs cache_read and input_{modality}")
        return self


class PriceTier(Config):
    """Prices of calls with more input than so much. They hold for all tokens of such a call."""

    above_input_tokens: Annotated[Count, Field(gt=0)]
    """Calls with more input tokens than this, cached ones included, are in the tier."""
    usd_per_million: TokenPrices
    """What differs from the entry's own prices."""


class PriceEntry(Config):
    """What some models cost: prices, or a discount on those of the list, or nothing at all."""

    model: str = Field(min_length=1)
    """A glob, such as `gpt-4o*`, for the model that answered. Case does not matter."""
    provider: str = "*"
    """A glob for `gen_ai.provider.name`. Spans without one are matched by `*` only."""
    server: str = "*"
    """A glob for `server.address`, such as `eu.api.openai.com`: some regions have other prices. Spans without one are
    matched by `*` only."""
    service_tier: ServiceTier | None = None
    """Only calls in this tier. Left out: all of them."""
    valid_from: Day | None = None
    """The first day, UTC."""
    valid_to: Day | None = None
    """The last day, UTC."""
    usd_per_million: TokenPrices | None = None
    """Prices of tokens. `input` is required."""
    usd_per_request: Usd | None = None
    """What each call costs besides its tokens."""
    tiers: tuple[PriceTier, ...] = ()
    """Other prices for calls with much input."""
    same_as: str | None = Field(default=None, min_length=1)
    """A model of the list, such as `gpt-4o`, that these cost the same as: for deployments with names of one's own."""
    discount: Share | None = None
    """What is taken off, as a share: `0.15` is 15 %. Without `usd_per_million`: off the price of the list."""
    surcharge: Share | None = None
    """What is put on, likewise."""
    free: Literal[True] | None = None
    """These calls cost nothing: such as those of a model on one's own machine."""

    @property
    def factor(self) -> Fraction:
        """What the prices are multiplied by."""
        return 1 + Fraction(self.surcharge or 0) - Fraction(self.discount or 0)

    @field_validator("model", "provider", "server")
    @classmethod
    def _lower(cls, glob: str) -> str:
        return glob.strip().lower()

    @model_validator(mode="after")
    def _says_one_thing(self) -> PriceEntry:
        prices = self.usd_per_million
        if self.free and not self._only("free"):
            raise ValueError("what is free has neither prices nor a discount")
        if self.discount is not None and self.surcharge is not None:
            raise ValueError("has a discount or a surcharge, not both")
        if prices and self.same_as:
            raise ValueError("has usd_per_million or same_as, not both")
        if self._only():
            raise ValueError("needs usd_per_million, same_as, discount, surcharge or free")
        if prices is None and (self.tiers or self.usd_per_request is not None):
            raise ValueError("tiers and usd_per_request need usd_per_million")
        if prices is not None:
            self._check_tiers(prices)
        if self.valid_from and self.valid_to and self.valid_from > self.valid_to:
            raise ValueError("valid_from is after valid_to")
        return self

    def _only(self, *allowed: str) -> bool:
        """Tell whether nothing says what a call costs, other than what is allowed."""
        said = ("usd_per_million", "usd_per_request", "tiers", "same_as", "discount", "surcharge", "free")
        return not any(getattr(self, field) for field in said if field not in allowed)

    def _check_tiers(self, prices: TokenPrices) -> None:
        if prices.input is None:
            raise ValueError("usd_per_million needs input")
        if any(not tier.usd_per_million.given.keys() <= prices.given.keys() for tier in self.tiers):
            raise ValueError("a tier has a price that usd_per_million lacks")
        starts = [tier.above_input_tokens for tier in self.tiers]
        if len(set(starts)) < len(starts):
            raise ValueError("two tiers begin at the same number of tokens")


class PriceFile(Config):
    """What a price file holds."""

    prices: tuple[PriceEntry, ...]
    """Of those that match, the first is taken."""


class PriceSources(Config):
    """Where prices come from besides genai-prices."""

    overrides: tuple[PriceEntry, ...] = ()
    """Prices of one's own. They come first; of those that match, the first is taken."""
    files: tuple[Path, ...] = ()
    """YAML files with a list `prices` of the same entries, after `overrides`. Read again when they change."""
    litellm: Path | None = None
    """A JSON file in the format of LiteLLM's `model_prices_and_context_window.json`, for models that genai-prices does
    not have. Read again when it changes."""

    def weaknesses(self) -> Iterator[str]:
        """Return which files have not changed for a month."""
        reader = Reader(self.files, self.litellm)
        for path in reader.paths:
            days = int(age_s(path, time.time) // _DAY_S)
            if days > _OLD_DAYS:
                yield f"{path} has not changed for {days} days: its prices may be out of date"


@dataclass(frozen=True)
class Sheet:
    """Entries of one origin."""

    source: str
    version: str
    entries: tuple[PriceEntry, ...]


class Read(NamedTuple):
    """What files say."""

    sheets: tuple[Sheet, ...]
    overlay: LiteLLMPrices | None


@dataclass(frozen=True)
class Reader:
    """Makes prices of the bytes of files. Two for the same files are equal, so that processors share what is read."""

    files: tuple[Path, ...]
    litellm: Path | None

    @property
    def paths(self) -> Sequence[Path]:
        """What is to be read, in the order of the arguments."""
        return (*self.files, self.litellm) if self.litellm else self.files

    def __call__(self, *contents: bytes) -> Read:
        """Return the prices. Raises `ConfigError` with everything that is wrong in any file."""
        problems: list[str] = []
        sheets = []
        overlay = None
        for position, (path, content) in enumerate(zip(self.paths, contents, strict=True)):
            try:
                if position < len(self.files):
                    sheets.append(_sheet(path, content))
                else:
                    overlay = LiteLLMPrices.read(path, content)
            except ConfigError as error:
                problems += error.problems
        if problems:
            raise ConfigError(*problems)
        return Read(tuple(sheets), overlay)


def age_s(path: Path, clock: Callable[[], float]) -> float:
    """Return for how many seconds a file has not changed; 0 for one that is not there."""
    seen = stamp(path)
    return max(0.0, clock() - seen[2] / 1e9) if seen else 0.0


_NO_ENVIRONMENT: Final[dict[str, str]] = {}


def inline(entries: Sequence[PriceEntry]) -> Sequence[Sheet]:
    """Return the entries of the config itself as a sheet, if there are any."""
    if not entries:
        return ()
    content = "\n".join(entry.model_dump_json() for entry in entries).encode()
    return (Sheet("config", digest(content), tuple(entries)),)


def digest(content: bytes) -> str:
    """Return what tells one content from another, and nothing of it or of where it was."""
    return sha256(content).hexdigest()[:8]


def _sheet(path: Path, content: bytes) -> Sheet:
    try:
        text = content.decode()
    except UnicodeDecodeError:
        raise ConfigError(f"{path}: is not UTF-8") from None
    document = load(text, _NO_ENVIRONMENT, source=str(path))
    file = validate(PriceFile, document)
    document.raise_problems()
    return Sheet("file", digest(content), file.prices if file else ())
