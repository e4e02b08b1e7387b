"""Genkit, Google's framework, which puts a call's model, answer and usage into JSON.

Source: `js/core/src/tracing` and `js/ai/src/model.ts` of firebase/genkit.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from otel_llm import semconv
from otel_llm_processors.gen_ai_normalizer.converters import completion_json, one_of, prompt_json
from otel_llm_processors.gen_ai_normalizer.dialects.dialect import Dialect, Spelling, member

if TYPE_CHECKING:
    from otel_llm.attributes import Value

__all__ = ["DIALECT"]

_SUBTYPES: Final = {
    "model": "chat",
    "embedder": "embeddings",
    "reranker": "rerank",
    "retriever": "retrieval",
    "tool": "execute_tool",
    "flow": "invoke_workflow",
}
_OUTPUT: Final = "genkit:output"


def _model(name: Value) -> Value:
    """Return the model in `googleai/gemini-2.5-flash`; None for the name of a flow or tool."""
    return name.partition("/")[2] if type(name) is str else None


def _plugin(name: Value) -> Value:
    """Return who has it, in `googleai/gemini-2.5-flash`."""
    return name.partition("/")[0] if type(name) is str and "/" in name else None


DIALECT: Final[Dialect] = Dialect(
    name="genkit",
    label="genkit",
    markers=(b"genkit:",),
    fields={
        semconv.GEN_AI_OPERATION_NAME: (Spelling("genkit:metadata:subtype", one_of(_SUBTYPES)),),
        semconv.GEN_AI_CONVERSATION_ID: ("genkit:sessionId",),
        semconv.GEN_AI_PROVIDER_NAME: (Spelling("genkit:name", _plugin, is_kept=True),),
        semconv.GEN_AI_REQUEST_MODEL: (Spelling("genkit:name", _model, is_kept=True),),
        semconv.GEN_AI_RESPONSE_FINISH_REASONS: (member(_OUTPUT, "finishReason"),),
        semconv.GEN_AI_USAGE_INPUT_TOKENS: (member(_OUTPUT, "usage", "inputTokens"),),
        semconv.GEN_AI_USAGE_OUTPUT_TOKENS: (member(_OUTPUT, "usage", "outputTokens"),),
        semconv.GEN_AI_USAGE_REASONING_OUTPUT_TOKENS: (member(_OUTPUT, "usage", "thoughtsTokens"),),
        semconv.GEN_AI_USAGE_CACHE_READ_INPUT_TOKENS: (member(_OUTPUT, "usage", "cachedContentTokens"),),
        semconv.GEN_AI_INPUT_MESSAGES: (Spelling("genkit:input", prompt_json, is_kept=True),),
        semconv.GEN_AI_OUTPUT_MESSAGES: (Spelling(_OUTPUT, completion_json, is_kept=True),),
    },
)
