"""From the names on a span to a model in the data of genai-prices.

The rules that match names are the data's own. What is here are the names that they miss. The lookup of genai-prices is
passed by, because it remembers every name that it was ever asked for.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from genai_prices.data_snapshot import find_provider_by_id

if TYPE_CHECKING:
    from collections.abc import Sequence

    from genai_prices.types import ModelInfo, Provider

    from otel_llm_processors.cost.rates import Reason

__all__ = ["find_model", "model_refs", "provider_names"]

_PROVIDERS: Final = {
    "azure.ai.inference": "azure",
    "azure.ai.openai": "azure",  # the data would say openai; its azure falls back to openai
    "azure_ai": "azure",
    "fireworks-ai": "fireworks",
    "fireworks_ai": "fireworks",
    "gcp.gen_ai": "google",
    "togetherai": "together",
    "x_ai": "x-ai",
}
"""Names of the semantic conventions and of LiteLLM that the data does not know or takes for another provider."""

_UNLISTED: Final = frozenset({"huggingface", "ibm.watsonx.ai", "llamacpp", "lmstudio", "ollama", "sagemaker", "vllm"})
"""Hosts without prices in the data. Their models carry the names of models that others sell: to infer those would put
DeepSeek's price on a DeepSeek model that runs on one's own machine."""


def find_model(providers: list[Provider], provider: str | None, model: str) -> tuple[Provider, ModelInfo] | Reason:
    """Return the provider and the model that are meant, or why they are not known.

    Args:
        providers: The data.
        provider: As on the span; None if missing. A name of none, such as a framework's, counts as missing.
        model: As on the span.
    """
    name = (provider or "").strip().lower()
    if name in _UNLISTED:
        return "unknown_provider"
    refs = model_refs(model)
    seller = find_provider_by_id(providers, _PROVIDERS.get(name, name)) if name else None
    if seller is None and name == "litellm":
        prefix, _, rest = refs[0].partition("/")
        seller = find_provider_by_id(providers, _PROVIDERS.get(prefix, prefix)) if rest else None
        refs = refs if seller is None else [rest, *refs]
    seller = seller or _infer(providers, refs)
    if seller is None:
        return "unknown_provider"
    for ref in (*refs, *_without_seller(providers, seller, refs)):
        if found := seller.find_model(ref, all_providers=providers):
            return seller, found
    return "unknown_model"


def provider_names(provider: str | None) -> tuple[str, str]:
    """Return a provider's name as it stands on a span and as the data has it, in lower case; empty if missing."""
    name = (provider or "").strip().lower()
    return name, _PROVIDERS.get(name, name)


def model_refs(model: str) -> list[str]:
    """Return the name, and what is left of it without the resource path before it.

    `models/m`, `publishers/p/models/m`, `projects/x/locations/y/publishers/p/models/m`, `accounts/a/models/m`. As it is
    comes first: Fireworks' models are listed by their whole path.
    """
    ref = model.strip().lower()
    bare = ref.rpartition("/models/")[2].removeprefix("models/")
    return [ref] if bare == ref else [ref, bare]


def _without_seller(providers: list[Provider], seller: Provider, refs: Sequence[str]) -> list[str]:
    """Return what is left of the names before which LiteLLM, and who is like it, put the seller's."""
    split = [ref.partition("/") for ref in refs]
    return [
        rest
        for prefix, _, rest in split
        if rest and find_provider_by_id(providers, _PROVIDERS.get(prefix, prefix)) is seller
    ]


def _infer(providers: Sequence[Provider], refs: Sequence[str]) -> Provider | None:
    """Return the one provider that claims the model's name; None if several do, or none."""
    for ref in refs:
        claims = [provider for provider in providers if provider.model_match and provider.model_match.is_match(ref)]
        if claims:
            return claims[0] if len(claims) == 1 else None
    return None
