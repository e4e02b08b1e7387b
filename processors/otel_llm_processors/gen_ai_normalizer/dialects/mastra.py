"""Mastra's exporter: its first versions had operations and tools of their own, later ones write current names.

Source: `observability/otel-exporter/src` of mastra-ai/mastra, and version 0.3 of the package.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from otel_llm import semconv
from otel_llm_processors.gen_ai_normalizer.converters import answer_json, one_of, text_or_json
from otel_llm_processors.gen_ai_normalizer.dialects.dialect import Dialect, Spelling
from otel_llm_processors.gen_ai_normalizer.structures import decoded

if TYPE_CHECKING:
    from otel_llm.attributes import Value

__all__ = ["DIALECT"]

_OPERATIONS: Final = {
    "tool_selection": "chat",
    "tool.execute": "execute_tool",
    "agent.run": "invoke_agent",
    "workflow.run": "invoke_workflow",
}


def _answer(value: Value) -> str | None:
    return answer_json(decoded(value))


DIALECT: Final = Dialect(
    name="mastra",
    label="mastra",
    markers=(b"mastra.span.type",),
    signs=("mastra.span.type",),
    fields={
        semconv.GEN_AI_OPERATION_NAME: (
            Spelling(semconv.GEN_AI_OPERATION_NAME, one_of(_OPERATIONS), is_believed=True, is_kept=True),
        ),
        semconv.GEN_AI_USAGE_CACHE_READ_INPUT_TOKENS: ("gen_ai.usage.cached_input_tokens",),
        semconv.GEN_AI_USAGE_AUDIO_INPUT_TOKENS: ("gen_ai.usage.audio_input_tokens",),
        semconv.GEN_AI_USAGE_AUDIO_OUTPUT_TOKENS: ("gen_ai.usage.audio_output_tokens",),
        semconv.GEN_AI_OUTPUT_MESSAGES: (Spelling("gen_ai.completion", _answer),),
        semconv.GEN_AI_TOOL_CALL_ARGUMENTS: (Spelling("gen_ai.tool.input", text_or_json),),
        semconv.GEN_AI_TOOL_CALL_RESULT: (Spelling("gen_ai.tool.output", text_or_json),),
    },
)
