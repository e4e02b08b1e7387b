"""Google's Agent Development Kit, whose second schema writes the current names.

Source: `google/adk/telemetry` of google/adk-python 2.13.
"""

from __future__ import annotations

from typing import Final

from otel_llm import semconv
from otel_llm_processors.gen_ai_normalizer.converters import completion_json, request_json, text_or_json
from otel_llm_processors.gen_ai_normalizer.dialects.dialect import Dialect, Spelling

__all__ = ["DIALECT"]

DIALECT: Final = Dialect(
    name="google_adk",
    label="google_adk",
    markers=(semconv.GEN_AI_PREFIX.encode(),),
    scopes=("gcp.vertex.agent",),
    signs=("gcp.vertex.agent.llm_request", "gcp.vertex.agent.invocation_id", "gcp.vertex.agent.event_id"),
    fields={
        semconv.GEN_AI_CONVERSATION_ID: ("gcp.vertex.agent.session_id",),
        semconv.GEN_AI_INPUT_MESSAGES: (Spelling("gcp.vertex.agent.llm_request", request_json),),
        semconv.GEN_AI_OUTPUT_MESSAGES: (Spelling("gcp.vertex.agent.llm_response", completion_json),),
        semconv.GEN_AI_TOOL_CALL_ARGUMENTS: (Spelling("gcp.vertex.agent.tool_call_args", text_or_json),),
        semconv.GEN_AI_TOOL_CALL_RESULT: (Spelling("gcp.vertex.agent.tool_response", text_or_json),),
    },
)
