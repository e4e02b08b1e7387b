from __future__ import annotations

from typing import Any

import pytest
import yaml
from pydantic import ValidationError

from otel_llm_processors.gen_ai_normalizer import factory
from tests.processors.gen_ai_normalizer.items import attributes_of, span_of

CONTRIB = """
sources:
  - name: semconv
    remove_originals: true
    overwrite: false
"""


def normalised(raw: Any) -> dict[str, Any]:
    """Return a span that says one thing twice and one thing once, after a processor with that config."""
    span = span_of(
        {"gen_ai.system": "openai", "gen_ai.provider.name": "azure.ai.openai", "gen_ai.usage.prompt_tokens": 1}
    )
    factory.build(raw).process_span(span)
    return {key: value for key, value in attributes_of(span).items() if key != "otel_llm.dialect"}


KEPT = {"gen_ai.system": "openai", "gen_ai.usage.prompt_tokens": 1, "gen_ai.usage.input_tokens": 1}
AZURE = {"gen_ai.provider.name": "azure.ai.openai"}
OPENAI = {"gen_ai.provider.name": "openai"}


@pytest.mark.parametrize(
    ("config", "expected"),
    [
        ("{}", {**KEPT, **AZURE}),
        (CONTRIB, {"gen_ai.usage.input_tokens": 1, **AZURE}),
        ("{sources: [{name: semconv}]}", {**KEPT, **AZURE}),
        ("{remove_originals: true}", {"gen_ai.usage.input_tokens": 1, **AZURE}),
        ("{overwrite: true}", {**KEPT, **OPENAI}),
        ("{overwrite: true, sources: [{name: semconv, overwrite: false}]}", {**KEPT, **AZURE}),
        ("{remove_originals: true, sources: [{name: semconv, remove_originals: false}]}", {**KEPT, **AZURE}),
    ],
)
def test_a_source_says_so_or_the_processor_does(config: str, expected: dict[str, Any]) -> None:
    """The keys are those of the Collector's processor; what a source leaves open is decided above it."""
    assert expected == normalised(yaml.safe_load(config))


@pytest.mark.parametrize(
    ("raw", "message"),
    [
        ({"sources": [{"name": "openinferense"}]}, "no such dialect; known are: semconv"),
        ({"sources": [{"name": "semconv"}, {"name": "semconv"}]}, "a dialect is named twice"),
        ({"sources": []}, "at least 1 item"),
        ({"sources": [{"name": "semconv", "remove": True}]}, "remove"),
        ({"sources": [{}]}, "name"),
        ({"sources": [{"name": "semconv", "mappings": {"our.model": "gen_ai.request.model"}}]}, "takes no mappings"),
        ({"sources": [{"name": "ours", "mappings": {"our.model": "gen_ai.model"}}]}, "gen_ai.model is no attribute"),
        ({"sources": [{"name": "ours", "mappings": {"gen_ai.request.model": "gen_ai.response.model"}}]}, "whole name"),
    ],
)
def test_a_source_that_cannot_be_is_refused(raw: dict[str, Any], message: str) -> None:
    """At start-up, with what is known."""
    with pytest.raises(ValidationError, match=message):
        factory.build(raw)


HOUSE = """
sources:
  - name: ours
    remove_originals: true
    mappings:
      our.model: gen_ai.request.model
      our.tokens.in: gen_ai.usage.input_tokens
      our.tokens.prompt: gen_ai.usage.input_tokens
"""


def test_a_dialect_of_ones_own_is_a_table_in_the_config() -> None:
    """It is read like the others, first of all, and found in requests where no other is spoken."""
    processor = factory.build(yaml.safe_load(HOUSE))
    span = span_of({"our.model": "gpt-4o", "our.tokens.prompt": "9", "our.other": 1, "gen_ai.system": "openai"})
    processor.process_span(span)

    assert {
        "gen_ai.request.model": "gpt-4o",
        "gen_ai.usage.input_tokens": 9,
        "gen_ai.provider.name": "openai",
        "gen_ai.system": "openai",
        "our.other": 1,
    } == {key: value for key, value in attributes_of(span).items() if key != "otel_llm.dialect"}
    assert b"our.model" in processor.markers
