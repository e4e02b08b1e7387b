"""What a call may cost before it is made: by the same prices, tiers and rounding as what it turns out to have cost."""

from __future__ import annotations

from typing import TYPE_CHECKING

from otel_llm_processors.cost.catalogue import Call, Catalogue
from otel_llm_processors.cost.config import CostConfig
from otel_llm_processors.cost.price_list import Reader

if TYPE_CHECKING:
    from otel_llm.component import Settings

__all__ = ["Estimate"]


class Estimate:
    """Estimates by the prices that the config's cost processor has; of several, the first one's."""

    def __init__(self, settings: Settings) -> None:
        """Read the prices.

        Raises:
            ConfigError: files that the config names cannot be read, or not be used.
        """
        sources = (settings.find(CostConfig) or CostConfig()).prices
        reader = Reader(sources.files, sources.litellm)
        self._overrides = sources.overrides
        self._files = settings.watch(reader, *reader.paths)
        self._used = self._files.value
        self._catalogue = Catalogue.of(self._overrides, self._used)

    def __call__(
        self, provider: str | None, model: str, input_tokens: int, output_tokens: int, time_unix_nano: int, /
    ) -> int | None:
        """Return what a call with so many tokens costs, in pico-USD; None for a model without a price.

        Args:
            provider: Who sells it; None to infer that from the model.
            model: As on a span.
            input_tokens: All of them, none read from a cache.
            output_tokens: All of them.
            time_unix_nano: When.
        """
        if self._files.value is not self._used:
            self._used = self._files.value
            self._catalogue = Catalogue.of(self._overrides, self._used)
        rates = self._catalogue.quote(Call(provider, (model,)), time_unix_nano).rates
        usage = {"input_tokens": input_tokens, "output_tokens": output_tokens, "requests": 1}
        return rates.cost(usage).total if rates is not None and rates.covers(usage) else None
