"""What a call may cost before it is made: by the same prices, tiers and rounding as what it turns out to have cost."""

from __future__ import annotations

from typing import TYPE_CHECKING

from otel_llm_processors.cost.catalogue import Call, Catalogue
from otel_llm_processors.cost.config import CostConfig
from otel_llm_processors.cost.price_list import Reader
from otel_llm_processors.cost.usage import UnusableUsage, check_consistent

if TYPE_CHECKING:
    from otel_llm.budget.ledger import TraceRow
    from otel_llm.component import Settings
    from otel_llm_processors.cost.usage import Usage

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
        usage = {"input_tokens": input_tokens, "output_tokens": output_tokens, "requests": 1}
        return self._cost(Call(provider, (model,)), usage, time_unix_nano)

    def cost_again(self, row: TraceRow, /) -> int | None:
        """Return what a call that was made costs by the prices that are now known for the time when it was.

        Args:
            row: As it is stored: of its tokens, what all calls have, and not its tier.
        """
        tokens = {
            "input_tokens": row.input_tokens,
            "output_tokens": row.output_tokens,
            "cache_read_tokens": row.cache_read_tokens,
            "cache_write_tokens": row.cache_write_tokens,
            "output_reasoning_tokens": row.reasoning_tokens,
        }
        usage = {key: number for key, number in tokens.items() if number is not None} | {"requests": 1}
        try:
            check_consistent(usage)
        except UnusableUsage:
            return None
        return self._cost(Call(row.provider, (row.response_model, row.request_model)), usage, row.start_ms * 10**6)

    def _cost(self, call: Call, usage: Usage, time_unix_nano: int) -> int | None:
        if self._files.value is not self._used:
            self._used = self._files.value
            self._catalogue = Catalogue.of(self._overrides, self._used)
        rates = self._catalogue.quote(call, time_unix_nano).rates
        return rates.cost(usage).total if rates is not None and rates.covers(usage) else None
