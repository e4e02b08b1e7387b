"""The dialects that are known: one table each, in order of precedence.

To add one, write its table and put it into the list below, after those whose spellings it shares. One that is
read in its own scopes alone comes before those that use the same attributes otherwise.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from otel_llm_processors.gen_ai_normalizer.dialects import (
    anthropic_sdk,
    braintrust,
    claude_code,
    genkit,
    google_adk,
    laminar,
    langfuse,
    langsmith,
    litellm,
    livekit,
    mastra,
    microsoft,
    mlflow,
    openinference,
    openlit,
    pydantic_ai,
    semconv,
    strands,
    traceloop,
    variants,
    vercel,
    voltagent,
)

if TYPE_CHECKING:
    from otel_llm_processors.gen_ai_normalizer.dialects.dialect import Dialect

__all__ = ["DIALECTS"]

DIALECTS: Final[dict[str, Dialect]] = {
    dialect.name: dialect
    for dialect in (
        semconv.DIALECT,
        anthropic_sdk.DIALECT,
        claude_code.DIALECT,
        litellm.DIALECT,
        strands.DIALECT,
        traceloop.DIALECT,
        openlit.DIALECT,
        pydantic_ai.DIALECT,
        microsoft.DIALECT,
        google_adk.DIALECT,
        langsmith.DIALECT,
        mlflow.DIALECT,
        langfuse.DIALECT,
        vercel.DIALECT,
        genkit.DIALECT,
        laminar.DIALECT,
        variants.DIALECT,
        mastra.DIALECT,
        livekit.DIALECT,
        braintrust.DIALECT,
        voltagent.DIALECT,
        openinference.DIALECT,
    )
}
"""Dialects by the name that `sources` uses."""
