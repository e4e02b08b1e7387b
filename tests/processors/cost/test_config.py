from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from otel_llm_processors.cost import CostConfig, factory


@pytest.mark.parametrize(
    ("raw", "aliases"),
    [
        ({}, ("gen_ai.usage.cost",)),
        ({"aliases": []}, ()),
        ({"aliases": ["operation.cost", "llm.cost.total"]}, ("operation.cost", "llm.cost.total")),
    ],
)
def test_aliases_are_what_the_config_says(raw: dict[str, Any], aliases: tuple[str, ...]) -> None:
    """One alias unless told, and none where an empty list says so."""
    assert aliases == CostConfig.model_validate(raw).aliases


@pytest.mark.parametrize(
    ("alias", "message"),
    [
        ("gen_ai.usage.total_cost", "must not start with gen_ai.usage."),
        ("gen_ai.usage.cost.amount", "must not start with gen_ai.usage."),
        ("otel_llm.cost.total_usd", "must not start with otel_llm."),
        ("", "must not be empty"),
    ],
)
def test_an_alias_that_would_do_harm_is_refused(alias: str, message: str) -> None:
    """A number under `gen_ai.usage.` would be counted as tokens by Langfuse."""
    with pytest.raises(ValidationError, match=message):
        factory.build({"aliases": ["gen_ai.usage.cost", alias]})
