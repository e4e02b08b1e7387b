from __future__ import annotations

from typing import Any

import pytest

from otel_llm_processors.gen_ai_normalizer import factory
from otel_llm_processors.gen_ai_normalizer.providers import _CURRENT, _NAMES, provider
from tests.processors.gen_ai_normalizer.items import attributes_of, span_of

processor = factory.build()


def provider_of(attributes: dict[str, Any]) -> Any:
    """Return the provider's name after the processor."""
    span = span_of(attributes)
    processor.process_span(span)
    return attributes_of(span).get("gen_ai.provider.name")


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("vertex_ai", "gcp.vertex_ai"),
        ("gemini", "gcp.gemini"),
        ("az.ai.inference", "azure.ai.inference"),
        ("az.ai.openai", "azure.ai.openai"),
        ("xai", "x_ai"),
        ("AWS Bedrock", "aws.bedrock"),
        ("amazon-bedrock", "aws.bedrock"),
        ("OpenAI", "openai"),
        ("Vertex AI", "gcp.vertex_ai"),
        ("IBM Watsonx", "ibm.watsonx.ai"),
        ("MistralAI", "mistral_ai"),
        ("Ollama", "ollama"),
        ("anthropic", "anthropic"),
    ],
)
def test_names_are_brought_to_the_current_ones(old: str, new: str) -> None:
    """Under the old attribute and under the new; a name that nobody lists is written in lower case."""
    assert new == provider_of({"gen_ai.system": old})
    assert new == provider_of({"gen_ai.provider.name": old})


def test_a_current_name_is_brought_to_itself() -> None:
    """A second run changes nothing."""
    assert all(provider(name) == name for name in _CURRENT)
    assert {provider(name) for name in _NAMES.values()} <= _CURRENT


@pytest.mark.parametrize(
    "framework", ["langchain", "LangChain", "litellm", "crewai", "strands-agents", "microsoft.agent_framework", ""]
)
@pytest.mark.parametrize(
    ("clues", "inferred"),
    [
        ({"server.address": "api.openai.com"}, "openai"),
        ({"server.address": "me.openai.azure.com", "gen_ai.request.model": "gpt-4o"}, "azure.ai.openai"),
        ({"server.address": "bedrock-runtime.eu-west-1.amazonaws.com"}, "aws.bedrock"),
        ({"server.address": "us-central1-aiplatform.googleapis.com"}, "gcp.vertex_ai"),
        ({"gen_ai.request.model": "eu.anthropic.claude-sonnet-4-20250514-v1:0"}, "aws.bedrock"),
        ({"gen_ai.request.model": "meta.llama3-1-70b-instruct-v1:0"}, "aws.bedrock"),
        ({"gen_ai.request.model": "arn:aws:bedrock:us-east-1:1:inference-profile/x"}, "aws.bedrock"),
        ({"gen_ai.request.model": "azure/my-deployment"}, "azure.ai.openai"),
        ({"gen_ai.request.model": "claude-sonnet-4@20250514"}, "gcp.vertex_ai"),
        ({"gen_ai.request.model": "gpt-4o", "gen_ai.response.model": "gpt-4o-2024-08-06"}, "openai"),
        ({"gen_ai.response.model": "claude-sonnet-4-5"}, "anthropic"),
        ({"gen_ai.request.model": "gemini-2.5-pro"}, "gcp.gen_ai"),
        ({"gen_ai.request.model": "my-alias", "gen_ai.response.model": "o3-mini"}, "openai"),
        ({"gen_ai.request.model": "openai/gpt-4o"}, "openai"),
        ({"gen_ai.request.model": "anthropic/claude-sonnet-4.5"}, "anthropic"),
        ({"gen_ai.request.model": "groq/llama-3.3-70b-versatile"}, "groq"),
        ({"gen_ai.request.model": "openrouter/openai/gpt-4o"}, "openrouter"),
    ],
)
def test_a_framework_is_no_provider(framework: str, clues: dict[str, str], inferred: str) -> None:
    """Who answered is read from the address or the model where they leave no doubt."""
    assert inferred == provider_of({"gen_ai.system": framework, **clues})


@pytest.mark.parametrize(
    "clues",
    [
        {},
        {"server.address": "llm-proxy.internal", "gen_ai.request.model": "gpt-4o"},
        {"gen_ai.request.model": "gpt-oss-120b"},
        {"gen_ai.request.model": "openai/gpt-oss-120b"},
        {"gen_ai.request.model": "google/gemma-3-27b-it"},
        {"gen_ai.request.model": "mistralai/mistral-large"},
        {"gen_ai.request.model": "meta.llama-3.3-70b-instruct"},
        {"gen_ai.request.model": "llama-3.3-70b"},
        {"gen_ai.request.model": "gpt-4o", "gen_ai.response.model": "claude-sonnet-4-5"},
        {"gen_ai.request.model": "gpt-4o" + "x" * 1_000_000},
        {"gen_ai.request.model": 4},
    ],
)
def test_where_there_is_doubt_the_framework_stays(clues: dict[str, Any]) -> None:
    """Models that many host, gateways, answers that do not match: a wrong provider is a wrong price."""
    attributes = {"gen_ai.system": "langchain", **clues}

    assert provider_of(attributes) is None
    assert "langchain" == provider_of({**attributes, "gen_ai.provider.name": "langchain"})


@pytest.mark.parametrize(
    ("inferred", "operation", "attributes"),
    [
        ("openai", "chat", {"gen_ai.request.model": "house-model", "server.address": "api.openai.com"}),
        ("openai", "embeddings", {"gen_ai.request.model": "text-embedding-3-small"}),
        ("anthropic", None, {"gen_ai.response.model": "claude-sonnet-4-5"}),
        (None, "chat", {"gen_ai.request.model": "gpt-4o", "server.address": "proxy.example"}),
        (None, "chat", {"gen_ai.request.model": "house-model"}),
        (None, "invoke_agent", {"gen_ai.request.model": "gpt-4o", "server.address": "api.openai.com"}),
    ],
)
def test_a_missing_provider_is_inferred_for_calls_where_there_is_no_doubt(
    inferred: str | None, operation: str | None, attributes: dict[str, Any]
) -> None:
    """Local agents have none: a span of one without is as the conventions want it."""
    told = {} if operation is None else {"gen_ai.operation.name": operation}

    assert inferred == provider_of(told | attributes)
