"""Who is meant by the name of a provider, and who it must be where a framework put its own name there.

Names on the right are those of `gen_ai.provider.name` in the GenAI semantic conventions.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import TYPE_CHECKING, Final

from otel_llm import semconv
from otel_llm_processors.gen_ai_normalizer.converters import text

if TYPE_CHECKING:
    from collections.abc import Sequence

    from otel_llm.attributes import Value
    from otel_llm_processors.gen_ai_normalizer.draft import Draft

__all__ = ["infer_provider", "provider"]

_CURRENT: Final = frozenset(
    {
        "anthropic",
        "aws.bedrock",
        "azure.ai.inference",
        "azure.ai.openai",
        "cohere",
        "deepseek",
        "gcp.gemini",
        "gcp.gen_ai",
        "gcp.vertex_ai",
        "groq",
        "ibm.watsonx.ai",
        "mistral_ai",
        "moonshot_ai",
        "openai",
        "perplexity",
        "x_ai",
    }
)
"""The names that the conventions list."""

_NAMES: Final = {
    "az.ai.inference": "azure.ai.inference",
    "azure_ai": "azure.ai.inference",
    "az.ai.openai": "azure.ai.openai",
    "azure": "azure.ai.openai",
    "azure_openai": "azure.ai.openai",
    "amazon_bedrock": "aws.bedrock",
    "anthropic_bedrock": "aws.bedrock",
    "aws": "aws.bedrock",
    "aws_bedrock": "aws.bedrock",
    "awsbedrock": "aws.bedrock",
    "bedrock": "aws.bedrock",
    "bedrock.anthropic": "aws.bedrock",
    "bedrock_converse": "aws.bedrock",
    "azure.openai": "azure.ai.openai",
    "gemini": "gcp.gemini",
    "google_gemini": "gcp.gemini",
    "google": "gcp.gen_ai",
    "google_genai": "gcp.gen_ai",
    "google_gla": "gcp.gemini",
    "googleai": "gcp.gemini",
    "google.vertex": "gcp.vertex_ai",
    "google_vertex": "gcp.vertex_ai",
    "google_vertex_ai": "gcp.vertex_ai",
    "google_vertexai": "gcp.vertex_ai",
    "anthropic_vertex": "gcp.vertex_ai",
    "googlevertex.anthropic": "gcp.vertex_ai",
    "vertex.anthropic": "gcp.vertex_ai",
    "vertex.maas": "gcp.vertex_ai",
    "vertex_ai": "gcp.vertex_ai",
    "vertexai": "gcp.vertex_ai",
    "ibm_watsonx": "ibm.watsonx.ai",
    "watsonx": "ibm.watsonx.ai",
    "watsonx.ai": "ibm.watsonx.ai",
    "mistral": "mistral_ai",
    "mistralai": "mistral_ai",
    "moonshot": "moonshot_ai",
    "moonshotai": "moonshot_ai",
    "perplexity_ai": "perplexity",
    "x.ai": "x_ai",
    "xai": "x_ai",
}
"""Older and common names, folded as `provider` folds them."""

_NO_PROVIDERS: Final = frozenset(
    {
        "",
        "_other",
        "agno",
        "autogen",
        "crewai",
        "dspy",
        "gateway",
        "gcp.vertex.agent",
        "haystack",
        "koog",
        "langchain",
        "langgraph",
        "litellm",
        "llama_index",
        "llamaindex",
        "microsoft.agent_framework",
        "pydantic_ai",
        "ruby_llm",
        "semantic_kernel",
        "smolagents",
        "spring_ai",
        "strands_agents",
    }
)
"""Names of frameworks and of Vercel's gateway, which some write in the provider's place, folded likewise."""

_APIS: Final = re.compile(
    r"\.(chat|completions?|embeddings?|generative-ai|image|messages|responses|speech|text-embedding|transcription)$"
)
"""What the Vercel AI SDK appends to a provider for each of its endpoints."""

_SEPARATORS: Final = re.compile(r"[\s_-]+")

_HOSTS: Final = (
    (r"api\.openai\.com", "openai"),
    (r".+\.openai\.azure\.com", "azure.ai.openai"),
    (r".+\.(services|models|inference)\.ai\.azure\.com", "azure.ai.inference"),
    (r"api\.anthropic\.com", "anthropic"),
    (r"generativelanguage\.googleapis\.com", "gcp.gemini"),
    (r"(.+-)?aiplatform\.googleapis\.com", "gcp.vertex_ai"),
    (r"bedrock-runtime(-fips)?\..+\.amazonaws\.com", "aws.bedrock"),
    (r"api\.cohere\.(ai|com)", "cohere"),
    (r"api\.deepseek\.com", "deepseek"),
    (r"api\.groq\.com", "groq"),
    (r".+\.ml\.cloud\.ibm\.com", "ibm.watsonx.ai"),
    (r"api\.mistral\.ai", "mistral_ai"),
    (r"api\.moonshot\.(ai|cn)", "moonshot_ai"),
    (r"api\.perplexity\.ai", "perplexity"),
    (r"api\.x\.ai", "x_ai"),
)
"""Addresses at which one provider answers."""

_HOSTED_MODELS: Final = (
    (r"arn:aws[\w-]*:bedrock:.+", "aws.bedrock"),
    (r"([a-z-]+\.)?(amazon|anthropic)\..+", "aws.bedrock"),
    (r"([a-z-]+\.)?(ai21|cohere|deepseek|meta|mistral|openai|qwen|stability|writer)\..+:\d+", "aws.bedrock"),
    (r"claude-.+@\d{8}", "gcp.vertex_ai"),
    (r"(projects/.+/)?publishers/.+/models/.+", "gcp.vertex_ai"),
    (r"azure/.+", "azure.ai.openai"),
    (r"bedrock/.+", "aws.bedrock"),
    (r"gemini/.+", "gcp.gemini"),
    (r"vertex_ai/.+", "gcp.vertex_ai"),
    (r"deepseek/deepseek-.+", "deepseek"),
    (r"fireworks_ai/.+", "fireworks"),
    (r"groq/.+", "groq"),
    (r"mistral/.+", "mistral_ai"),
    (r"ollama(_chat)?/.+", "ollama"),
    (r"openrouter/.+", "openrouter"),
    (r"perplexity/sonar.*", "perplexity"),
    (r"together_ai/.+", "together_ai"),
    (r"watsonx/.+", "ibm.watsonx.ai"),
)
"""Forms of a model's name that one host alone uses, or that LiteLLM alone writes for it."""

