"""MLflow's tracing. Every value is JSON, strings too.

Source: `mlflow/tracing/constant.py` of mlflow/mlflow 3.17.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from otel_llm import semconv
from otel_llm_processors.gen_ai_normalizer.converters import (
    completion_json,
    definitions_json,
    one_of,
    prompt_json,
    request_json,
)
from otel_llm_processors.gen_ai_normalizer.dialects.dialect import Dialect, Spelling, member
from otel_llm_processors.gen_ai_normalizer.structures import json_string

if TYPE_CHECKING:
    from otel_llm.attributes import Value

__all__ = ["DIALECT"]

_kind: Final = one_of(
    {
        "llm": "chat",
        "chat_model": "chat",
        "embedding": "embeddings",
        "reranker": "rerank",
        "retriever": "retrieval",
        "tool": "execute_tool",
        "agent": "invoke_agent",
        "chain": "invoke_workflow",
    }
)
_USAGE: Final = "mlflow.chat.tokenUsage"


def _operation(value: Value) -> Value:
    return _kind(json_string(value))


def _used(name: str) -> tuple[Spelling, ...]:
    return (member(_USAGE, name),)


DIALECT: Final = Dialect(
    name="mlflow",
    label="mlflow",
    markers=(b"mlflow.span",),
    fields={
        semconv.GEN_AI_OPERATION_NAME: (Spelling("mlflow.spanType", _operation),),
        semconv.GEN_AI_PROVIDER_NAME: (Spelling("mlflow.llm.provider", json_string),),
        semconv.GEN_AI_CONVERSATION_ID: (Spelling("mlflow.trace.session", json_string),),
        semconv.USER_ID: (Spelling("mlflow.trace.user", json_string),),
        semconv.GEN_AI_REQUEST_MODEL: (Spelling("mlflow.llm.model", json_string),),
        semconv.GEN_AI_USAGE_INPUT_TOKENS: _used("input_tokens"),
        semconv.GEN_AI_USAGE_OUTPUT_TOKENS: _used("output_tokens"),
        semconv.GEN_AI_USAGE_CACHE_READ_INPUT_TOKENS: _used("cache_read_input_tokens"),
        semconv.GEN_AI_USAGE_CACHE_WRITE_INPUT_TOKENS: _used("cache_creation_input_tokens"),
        semconv.GEN_AI_USAGE_DETAILS_CACHE_WRITE_1H_TOKENS: _used("cache_creation_input_tokens_above_1hr"),
        # content
        semconv.GEN_AI_INPUT_MESSAGES: (
            Spelling("mlflow.spanInputs", request_json, is_kept=True),
            Spelling("mlflow.spanInputs", prompt_json, is_kept=True),
        ),
        semconv.GEN_AI_OUTPUT_MESSAGES: (Spelling("mlflow.spanOutputs", completion_json, is_kept=True),),
        semconv.GEN_AI_TOOL_DEFINITIONS: (Spelling("mlflow.chat.tools", definitions_json),),
    },
)
