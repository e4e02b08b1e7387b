"""Mastra's exporter: its first versions had answers in a form of their own, later ones write current names.

Source: `observability/otel-exporter/src` of mastra-ai/mastra, and version 0.3 of the package.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from otel_llm import semconv
from otel_llm_processors.gen_ai_normalizer.converters import answer_json
from otel_llm_processors.gen_ai_normalizer.dialects.dialect import Dialect, Spelling
from otel_llm_processors.gen_ai_normalizer.structures import decoded

if TYPE_CHECKING:
    from otel_llm.attributes import Value

__all__ = ["DIALECT"]


def _answer(value: Value) -> str | None:
    return answer_json(decoded(value))


DIALECT: Final[Dialect] = Dialect(
    name="mastra",
    label="mastra",
    markers=(b"mastra.span.type",),
    signs=("mastra.span.type",),
    fields={
        semconv.GEN_AI_OUTPUT_MESSAGES: (Spelling("gen_ai.completion", _answer),),
    },
)