_OWN_MODELS: Final = (
    (r"(openai/)?(ft:)?(chatgpt-|gpt-\d|o\d(-|$)|text-embedding-(3-|ada-)).*", "openai"),
    (r"(anthropic/)?claude-.+", "anthropic"),
    (r"(google(ai)?/|models/)?gemini-.+", "gcp.gen_ai"),
    (r"(x-?ai/)?grok-.+", "x_ai"),
    (r"(cohere/)?command-.+", "cohere"),
)
"""Models that are not given away, by who makes them: some write that before the name."""

_MODELS: Final = (semconv.GEN_AI_RESPONSE_MODEL, semconv.GEN_AI_REQUEST_MODEL)


_LOCAL: Final = frozenset({"create_agent", "execute_tool", "invoke_agent", "invoke_workflow", "plan"})
"""Operations that are not asked of a provider, or that the conventions give none."""

_LONGEST_NAME: Final = 256
"""No host or model has a longer name; and the patterns backtrack."""


def provider(value: Value) -> str | None:
    """Return the current name of a provider, in lower case; None for a framework's name."""
    if type(value) is not str:
        return None
    if value in _CURRENT:
        return value
    return _named(value) if len(value) <= _LONGEST_NAME else value.strip().lower()


@lru_cache(maxsize=1024)
def _named(value: str) -> str | None:
    name = value.strip().lower()
    folded = _SEPARATORS.sub("_", name)
    if folded not in _NAMES:
        name = _APIS.sub("", name)
        folded = _SEPARATORS.sub("_", name)
    if folded in _NO_PROVIDERS:
        return None
    return _NAMES.get(folded) or _only(_HOSTS, [name]) or name  # LiveKit has the address there


def infer_provider(spellings: Sequence[str], draft: Draft) -> str | None:
    """Return the provider that the address or the model leaves no doubt about.

    A model's maker is believed only where no address is given: at one that is not known, such as a proxy's, anybody may
    answer. Agents, workflows and tools have a provider only where somebody says so.
    """
    is_call = text(draft.get(semconv.GEN_AI_OPERATION_NAME)) not in _LOCAL
    if not is_call and not any(key in draft.item for key in spellings):
        return None
    address = text(draft.get(semconv.SERVER_ADDRESS))
    models = [model for key in _MODELS if (model := text(draft.get(key)))]
    return (
        (_only(_HOSTS, [address]) if address else None)
        or _only(_HOSTED_MODELS, models)
        or (None if address else _only(_OWN_MODELS, models))
    )


def _only(patterns: Sequence[tuple[str, str]], names: Sequence[str]) -> str | None:
    """Return the provider that *names* belong to; None if that is none, or more than one."""
    found = {
        next((provider for pattern, provider in patterns if re.fullmatch(pattern, name, re.IGNORECASE)), None)
        for name in names
        if len(name) <= _LONGEST_NAME
    } - {None}
    return found.pop() if len(found) == 1 else None
