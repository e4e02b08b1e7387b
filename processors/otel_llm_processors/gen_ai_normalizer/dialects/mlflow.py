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
    from otel_llm_processors.gen_ai_normalizer.dialects.dialect import Convert

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
_ASKED: Final = "mlflow.spanInputs"
_ANSWER: Final = "mlflow.spanOutputs"
_USAGE: Final = "mlflow.chat.tokenUsage"


def _operation(value: Value) -> Value:
    return _kind(json_string(value))


def _used(name: str) -> Spelling:
    return member(_USAGE, name)


def _reported(convert: Convert) -> Spelling:
    """Return what is read from the usage that the provider reported, where the dialect's own leaves it out."""
    return Spelling(_ANSWER, convert, path=("usage",), is_kept=True)


def _embedded(usage: Value) -> Value:
    """Return the tokens of embeddings, which are all input."""
    return usage.get("prompt_tokens") if type(usage) is dict and "completion_tokens" not in usage else None


def _reasoned(usage: Value) -> Value:
    """Return the tokens of reasoning, as OpenAI's two APIs count them."""
    usage = usage if type(usage) is dict else {}
    details = usage.get("completion_tokens_details") or usage.get("output_tokens_details")
    return details.get("reasoning_tokens") if type(details) is dict else None


def _completion(value: Value) -> str | None:
    return completion_json(json_string(value))


DIALECT: Final[Dialect] = Dialect(
    name="mlflow",
    label="mlflow",
    markers=(b"mlflow.span",),
    fields={
        semconv.GEN_AI_OPERATION_NAME: (Spelling("mlflow.spanType", _operation),),
        semconv.GEN_AI_PROVIDER_NAME: (Spelling("mlflow.llm.provider", json_string),),
        semconv.GEN_AI_CONVERSATION_ID: (Spelling("mlflow.trace.session", json_string),),
        semconv.USER_ID: (Spelling("mlflow.trace.user", json_string),),
        semconv.GEN_AI_REQUEST_MODEL: (
            member(_ASKED, "model"),
            Spelling("mlflow.llm.model", json_string),  # that of the answer, where there is one
        ),
        semconv.GEN_AI_RESPONSE_MODEL: (member(_ANSWER, "model"),),
        semconv.GEN_AI_RESPONSE_FINISH_REASONS: (member(_ANSWER, "stop_reason"),),
        semconv.GEN_AI_USAGE_INPUT_TOKENS: (_used("input_tokens"), _reported(_embedded)),
        semconv.GEN_AI_USAGE_OUTPUT_TOKENS: (_used("output_tokens"),),
        semconv.GEN_AI_USAGE_CACHE_READ_INPUT_TOKENS: (_used("cache_read_input_tokens"),),
        semconv.GEN_AI_USAGE_CACHE_WRITE_INPUT_TOKENS: (_used("cache_creation_input_tokens"),),
        semconv.GEN_AI_USAGE_DETAILS_CACHE_WRITE_1H_TOKENS: (_used("cache_creation_input_tokens_above_1hr"),),
        semconv.GEN_AI_USAGE_REASONING_OUTPUT_TOKENS: (_reported(_reasoned),),
        # content
        semconv.GEN_AI_INPUT_MESSAGES: (
            Spelling(_ASKED, request_json, is_kept=True),
            Spelling(_ASKED, prompt_json, is_kept=True),
        ),
        semconv.GEN_AI_OUTPUT_MESSAGES: (Spelling(_ANSWER, _completion, is_kept=True),),
        semconv.GEN_AI_TOOL_DEFINITIONS: (Spelling("mlflow.chat.tools", definitions_json),),
    },
)
