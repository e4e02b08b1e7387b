from __future__ import annotations

import pytest
from genai_prices.data import providers

from otel_llm_processors.cost.matching import find_model


def match(provider: str | None, model: str) -> str:
    """Return what was found, as `provider: model`, or why nothing was."""
    found = find_model(providers, provider, model)
    return found if isinstance(found, str) else f"{found[0].id}: {found[1].id}"


@pytest.mark.parametrize(
    ("provider", "model", "expected"),
    [
        ("openai", "gpt-4o-2024-08-06", "openai: gpt-4o"),
        ("anthropic", "claude-sonnet-4-20250514", "anthropic: claude-sonnet-4-0"),
        (
            "aws.bedrock",
            "anthropic.claude-3-haiku-20240307-v1:0",
            "aws: regional.anthropic.claude-3-haiku-20240307-v1:0",
        ),
        ("azure.ai.openai", "gpt-4o-2024-08-06", "azure: gpt-4o"),
        ("azure.ai.inference", "gpt-4o", "azure: gpt-4o"),
        ("cohere", "command-r-plus", "cohere: command-r-plus"),
        ("deepseek", "deepseek-chat", "deepseek: deepseek-chat"),
        ("gcp.gemini", "gemini-2.5-pro", "google: gemini-2.5-pro"),
        ("gcp.gen_ai", "gemini-2.5-pro", "google: gemini-2.5-pro"),
        ("gcp.vertex_ai", "claude-sonnet-4@20250514", "google: claude-4-sonnet"),
        ("groq", "llama-3.1-8b-instant", "groq: llama-3.1-8b-instant"),
        ("mistral_ai", "mistral-small-latest", "mistral: mistral-small-latest"),
        ("moonshot_ai", "kimi-k2-0711-preview", "moonshotai: kimi-k2-0711-preview"),
        ("perplexity", "sonar", "perplexity: sonar"),
        ("x_ai", "grok-3", "x-ai: grok-3"),
        ("ibm.watsonx.ai", "ibm/granite-13b-chat-v2", "unknown_provider"),
    ],
)
def test_every_provider_of_the_conventions_is_known(provider: str, model: str, expected: str) -> None:
    """Each value of `gen_ai.provider.name` leads to its models, where the data has prices for that provider at all."""
    assert expected == match(provider, model)


@pytest.mark.parametrize(
    ("provider", "model", "expected"),
    [
        ("gcp.gemini", "models/gemini-2.5-pro", "google: gemini-2.5-pro"),
        ("gcp.vertex_ai", "publishers/anthropic/models/claude-sonnet-4@20250514", "google: claude-4-sonnet"),
        ("gcp.vertex_ai", "projects/p/locations/l/publishers/google/models/gemini-2.5-pro", "google: gemini-2.5-pro"),
        ("fireworks_ai", "accounts/fireworks/models/deepseek-v3-0324", "fireworks: deepseek-v3-0324"),
        (None, "accounts/fireworks/models/deepseek-v3-0324", "fireworks: deepseek-v3-0324"),
        (None, "models/gemini-2.5-pro", "google: gemini-2.5-pro"),
        ("openai", "models/", "unknown_model"),
        (" OpenAI ", " GPT-4o\n", "openai: gpt-4o"),
    ],
)
def test_a_model_is_found_through_its_resource_path(provider: str | None, model: str, expected: str) -> None:
    """A path before a model's name, case and surrounding blanks do not keep it from being found."""
    assert expected == match(provider, model)


@pytest.mark.parametrize("provider", [None, "", "langchain", "strands-agents", "acme-gateway"])
def test_a_missing_provider_is_inferred_from_the_model(provider: str | None) -> None:
    """Without a provider, or with a name that is none, the one that claims the model's name is taken."""
    assert "openai: gpt-4o" == match(provider, "gpt-4o")
    assert "anthropic: claude-3-opus-latest" == match(provider, "claude-3-opus")


@pytest.mark.parametrize(
    ("provider", "model"),
    [(None, "databricks-claude-sonnet-4"), (None, "my-model"), ("ollama", "deepseek-r1"), ("huggingface", "gpt-4o")],
)
def test_what_is_ambiguous_is_not_inferred(provider: str | None, model: str) -> None:
    """Two claims are none, and a host of models that others sell does not get the others' prices."""
    assert "unknown_provider" == match(provider, model)


@pytest.mark.parametrize(
    ("model", "expected"),
    [
        ("groq/llama-3.1-8b-instant", "groq: llama-3.1-8b-instant"),
        ("fireworks_ai/accounts/fireworks/models/deepseek-v3-0324", "fireworks: deepseek-v3-0324"),
        ("azure/gpt-4o", "azure: gpt-4o"),
        ("gpt-4o", "openai: gpt-4o"),
    ],
)
def test_litellm_names_the_provider_before_the_model(model: str, expected: str) -> None:
    """LiteLLM is no provider; its model names begin with one."""
    assert expected == match("litellm", model)


@pytest.mark.parametrize(
    ("provider", "model", "expected"),
    [
        ("groq", "groq/llama-3.1-8b-instant", "groq: llama-3.1-8b-instant"),
        ("anthropic", "anthropic/claude-3-opus", "anthropic: claude-3-opus-latest"),
        ("gcp.gemini", "gemini/gemini-2.5-pro", "google: gemini-2.5-pro"),
        ("openai", "groq/llama-3.1-8b-instant", "unknown_model"),
    ],
)
def test_a_provider_may_be_named_before_its_model_too(provider: str, model: str, expected: str) -> None:
    """Who calls through LiteLLM has such names. Another provider there is another's price."""
    assert expected == match(provider, model)


@pytest.mark.parametrize("model", ["my-deployment", "deepseek-chat", ""])
def test_a_known_provider_is_believed(model: str) -> None:
    """What a provider does not list is not looked for elsewhere, where it would cost something else."""
    assert "unknown_model" == match("openai", model)
