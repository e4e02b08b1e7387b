"""Prices in the format of LiteLLM's `model_prices_and_context_window.json`: it has models that genai-prices lacks."""

from __future__ import annotations

import re
from dataclasses import dataclass
from decimal import Decimal
from hashlib import sha256
from typing import TYPE_CHECKING, Any, Final

import orjson

from otel_llm.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

__all__ = ["LiteLLMModel", "LiteLLMPrices"]

_FIELDS: Final = {
    "input_cost_per_token": "input",
    "output_cost_per_token": "output",
    "cache_read_input_token_cost": "cache_read",
    "cache_creation_input_token_cost": "cache_write",
    "cache_creation_input_token_cost_above_1hr": "cache_write_1h",
    "input_cost_per_audio_token": "input_audio",
    "output_cost_per_audio_token": "output_audio",
    "input_cost_per_image_token": "input_image",
    "output_cost_per_image_token": "output_image",
    "output_cost_per_reasoning_token": "output_reasoning",
}
_VARIANT: Final = re.compile(
    r"(?P<field>.+?)(_above_(?P<thousands>[0-9]{1,6})k_tokens)?(_(?P<tier>flex|priority|batches))?"
)
_TIERS: Final = {"flex": "flex", "priority": "priority", "batches": "batch"}
_PROVIDERS: Final = {"bedrock_converse": "bedrock", "text-completion-openai": "openai", "cohere_chat": "cohere"}
_ALIASES: Final = {
    "aws.bedrock": "bedrock",
    "azure.ai.inference": "azure_ai",
    "azure.ai.openai": "azure",
    "gcp.gemini": "gemini",
    "gcp.gen_ai": "gemini",
    "gcp.vertex_ai": "vertex_ai",
    "mistral_ai": "mistral",
    "moonshot_ai": "moonshot",
    "x_ai": "xai",
}
"""Names of the semantic conventions, as LiteLLM has them."""


@dataclass(frozen=True)
class LiteLLMModel:
    """One entry, in USD per million tokens."""

    provider: str
    prices: Mapping[tuple[str, int, str], Decimal]
    """By kind of token, input tokens above which it holds (0: always) and service tier (empty: standard)."""

    def at(self, tier: str) -> Mapping[int, Mapping[str, Decimal]]:
        """Return the prices of a service tier, the standard one's where it has none, by the input tokens above."""
        found: dict[int, dict[str, Decimal]] = {0: {}}
        for wanted in ("", tier):
            for (kind, above, of), price in self.prices.items():
                if of == wanted:
                    found.setdefault(above, {})[kind] = price
        return found


@dataclass(frozen=True)
class LiteLLMPrices:
    """The whole file."""

    version: str
    models: Mapping[str, LiteLLMModel]

    @classmethod
    def read(cls, path: Path, content: bytes) -> LiteLLMPrices:
        """Read the file. An entry that cannot be used is left out: the file is a third party's.

        Raises:
            ConfigError: it is no JSON object.
        """
        try:
            raw = orjson.loads(content)
        except orjson.JSONDecodeError:
            raise ConfigError(f"{path}: is not JSON") from None
        if not isinstance(raw, dict):
            raise ConfigError(f"{path}: must hold an object with a model's name for each key")
        models = {name.lower(): model for name, entry in raw.items() if (model := _model(entry))}
        return cls(sha256(content).hexdigest()[:8], models)

    def find(self, provider: str, refs: Iterable[str]) -> LiteLLMModel | None:
        """Return the entry of a provider's model; *refs* are its names, in lower case."""
        seller = _ALIASES.get(provider, provider)
        for ref in refs:
            for name in (f"{seller}/{ref}", ref):
                model = self.models.get(name)
                if model and seller in ("", "litellm", model.provider, _PROVIDERS.get(model.provider)):
                    return model
        return None


def _model(entry: Any) -> LiteLLMModel | None:
    if not isinstance(entry, dict) or not isinstance(provider := entry.get("litellm_provider"), str):
        return None
    prices: dict[tuple[str, int, str], Decimal] = {}
    for key, value in entry.items():
        match = _VARIANT.fullmatch(key)
        kind = _FIELDS.get(match["field"]) if match else None
        if match is None or kind is None or type(value) not in (int, float) or not 0 <= value <= 1:
            continue
        above = int(match["thousands"] or 0) * 1000
        prices[kind, above, _TIERS.get(match["tier"] or "", "")] = Decimal(str(value)) * 10**6
    # Where it does not know a price, the file says 0: that is not free.
    return LiteLLMModel(provider.lower(), prices) if prices.get(("input", 0, "")) else None
