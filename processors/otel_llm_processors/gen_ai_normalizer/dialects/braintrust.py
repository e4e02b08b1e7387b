"""Braintrust's SDKs, which put what they know of a call into four attributes as JSON.

Source: spans of braintrustdata's SDKs for Go, Java, Ruby and .NET; the last writes the metrics one by one.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from otel_llm import semconv
from otel_llm_processors.gen_ai_normalizer.converters import completion_json, one_of, prompt_json
from otel_llm_processors.gen_ai_normalizer.dialects.dialect import Dialect, Spelling, member
from otel_llm_processors.gen_ai_normalizer.structures import structure

if TYPE_CHECKING:
    from otel_llm.attributes import Value

__all__ = ["DIALECT"]

_TYPES: Final = {"llm": "chat", "tool": "execute_tool", "task": "invoke_workflow"}
_ABOUT: Final = "braintrust.metadata"
_METRICS: Final = "braintrust.metrics"
_WRITTEN: Final = ("prompt_cache_creation_5m_tokens", "prompt_cache_creation_1h_tokens")


def _measured(name: str) -> tuple[Spelling, ...]:
    return member(_METRICS, name), Spelling(f"{_METRICS}.{name}")


def _written(value: Value) -> int | None:
    """Return what was written to a cache, however long it stays there."""
    metrics = structure(value)
    counts = [metrics.get(name) for name in _WRITTEN] if type(metrics) is dict else []
    known = [count for count in counts if type(count) is int]
    return sum(known) if known else None


DIALECT: Final[Dialect] = Dialect(
    name="braintrust",
    label="braintrust",
    markers=(b"braintrust.",),
    fields={
        semconv.GEN_AI_OPERATION_NAME: (
            Spelling("braintrust.span_attributes", one_of(_TYPES), path=("type",), is_kept=True),
            Spelling("braintrust.span_attributes.type", one_of(_TYPES)),
        ),
        semconv.GEN_AI_PROVIDER_NAME: (member(_ABOUT, "provider"),),
        semconv.GEN_AI_REQUEST_MODEL: (member(_ABOUT, "model"),),
        semconv.GEN_AI_REQUEST_MAX_TOKENS: (member(_ABOUT, "max_tokens"),),
        semconv.GEN_AI_REQUEST_TEMPERATURE: (member(_ABOUT, "temperature"),),
        semconv.GEN_AI_REQUEST_TOP_P: (member(_ABOUT, "top_p"),),
        semconv.OPENAI_RESPONSE_SERVICE_TIER: (member(_ABOUT, "service_tier"),),
        semconv.GEN_AI_RESPONSE_TIME_TO_FIRST_CHUNK: _measured("time_to_first_token"),
        # usage
        semconv.GEN_AI_USAGE_INPUT_TOKENS: _measured("prompt_tokens"),
        semconv.GEN_AI_USAGE_OUTPUT_TOKENS: _measured("completion_tokens"),
        semconv.GEN_AI_USAGE_CACHE_READ_INPUT_TOKENS: _measured("prompt_cached_tokens"),
        semconv.GEN_AI_USAGE_CACHE_WRITE_INPUT_TOKENS: (
            *_measured("prompt_cache_creation_tokens"),
            Spelling(_METRICS, _written, is_kept=True),
        ),
        semconv.GEN_AI_USAGE_DETAILS_CACHE_WRITE_1H_TOKENS: _measured("prompt_cache_creation_1h_tokens"),
        semconv.GEN_AI_USAGE_REASONING_OUTPUT_TOKENS: _measured("completion_reasoning_tokens"),
        # content
        semconv.GEN_AI_INPUT_MESSAGES: (Spelling("braintrust.input_json", prompt_json, is_kept=True),),
        semconv.GEN_AI_OUTPUT_MESSAGES: (Spelling("braintrust.output_json", completion_json, is_kept=True),),
    },
)
